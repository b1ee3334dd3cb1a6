# SPDX-License-Identifier: MIT
"""test_lists.py - allow and deny, from a file and live, while mail flows"""
import concurrent.futures
import copy
import json
import os
import random
import smtplib
import time

from traffic import send
from world import FORGER, GATEWAY, GOOD, Checks, World, message

RULES = """( { name = "allow-list"; when : { list = "allow"; }; action = "accept"; },
	{ name = "deny-list"; when : { list = "deny"; }; action = "reject"; text = "Your mail is not wanted here"; } )"""


def recipients(c, w, data):
    """A table of recipients, changed by reload while it is in use."""
    table = w.path("recipients")

    def told(rcpt):
        with smtplib.SMTP(GATEWAY, 25, "mail.good.example", timeout=20, source_address=(GOOD, 0)) as s:
            s.ehlo()
            s.mail("a@good.example")
            return s.rcpt(rcpt)

    def put(*lines):
        with open(table, "w") as f:
            f.write("".join(line + "\n" for line in lines))
        return w.ctl("reload", "--json")
    w.sections["recipients"] = {"file": f'"{table}"', "extension": '"+"'}
    w.write_conf()
    p = put("user@inside.example")
    c.ok("the entries of recipients.file" in json.loads(p.stdout)["changed"], "a table of recipients by reload", p.stdout + p.stderr)
    c.ok(send(data)[0] == 250 and told("User+x@inside.example")[0] == 250, "who has a line gets mail, with an extension as well")
    code = told("second@inside.example")
    c.ok(code[0] == 550 and b"5.1.1" in code[1], "who has none is unknown", code)
    p = put("user@inside.example", "second")
    c.ok(p.returncode == 2 and f"{table}:2: that is no recipient; " in p.stderr, "a bad line: file, line and remedy", p.stderr)
    c.ok(told("second@inside.example")[0] == 550, "and the table before stays")
    put("@inside.example")
    c.ok(told("second@inside.example")[0] == 250, "all of a domain")
    w.sections.pop("recipients")
    w.write_conf()
    c.ok(w.ctl("reload").returncode == 0 and told("anybody@inside.example")[0] == 250, "without a table nobody is unknown")


def main():
    c = Checks()
    with World(sections={"policy": {"rules": RULES}}) as w:
        good = w.signers["good.example"].sign(message("a@good.example", "good"))
        forged = message("a@good.example", "forged")
        c.ok(send(good)[0] == 250, "without lists")
        p = w.ctl("deny", "add", GOOD, "--json")
        answer = json.loads(p.stdout or "{}")
        c.ok(answer == {"version": 2, "entry": f"deny prefix {GOOD}/32", "changed": True, "workers_silent": 0},
             "deny add answers with the version of the lists", p.stdout + p.stderr)
        code, text = send(good)
        c.ok(code == 550 and b"not wanted" in text, "deny add is in force at once", (code, text))
        c.ok(json.loads(w.ctl("deny", "add", GOOD + "/32", "--json").stdout)["changed"] is False, "the same once more changes nothing")
        c.ok(json.loads(w.ctl("deny", "list", "--json").stdout)["entries"] == [f"prefix {GOOD}/32"], "deny list")
        w.ctl("deny", "del", GOOD)
        c.ok(send(good)[0] == 250, "deny del is in force at once")
        c.ok(send(forged, source=FORGER)[0] == 550, "a forged message is refused")
        w.ctl("allow", "add", FORGER)
        c.ok(send(forged, source=FORGER)[0] == 250, "unless its client is on the allow list")
        w.ctl("deny", "add", "mail.good.example", "helo")
        c.ok(send(good)[0] == 550, "a name of HELO")
        w.ctl("deny", "del", "mail.good.example", "helo")
        w.ctl("deny", "add", ".example")
        c.ok(send(good)[0] == 550, "a domain and all below")
        w.ctl("deny", "del", ".example")
        for words in (("deny", "add", "192.0.2.0/33"), ("deny", "add", "a@b"), ("deny", "add", "x", "moon"), ("deny", "add")):
            p = w.ctl(*words)
            c.ok(p.returncode == 2 and "; " in p.stderr, f"{' '.join(words)}: usage", p)
        c.ok("control: added allow prefix 192.0.2.66/32, by user 0" in w.log("sekishod"), "who added what is logged")

        live, big = w.path("live"), w.path("big")
        w.end(w.gateway)
        w.sections = copy.deepcopy(w.sections)
        w.sections["lists"] = {"live_file": f'"{live}"'}
        w.start_gateway()
        w.ctl("allow", "add", FORGER)
        w.ctl("deny", "add", "2001:db8::/32")
        with open(live) as f:
            kept = f.read()
        w.gateway.kill()
        w.gateway.wait()
        w.start_gateway()
        c.ok(json.loads(w.ctl("allow", "list", "--json").stdout)["entries"] == [f"prefix {FORGER}/32"], "what was added outlives a kill",
             kept)
        c.ok(send(forged, source=FORGER)[0] == 250, "and is in force")

        r = random.Random(5)
        with open(big, "w") as f:
            f.writelines(f"deny prefix {r.randint(1, 191)}.{r.randint(0, 255)}.{r.randint(0, 255)}.{r.randint(0, 255)}/{r.randint(16, 32)}\n"
                         for _ in range(1000000))
            f.write(f"deny prefix {GOOD}/31\n")
        w.sections["lists"]["file"] = f'"{big}"'
        w.write_conf()
        begun = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor() as pool:
            reload = pool.submit(w.ctl, "reload", "--json")
            took, asked = [], []
            while not reload.done():
                sent = time.monotonic()
                w.ctl("status")
                asked.append(time.monotonic() - sent)
                sent = time.monotonic()
                send(message(f"a@n{len(took)}.example", "cold"), source=FORGER, sender=f"a@n{len(took)}.example")
                took.append(time.monotonic() - sent)
            p = reload.result()
        print(f"# reload with a million prefixes: {time.monotonic() - begun:.2f} s; meanwhile {len(took)} messages of domains never asked "
              f"for, the slowest {max(took, default=0):.2f} s, and {len(asked)} commands, the slowest {max(asked, default=0):.2f} s", flush=True)
        c.ok(len(asked) > 1, "commands are answered while lists are read", asked)
        c.ok(p.returncode == 0 and "the entries of lists.file" in json.loads(p.stdout)["changed"], "a million prefixes by reload",
             p.stdout + p.stderr)
        c.ok(json.loads(w.ctl("deny", "list", "--json").stdout)["file_prefixes"] == 1000001, "are counted")
        c.ok(send(good)[0] == 550, "and in force")
        w.ctl("allow", "add", GOOD)
        c.ok(send(good)[0] == 250, "a live entry that says more goes before them")
        c.ok("the entries of lists.file" not in w.ctl("reload").stdout, "an unchanged file is not read again")
        with open(big, "a") as f:
            f.write("deny prefix nonsense\n")
        p = w.ctl("reload")
        c.ok(p.returncode == 2 and f"{big}:1000002: that is no address or prefix; " in p.stderr, "a bad line: file, line and remedy", p.stderr)
        w.ctl("allow", "del", GOOD)
        c.ok(send(good)[0] == 550, "and the lists before it stay in force")
        w.sections["lists"].pop("file")
        w.write_conf()
        c.ok(w.ctl("reload").returncode == 0 and send(good)[0] == 250, "without the file they are gone")
        os.unlink(big)
        recipients(c, w, good)
    c.done()


main()
