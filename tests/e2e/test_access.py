# SPDX-License-Identifier: MIT
"""test_access.py - who may do what by the control socket; mail that a rule sends elsewhere; lists that -t reads"""
import grp
import os
import subprocess

from traffic import send
from world import BIN, Checks, World, message


def as_member(w, group, *words):
    gid = str(grp.getgrnam(group).gr_gid)
    return subprocess.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--groups", gid, os.path.join(BIN, "sekishoctl"),
                           "--socket", w.path("control"), *words], capture_output=True, text=True, check=False, timeout=20)


def main():
    c = Checks()
    rules = '( { name = "odd"; when : { dkim = "none"; }; action = "redirect"; next_hop = "store"; } )'
    hops = '{ address = "192.0.2.99"; port = 25; }, { address = "192.0.2.1"; port = 25; name = "store"; by_rule = true; }'
    with World(sections={"server": {"control_group": '"adm"', "control_read_group": '"games"'}, "policy": {"rules": rules},
                         "relay": {"wait_ms": "500", "connect_timeout_ms": "300"}}, hop_text=hops) as w:
        c.ok(w.ctl("status").returncode == 0 and w.ctl("resume").returncode == 0, "root may do all")
        p = as_member(w, "games", "status")
        c.ok(p.returncode == 0 and "running" in p.stdout, "who may read may look", p)
        for words in (("drain",), ("reload",), ("deny", "add", "203.0.113.1"), ("log", "level", "debug"), ("dns", "flush")):
            p = as_member(w, "games", *words)
            c.ok(p.returncode == 1 and "members of server.control_group" in p.stderr, f"and not {' '.join(words)}", p)
        c.ok(as_member(w, "adm", "deny", "add", "203.0.113.1").returncode == 0, "a member of the other group may")
        p = as_member(w, "nogroup", "status")
        c.ok(p.returncode == 1 and "not for you" in p.stderr, "others may nothing", p)
        c.ok("tcp.half_open_max" in w.ctl("show", "tcp").stdout, "show tcp", w.ctl("show", "tcp").stdout)

        code, text = send(w.signers["good.example"].sign(message("a@good.example", "good")))
        c.ok(code == 451, "redirect: what no rule sends elsewhere goes to the other next hop, which is down", (code, text))
        code, text = send(message("a@good.example", "bare"))
        c.ok(code == 250 and len(w.stored(1)) == 1, "redirect: what matches goes to the next hop of the rule", (code, text))

        w.sections = {k: dict(v) for k, v in w.sections.items()}
        w.sections["lists"] = {"file": f'"{w.path("bad")}"'}
        with open(w.path("bad"), "w") as f:
            f.write("deny prefix nonsense\n")
        conf = w.write_conf()
        p = subprocess.run([os.path.join(BIN, "sekishod"), "-c", conf, "-t"], capture_output=True, text=True, check=False, timeout=20)
        c.ok(p.returncode == 2 and f"{w.path('bad')}:1: " in p.stderr, "sekishod -t reads the lists", p)
    c.done()


main()
