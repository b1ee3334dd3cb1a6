# SPDX-License-Identifier: MIT
"""spf_cases.py - SPF records of our own over one small zone, and ways to spoil them"""

import copy

from mutate import change_octet, move, several, swap_case

SIGNS = " %{}/:.=-+?~_,0123456789abcdefilmpsvx\t\"\\\u00e9"
CLIENTS = ("192.0.2.1", "192.0.2.129", "198.51.100.7", "203.0.113.5", "2001:db8::1", "2001:db8:1::25")

HOSTS = [
    {"name": "example.org", "type": "A", "data": "192.0.2.1"},
    {"name": "example.org", "type": "AAAA", "data": "2001:db8::1"},
    {"name": "example.org", "type": "MX", "data": [10, "mx1.example.org"]},
    {"name": "example.org", "type": "MX", "data": [20, "mx2.example.org"]},
    {"name": "mx1.example.org", "type": "A", "data": "192.0.2.129"},
    {"name": "mx2.example.org", "type": "A", "data": "198.51.100.7"},
    {"name": "mx2.example.org", "type": "AAAA", "data": "2001:db8:1::25"},
    {"name": "v4.example.org", "type": "A", "data": "198.51.100.1"},
    {"name": "v6.example.org", "type": "AAAA", "data": "2001:db8:1::"},
    {"name": "good.example.net", "type": "TXT", "data": ["v=spf1 ip4:198.51.100.0/24 ip6:2001:db8:1::/48 -all"]},
    {"name": "none.example.net", "type": "TXT", "data": ["no record"]},
    {"name": "bad.example.net", "type": "TXT", "data": ["v=spf1 ip4:192.0.2.0/33 -all"]},
    {"name": "loop.example.net", "type": "TXT", "data": ["v=spf1 include:loop.example.net -all"]},
    {"name": "deep.example.net", "type": "TXT", "data": ["v=spf1 include:good.example.net a mx ?all"]},
    {"name": "soft.example.net", "type": "TXT", "data": ["v=spf1 redirect=good.example.net"]},
    {"name": "macro.example.net", "type": "TXT", "data": ["v=spf1 exists:%{ir}.%{v}._spf.example.org ~all"]},
    {"name": "broken.example.net", "type": "*", "rcode": "SERVFAIL"},
    {"name": "slow.example.net", "type": "*", "rcode": "TIMEOUT"},
    {"name": "exp.example.org", "type": "TXT", "data": ["%{i} is not one of %{d}'s"]},
    {"name": "1.2.0.192.in-addr._spf.example.org", "type": "A", "data": "127.0.0.2"},
    {"name": "user.example.org._spf.example.org", "type": "A", "data": "127.0.0.2"},
    {"name": "1.2.0.192.in-addr.arpa", "type": "PTR", "data": "example.org"},
    {"name": "7.100.51.198.in-addr.arpa", "type": "PTR", "data": "mx2.example.org"},
    {"name": "5.113.0.203.in-addr.arpa", "type": "PTR", "data": "liar.example.org"},
    {"name": "crowd.example.org", "type": "A", "data": "203.0.113.77"},
] + [{"name": "crowd.example.org", "type": "MX", "data": [i, f"mx{i}.crowd.example.org"]} for i in range(11)]

NAMES = ("example.org", "mx1.example.org", "v4.example.org", "v6.example.org", "good.example.net", "none.example.net",
         "bad.example.net", "loop.example.net", "deep.example.net", "soft.example.net", "macro.example.net",
         "broken.example.net", "slow.example.net", "nowhere.example.net", "crowd.example.org", "example.org.", "org",
         "", ".", "a..b.example", "example.123", "example.a-", "-a.example", "x" * 64 + ".example", "ex_ample.org")
MACROS = ("%{d}", "%{ir}.%{v}._spf.%{d2}", "%{l}.%{d}._spf.example.org", "%{o}", "%{h}", "%{p}", "%{s}.example.org",
          "%{D}", "%{d0}", "%{d9}", "%{d1r}", "%{dr}", "%{d1R}", "%{l-}.example.org", "%{lr+-}.example.org", "%{x}",
          "%{c}", "%{t}", "%{r}", "%{d", "%d", "%", "%%.example.org", "%_.example.org", "%-.example.org", "%{}",
          "%{i}.example.org", "%{d2r.-}", "%{i2}.example.org", "%{v}", "%{d128}", "%{d}.", "%{d}x", "%{d}.%{d}.%{d}",
          "%{l}" * 70 + ".example.org")
CIDRS = ("", "/0", "/00", "/8", "/24", "/024", "/32", "/33", "/128", "/129", "//0", "//64", "//064", "//128", "//129",
         "/24//64", "//64/24", "/", "//", "/24/", "/24//", "/-1", "/+8", "/24/64", "///64", "/999999999999", "/a")
NETWORKS = ("192.0.2.1", "192.0.2.0", "198.51.100.0", "203.0.113.5", "2001:db8::", "2001:db8:1::25", "::", "::1", "0.0.0.0",
            "192.0.2", "192.0.2.01", "192.0.2.256", "192.0.2.1.", "::ffff:192.0.2.1", "2001:db8::192.0.2.1", "1::2::3",
            "2001:DB8::1", "2001:db8:0:0:0:0:0:1", "1:2:3:4:5:6:7:8:9", ":1", "2001:db8::00001", "fe80::1%eth0", "")
MODIFIERS = ("redirect=", "exp=", "unknown=", "Redirect=", "EXP=", "x.y_z-1=", "1x=", "=", "a=", "all=", "ip4=", "op=", "default=",
             "moo==", "v=spf1", "v=spf2", "accredit=")


def domain(rng):
    return rng.choice(NAMES) if rng.random() < 0.6 else rng.choice(MACROS)


def term(rng):
    sign = rng.choice(("", "", "", "+", "-", "~", "?", "++", "!"))
    kind = rng.choice(("all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists", "modifier"))
    if kind == "modifier":
        return rng.choice(MODIFIERS) + domain(rng)
    if kind == "all":
        return sign + kind + rng.choice(("", "", "", "", ":", "/0", ":x", "."))
    if kind in ("ip4", "ip6"):
        return f"{sign}{kind}:{rng.choice(NETWORKS)}{rng.choice(CIDRS)}"
    if kind in ("a", "mx"):
        return sign + kind + rng.choice(("", ":" + domain(rng))) + rng.choice(CIDRS)
    return sign + kind + rng.choice(("", ":" + domain(rng), ":" + domain(rng), ":" + domain(rng) + rng.choice(CIDRS)))


class Subject:
    """A case whose record is still a list of terms."""

    def __init__(self, rng, case=None):
        self.owner = self.record = None
        if case:
            self.take(rng, case)
        else:
            self.make(rng)

    def make(self, rng):
        self.case = {"kind": "spf", "ip": rng.choice(CLIENTS), "helo": "mail.example.com", "mail_from": "user@example.org",
                     "message_b64": None, "now": 1700000000, "receiver": "mx.example.com", "zone": list(HOSTS)}
        self.owner = "example.org"
        good = ("ip4:192.0.2.0/24", "ip6:2001:db8::/48", "a", "mx", "include:good.example.net", "a:v4.example.org/24",
                "exists:%{ir}.%{v}._spf.%{d}", "ptr", "mx//64", "~a:v6.example.org//48", "include:deep.example.net",
                "?exists:%{l}.%{o}._spf.example.org", "exp=exp.example.org", "include:macro.example.net")
        self.terms = ["v=spf1"] + rng.sample(good, rng.randint(0, 4))
        self.terms.append(rng.choice(("-all", "~all", "?all", "redirect=good.example.net", "redirect=soft.example.net")))

    def take(self, rng, case):
        self.case = copy.deepcopy(case)
        records = [r for r in self.case["zone"] if r["type"] == "TXT" and "data" in r and
                   "".join(r["data"]).lower().startswith("v=spf1")]
        self.terms = []
        if records:
            record = rng.choice(records)
            self.case["zone"].remove(record)
            self.owner = record["name"]
            self.terms = "".join(record["data"]).split(" ")

    def finished(self):
        text = " ".join(self.terms)
        case = self.case
        if self.owner is not None:
            case["zone"] = [r for r in case["zone"] if "data" in r or (r["name"], r["type"]) != (self.owner, "TXT")] + [{"name": self.owner, "type": "TXT", "data": [text[:200], text[200:]]
                                            if len(text) < 450 else [text[i:i + 255] for i in range(0, len(text), 255)]}]
        return case


def add_term(rng, s):
    s.terms.insert(rng.randint(min(1, len(s.terms)), len(s.terms)), term(rng))


def replace_term(rng, s):
    if s.terms:
        s.terms[rng.randrange(len(s.terms))] = term(rng)


def drop_term(rng, s):
    if len(s.terms) > 1:
        del s.terms[rng.randrange(1, len(s.terms))]


def repeat_term(rng, s):
    if s.terms:
        s.terms.append(rng.choice(s.terms))


def reorder_terms(rng, s):
    s.terms[1:] = move(rng, s.terms[1:])


def change_case(rng, s):
    s.terms = [swap_case(rng, t) for t in s.terms]


def change_sign(rng, s):
    if s.terms:
        i = rng.randrange(len(s.terms))
        s.terms[i] = change_octet(rng, s.terms[i], SIGNS)


def change_space(rng, s):
    s.terms.insert(rng.randint(0, len(s.terms)), rng.choice(("", "", "\t", " ")))


def add_cidr(rng, s):
    if s.terms:
        i = rng.randrange(len(s.terms))
        s.terms[i] = s.terms[i].split("/")[0] + rng.choice(CIDRS)


def add_many(rng, s):
    what = rng.choice(("a:v4.example.org", "include:good.example.net", "exists:nowhere.example.net", "mx:v4.example.org",
                       "a:gone%{d1}.example", "mx:crowd.example.org", "ptr", "ip4:192.0.2.200", "include:deep.example.net"))
    s.terms[1:1] = [what] * rng.randint(2, 11)


def change_client(rng, s):
    s.case["ip"] = rng.choice(CLIENTS)


def change_sender(rng, s):
    s.case["mail_from"] = rng.choice(("", "user@example.org", "@example.org", "User-Name+tag@Example.ORG", "a.b.c@example.org",
                                      "\"q@x\"@example.org", "user@org", "user@sub.example.org", "user@example.org."))


def add_record(rng, s):
    s.case["zone"] = s.case["zone"] + [{"name": s.owner or "example.org", "type": "TXT", "data": [rng.choice((
        "v=spf1 -all", "v=spf10 -all", "v=spf1", "V=SPF1 +all", "v=spf2 all", "spf2.0/pra all", " v=spf1 all", "v=spf1\t-all"))]}]


def lose_answer(rng, s):
    if s.case["zone"]:
        lost = rng.choice(s.case["zone"])
        s.case["zone"] = [r for r in s.case["zone"] if r is not lost]


def fail_answer(rng, s):
    if s.case["zone"]:
        lost = rng.choice(s.case["zone"])
        s.case["zone"] = [r for r in s.case["zone"] if (r["name"], r["type"]) != (lost["name"], lost["type"])]
        s.case["zone"].append({"name": lost["name"], "type": lost["type"], "rcode": rng.choice(("SERVFAIL", "TIMEOUT"))})


MUTATORS = (add_term, add_term, add_term, replace_term, replace_term, drop_term, repeat_term, reorder_terms, change_case, change_sign,
            change_sign, change_space, add_cidr, add_many, change_client, change_sender, add_record, lose_answer, fail_answer)


def mutated(rng, case=None):
    """A case, and the names of what was done to it."""
    subject = Subject(rng, case)
    how = several(rng, MUTATORS, subject)
    return subject.finished(), how


def tell(case):
    owned = [r for r in case["zone"] if r["type"] == "TXT" and r not in HOSTS]
    return f"{case['ip']} {case['mail_from']!r} " + "; ".join(
        f"{r['name']} " + (repr("".join(r["data"])) if "data" in r else r["rcode"]) for r in owned)
