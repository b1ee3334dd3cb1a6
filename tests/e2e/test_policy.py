# SPDX-License-Identifier: MIT
"""test_policy.py - rules of policy over real mail: a set of conf/policy, one of our own, and how both are shown"""
import copy
import json
import os

from traffic import send
from world import FORGER, GOOD, ROOT, Checks, World, message

OWN = """( { name = "watch"; when : { client = "192.0.2.0/24"; }; action = "reject"; monitor = true; },
	{ name = "newsletter"; when : { mail_from = ".good.example"; rcpt = "second@inside.example"; }; action = "tag"; field = "X-Kind: bulk"; },
	{ name = "unsigned"; when : { dkim = "none"; }; action = "reject"; text = "Sign your mail"; } )"""


def policy(w):
    return json.loads(w.ctl("show", "policy", "--json").stdout)


def hits(w):
    return {r["rule"]: r["hits"] for r in policy(w)["rules"]}


def main():
    c = Checks()
    standard = os.path.join(ROOT, "conf/policy/standard.conf")
    with World(sections={"policy": {"file": f'"{standard}"'}},
               zone='strict.example. IN TXT "v=spf1 -all"\nsoft.example. IN TXT "v=spf1 ~all"\n') as w:
        good = w.signers["good.example"].sign(message("a@good.example", "good"))
        c.ok(send(good)[0] == 250, "standard.conf: mail that authenticates passes")
        code, text = send(message("a@strict.example", "forged"), source=FORGER, sender="a@strict.example")
        c.ok(code == 550 and b"RFC 7208 8.4" in text, "standard.conf: spf-fail refuses what has no DMARC record", (code, text))
        code, text = send(message("a@soft.example", "soft"), source=FORGER, sender="a@soft.example")
        c.ok(code == 250 and b"X-Spam-Flag: YES" in w.stored(2)[-1], "standard.conf: spf-softfail goes to the spam folder", (code, text))
        code, text = send(message("a@good.example", "bounce"), sender="", to=("user@inside.example", "second@inside.example"))
        c.ok(code == 550 and b"null reverse-path" in text, "standard.conf: bounce-to-many", (code, text))
        c.ok(hits(w) == {"allow-list": 0, "deny-list": 0, "listed": 0, "suspect": 0, "bounce-to-many": 1, "spf-fail": 1, "spf-softfail": 1, "nobody": 0,
                         "dmarc-watched": 0}, "show policy counts by rule", hits(w))
        c.ok('sekisho_policy_rule_hits_total{rule="spf-fail"} 1\n' in w.ctl("stats", "--prometheus").stdout, "and so does Prometheus")
        with open(w.path("records")) as f:
            rules = [json.loads(line)["rule"] for line in f]
        c.ok(rules == ["default", "spf-fail", "spf-softfail", "bounce-to-many"], "a record names the rule", rules)

        w.sections = copy.deepcopy(w.sections)
        w.sections["policy"] = {"rules": OWN}
        w.write_conf()
        p = w.ctl("reload", "--json")
        c.ok(p.returncode == 0 and {"policy.file", "policy.rules"} <= set(json.loads(p.stdout)["changed"]), "other rules by reload",
             p.stdout + p.stderr)
        code, text = send(message("a@good.example", "bare"))
        c.ok((code, text) == (550, b"5.7.1 Sign your mail"), "a rule of our own with its text", (code, text))
        c.ok(send(good)[0] == 250, "signed mail passes")
        c.ok(send(good, to=("second@inside.example",))[0] == 250, "and for one recipient it is tagged")
        c.ok(b"X-Kind: bulk\n" in w.stored(1, user="second")[-1].replace(b"\r\n", b"\n"), "by the rule's field")
        c.ok(hits(w) == {"watch": 3, "newsletter": 1, "unsigned": 1}, "a monitored rule counts all and does nothing", hits(w))
        out = w.ctl("show", "policy").stdout
        c.ok("unsigned" in out and "NO ANSWER" in out, "show policy, for people", out)
        w.stop_dns()
        w.ctl("dns", "flush")
        w.sections["policy"] = {"rules": '( { name = "spf"; when : { spf = "pass"; }; action = "quarantine"; } )'}
        w.write_conf()
        w.ctl("reload")
        code, text = send(message("a@plain.example", "no dns"), sender="a@plain.example", source=GOOD)
        c.ok(code == 451, "a rule whose answer does not come defers", (code, text))
    c.done()


main()
