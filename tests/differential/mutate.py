# SPDX-License-Identifier: MIT
"""mutate.py - ways to change a string that every mutator uses"""


def swap_case(rng, s, share=0.3):
    return "".join(c.swapcase() if rng.random() < share else c for c in s)


def change_octet(rng, s, alphabet):
    """One octet out, in, twice, or another one."""
    if not s:
        return s
    i = rng.randrange(len(s))
    return rng.choice((
        s[:i] + s[i + 1:],
        s[:i] + rng.choice(alphabet) + s[i:],
        s[:i] + s[i] + s[i:],
        s[:i] + rng.choice(alphabet) + s[i + 1:],
    ))


def move(rng, items):
    """A list with one item somewhere else."""
    items = list(items)
    if len(items) > 1:
        items.insert(rng.randrange(len(items)), items.pop(rng.randrange(len(items))))
    return items


def several(rng, mutators, subject, most=3):
    """Applies one to @most mutators; their names tell what happened."""
    names = []
    for _ in range(rng.randint(1, most)):
        mutator = rng.choice(mutators)
        mutator(rng, subject)
        names.append(mutator.__name__)
    return names
