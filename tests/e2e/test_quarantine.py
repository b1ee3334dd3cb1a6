# SPDX-License-Identifier: MIT
"""test_quarantine.py - the local store: nothing half stored, released once, full and crashing as it may"""
import json
import os
import signal
import smtplib
import subprocess
import sys
import threading
import time

from traffic import send
from world import FORGER, GATEWAY, NEXT_HOP, Checks, World, message, port_open, run, wait_for

WORDS = "Grüße aus der Ferne.\r\n" * 200


class Quarantine(World):
    """The folder lies on a file system of 3 MiB of its own, so that it can be full."""

    def __init__(self, **settings):
        super().__init__(next_hop="none")
        self.held = self.path("quarantine")
        self.sections["quarantine"] = {"folder": f'"{self.held}/mail"', **settings}
        self.folder_sink = self.path("sink")
        for name in (self.held, self.folder_sink):
            os.makedirs(name)
        run("mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", self.held)

    def stop(self):
        for p in reversed(self.processes):
            self.end(p, seconds=5)
        subprocess.run(["umount", self.held], check=False, capture_output=True)
        super().stop()

    def sink(self, behaviour="good"):
        p = self.spawn("sink", sys.executable, os.path.join(os.path.dirname(__file__), "sink.py"), NEXT_HOP,
                       self.folder_sink, behaviour)
        wait_for(lambda: port_open(NEXT_HOP, 25), 5, "the sink listens")
        return p

    def restart(self):
        self.gateway.wait()
        self.start_gateway()
        wait_for(lambda: port_open(GATEWAY, 25), 10, "the gateway answers on port 25")

    def ask(self, *words):
        p = self.ctl("--json", "quarantine", *words)
        return json.loads(p.stdout) if p.returncode == 0 else {"error": p.stderr}

    def messages(self, state="held"):
        return [m for m in self.ask("list")["messages"] if m["state"] == state]

    def files(self, name="cur"):
        return sorted(os.listdir(os.path.join(self.held, "mail", name)))

    def delivered(self):
        found = []
        for name in sorted(os.listdir(self.folder_sink)):
            with open(os.path.join(self.folder_sink, name), "rb") as f:
                found.append(f.read())
        return found


def spoof(subject, **options):
    try:
        return send(message("boss@mild.example", subject, WORDS), sender="boss@mild.example", source=FORGER, **options)
    except (smtplib.SMTPException, OSError) as e:
        return 0, repr(e)


def held_and_released(c, w):
    sink = w.sink()
    code, text = spoof("held", to=("user@inside.example", "second@inside.example"))
    c.ok(code == 250, "a spoof of a p=quarantine domain is taken", text)
    held = w.messages()
    c.ok(len(held) == 1 and w.files() == [held[0]["id"]] and not w.delivered(), "it is held, and the next hop has not seen it", held)
    one = held[0]
    c.ok(one["rcpt"] == ["user@inside.example", "second@inside.example"] and one["subject"] == "held" and
         one["rule"] == "dmarc.quarantine" and one["mail_from"] == "boss@mild.example", "the list says what it is", one)
    shown = w.ctl("quarantine", "show", one["id"])
    c.ok(shown.returncode == 0 and "dmarc=fail" in shown.stdout and "Gr????e aus" in shown.stdout, "show has its text", shown.stdout)
    w.end(sink)
    sink = w.sink("rcpt:5xx")
    p = w.ctl("quarantine", "release", one["id"])
    c.ok(p.returncode == 1 and "550" in p.stderr and len(w.messages()) == 1, "the next hop refuses: it is held still", p.stderr)
    w.end(sink)
    sink = w.sink()
    c.ok(w.ask("release", one["id"]).get("already") is False, "released")
    c.ok(w.ask("release", one["id"]).get("already") is True, "released again: nothing happens")
    got = w.delivered()
    c.ok(len(got) == 1 and got[0].startswith(b"X-Quarantine-Released: id=" + one["id"].encode()) and
         got[0].count(b"dmarc=fail") >= 1 and b"X-Spam-Flag" not in got[0] and WORDS.encode() in got[0],
         "the next hop got it once, marked, with our results, whole", got)
    c.ok(w.messages() == [] and w.files() == [] and len(w.messages("released")) == 1, "its octets are gone, its row says so")
    spoof("deleted")
    one = w.messages()[0]
    c.ok(w.ask("delete", one["id"]).get("deleted") == one["id"] and w.messages() == [] and w.files() == [], "delete")
    c.ok("error" in w.ask("release", one["id"]), "what is deleted cannot be released")
    return sink


def full(c, w):
    ballast = os.open(os.path.join(w.held, "ballast"), os.O_WRONLY | os.O_CREAT)
    try:
        while True:
            os.write(ballast, b"x" * 4096)
    except OSError:
        os.close(ballast)
    code, text = spoof("no room")
    c.ok(code == 452, "a full disk: 452", (code, text))
    c.ok(w.files("tmp") == [] and w.files() == [] and w.messages() == [], "and nothing of it is left")
    os.remove(os.path.join(w.held, "ballast"))
    code, text = spoof("room again")
    c.ok(code == 250 and len(w.messages()) == 1, "room again: 250", (code, text))
    for m in w.messages():
        w.ask("delete", m["id"])


def caps(c, w):
    codes = [spoof(f"number {i}")[0] for i in range(7)]
    c.ok(codes == [250] * 5 + [452] * 2 and len(w.messages()) == 5, "beyond quarantine.messages_max: 452", codes)
    for m in w.messages():
        w.ask("delete", m["id"])


def killed(c, w):
    """kill -9 while messages are being stored: each 250 is a whole message, and nothing else is left after the start."""
    acknowledged, rounds = [], 4
    for i in range(rounds):
        def sender(n):
            for k in range(6):
                subject = f"round {i} {n} {k}"
                if spoof(subject)[0] == 250:
                    acknowledged.append(subject)
        threads = [threading.Thread(target=sender, args=(n,)) for n in range(3)]
        for t in threads:
            t.start()
        time.sleep(0.15 + 0.07 * i)
        w.gateway.send_signal(signal.SIGKILL)
        w.restart()
        for t in threads:
            t.join()
    held = w.messages()
    subjects = [m["subject"] for m in held]
    c.ok(len(acknowledged) > 0 and set(acknowledged) <= set(subjects), "every message that got 250 is held",
         sorted(set(acknowledged) - set(subjects)))
    c.ok(sorted(m["id"] for m in held) == w.files() and w.files("tmp") == [], "rows and files are the same, nothing is half there")
    c.ok(all(os.path.getsize(os.path.join(w.held, "mail/cur", m["id"])) == m["size"] for m in held), "each of them whole")
    print(f"# {len(acknowledged)} acknowledged, {len(held)} held, {rounds} kills")


def interrupted(c, w, sink):
    w.end(sink)
    sink = w.sink("dot:hang")
    one = w.messages()[0]
    p = threading.Thread(target=lambda: w.ctl("quarantine", "release", one["id"]))
    p.start()
    wait_for(lambda: w.messages("releasing"), 10, "the release is on its way")
    w.gateway.send_signal(signal.SIGKILL)
    w.gateway.wait()
    w.end(sink, signal.SIGKILL)
    p.join()
    w.restart()
    w.sink()
    again = [m for m in w.messages() if m["id"] == one["id"]]
    c.ok(len(again) == 1 and "interrupted" in again[0]["note"], "killed in the midst of a release: held, with a note", again)
    before = len(w.delivered())
    c.ok(w.ask("release", one["id"]).get("already") is False and len(w.delivered()) == before + 1, "and released by the next try")


def main():
    c = Checks()
    with Quarantine() as w:
        sink = held_and_released(c, w)
        full(c, w)
        killed(c, w)
        interrupted(c, w, sink)
        c.ok(w.gateway.poll() is None, "the gateway is still up")
    with Quarantine(messages_max="5") as w:
        caps(c, w)
    c.done()


main()
