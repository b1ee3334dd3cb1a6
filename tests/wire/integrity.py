# SPDX-License-Identifier: MIT
"""integrity.py - every octet of many messages, through lines that lose, repeat, reorder and damage, on both sides of us

usage: integrity.py [messages=500] [at_once=12] [seed=1]

    client ═══ wire ═══ sekishod ═══ wire ═══ sink       10 % loss, 2 % repeated, 5 % held back, 2 % with a bit turned

As a mail client must, ours tries again what got no 250.  Each message must be at the sink at the end, none there may be one
that was not sent, and only a try without a 250 excuses a second copy.
"""
import collections
import hashlib
import queue
import random
import sys
import threading

from mail import Refused, body_of, send
from place import harm
from table import Lines, options

HARM = {"loss": 0.10, "repeat": 0.02, "hold": 0.05, "corrupt": 0.02}
TRIES = 5


def client(lines, jobs, tries):
    """Sends what is in @jobs; notes in @tries how often each was tried, and whether it was taken."""
    while True:
        try:
            n, body = jobs.get_nowait()
        except queue.Empty:
            return
        for attempt in range(1, TRIES + 1):
            try:
                send(lines.client.socket(), "10.2.0.2", body, timeout=120)
                tries[n] = (attempt, True)
                break
            except (Refused, OSError) as e:
                tries[n] = (attempt, False)
                print(f"# message {n}, attempt {attempt}: {e!r}", flush=True)


def main():
    o = options(sys.argv[1:], messages=500, at_once=12, seed=1)
    r = random.Random(o["seed"])
    bodies = [body_of(r.randint(1, 40000), o["seed"] * 100000 + n) for n in range(o["messages"])]
    jobs, tries = queue.Queue(), {}
    for job in enumerate(bodies):
        jobs.put(job)
    lines = Lines(("client", "hop"), keep=True)
    try:
        wires = [lines.wire(name, *harm(HARM, delay_us=2000, jitter_us=500, hold_us=15000, seed=o["seed"] + i))
                 for i, name in enumerate(("client", "hop"))]
        threads = [threading.Thread(target=client, args=(lines, jobs, tries)) for _ in range(o["at_once"])]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        for name, wire in zip(("client", "hop"), wires):
            print(f"# {name} side: {' '.join(wire.close())}")
        alive = lines.daemon.process.poll() is None
        lines.sink_process.terminate()
        stored = collections.Counter(line.split()[0] for line in lines.sink_process.stdout)
    finally:
        lines.close()
    digests = [hashlib.sha256(body).hexdigest() for body in bodies]
    taken = [n for n in range(len(bodies)) if tries[n][1]]
    checks = [
        (len(taken) == len(bodies), f"{len(taken)} of {len(bodies)} messages got their 250"),
        (all(stored[digests[n]] for n in taken), "each of them is at the sink, octet for octet"),
        (not set(stored) - set(digests), "and nothing else is"),
        (all(stored[digests[n]] <= tries[n][0] for n in range(len(bodies))), "none more often than it was tried"),
        (alive, "the gateway is still up"),
    ]
    print(f"# {sum(t[0] for t in tries.values())} attempts, {sum(stored.values())} copies at the sink")
    for n, (good, sentence) in enumerate(checks, 1):
        print(f"{'ok' if good else 'not ok'} {n} - {sentence}")
    print(f"1..{len(checks)}")
    sys.exit(0 if all(good for good, _ in checks) else 1)


if __name__ == "__main__":
    main()
