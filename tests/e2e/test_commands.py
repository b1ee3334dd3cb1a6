# SPDX-License-Identifier: MIT
"""test_commands.py - each command of sekishoctl by its name, through the real socket; those that read also as JSON"""
import json
import os
import re
import subprocess
import sys
import time

from traffic import send
from world import BIN, FORGER, NEXT_HOP, Checks, World, message, port_open, wait_for

# Elsewhere: top in test_top.py, in a terminal; setup in tests/unit/ctrlplane/test_setup.c and make test-nic, as it takes a NIC away;
# firmware in tests/unit/firmware and make test-image, as it wants slots.
ELSEWHERE = {"top", "setup", "firmware status", "firmware install", "firmware confirm", "firmware rollback"}


class Commanded(World):
    """Two messages in quarantine, one row of a report."""

    def __init__(self):
        super().__init__(next_hop="none", zone='_dmarc.rua.example. IN TXT "v=DMARC1; p=quarantine; rua=mailto:own@rua.example"\n')
        key = self.path("report.key")
        self.keygen = subprocess.run([os.path.join(BIN, "sekishoctl"), "--json", "report", "keygen", key, "r1", "mx.inside.example"],
                                     capture_output=True, text=True, check=False)
        self.sections["quarantine"] = {"folder": f'"{self.path("held")}"'}
        self.sections["report"] = {"store": f'"{self.path("reports.db")}"', "key_file": f'"{key}"', "selector": '"r1"'}
        self.folder_sink = self.path("sink")
        os.makedirs(self.folder_sink)

    def sink(self):
        self.spawn("sink", sys.executable, os.path.join(os.path.dirname(__file__), "sink.py"), NEXT_HOP, self.folder_sink, "good")
        wait_for(lambda: port_open(NEXT_HOP, 25), 5, "the sink listens")


def commands(w):
    """Name and arguments of each, as --help tells them."""
    for line in w.ctl("--help").stdout.splitlines():
        m = re.match(r"  ([a-z]+(?: [a-z]+)?)(?: \[?[A-Z]+\]?)*(?:  +| (?=\S))", line)
        if m:
            yield m.group(1)


def trace(c, w):
    base = [os.path.join(BIN, "sekishoctl"), "--socket", w.path("control")]
    people, machine = (subprocess.Popen(base + words, stdout=subprocess.PIPE, text=True)
                       for words in (["trace", "--last", "1", "--count", "1"], ["--json", "trace", "--count", "1"]))
    time.sleep(0.3)
    send(message("boss@rua.example", "traced"), sender="boss@rua.example", source=FORGER)
    lines = people.communicate(timeout=10)[0].splitlines()
    c.ok(len([x for x in lines if "rua.example" in x]) == 2, "trace, for people: one that was kept, and one as it ends", lines)
    c.ok(json.loads(machine.communicate(timeout=10)[0])["mail_from"] == "boss@rua.example", "trace, as JSON")


def main():
    c = Checks()
    with Commanded() as w:
        w.sink()
        c.ok(w.keygen.returncode == 0 and isinstance(json.loads(w.keygen.stdout), dict), "report keygen", w.keygen)
        for n in range(2):
            send(message("boss@rua.example", f"held {n}"), sender="boss@rua.example", source=FORGER)
        held = [m["id"] for m in json.loads(w.ctl("--json", "quarantine", "list").stdout)["messages"]]
        wait_for(lambda: json.loads(w.ctl("--json", "report", "list").stdout)["periods"], 5, "a report has begun")
        with open(w.path("records")) as f:
            record = json.loads(f.readline())["id"]
        c.ok(len(held) == 2, "two messages are held", held)
        read = ["status", "stats", "stats --all", "show sessions", "show ports", "show dns", "show crypto", "show nexthops", "show limits",
                "show policy", "show tcp", "show dnsbl", "show greylist", "show latency", f"explain {record}",
                f"check {w.path('sekisho.conf')}", "allow list", "deny list", "dns lookup rua.example TXT", "dns dump",
                "dns dump rua.example", "log level", "quarantine list", f"quarantine show {held[0]}", "report list",
                "report show rua.example", "report preview rua.example", "report suppressed"]
        change = ["allow add 192.0.2.99", "allow del 192.0.2.99", "deny add .spam.example domain", "deny del .spam.example domain",
                  "dns flush rua.example", "dns flush", "log level info", f"quarantine release {held[0]}", f"quarantine delete {held[1]}",
                  "report send rua.example", "reload", "rollback", "drain", "resume"]
        for words in read:
            p = w.ctl(*words.split())
            c.ok(p.returncode == 0 and p.stdout and not p.stderr, f"{words}, for people", p)
            p = w.ctl("--json", *words.split())
            try:
                good = isinstance(json.loads(p.stdout), dict)
            except ValueError:
                good = all(isinstance(json.loads(line), dict) for line in p.stdout.splitlines())
            c.ok(p.returncode == 0 and good and not p.stderr, f"{words}, as JSON", p)
        trace(c, w)
        for words in change:
            p = w.ctl("--json", *words.split())
            c.ok(p.returncode == 0 and isinstance(json.loads(p.stdout), dict) and not p.stderr, words, p)
            if words.split()[0] in ("reload", "rollback", "drain", "allow", "deny"):
                c.ok("version" in json.loads(p.stdout), f"{words} answers with the version in force", p.stdout)
        p = w.ctl("report", "unsuppress", "own@rua.example")
        c.ok(p.returncode == 1 and "; " in p.stderr, "report unsuppress of an address that is not", p)
        called = {" ".join(words.split()[:2]) for words in read + change} | {words.split()[0] for words in read + change}
        called |= {"trace", "report keygen", "report unsuppress"} | ELSEWHERE
        missing = set(commands(w)) - called
        c.ok(len(list(commands(w))) > 40 and not missing, "no command of --help was left out", missing)
    c.done()


main()
