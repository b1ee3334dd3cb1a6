# SPDX-License-Identifier: MIT
"""test_kill.py - kill -9 of the gateway, kill -9 of the next hop, and a cut line on either side, at every state of both machines

usage: test_kill.py [ROUNDS]     rounds of the storm (1)

Parked: one client for each state of smtp_session_state.h and smtp_relay_state.h holds its conversation there; then something
dies.  Storm: clients send without a pause, and it dies at any moment.  Each message is tried again until it gets its 250, as
a sending server would.  Then every message that got a 250 must be stored; more than once only if the next hop may have had
its final dot when it died.
"""
import json
import os
import random
import re
import signal
import sys
import threading
import time

from smuggle import Peer
from world import GOOD, NEXT_HOP, ROOT, Checks, World, certificate, certificates, message, port_open, run, wait_for

SIZE_MAX = 300000
# Where a client stops.  None: the state does not outlast one turn of the worker, so only the storm can meet it; but RCPT_ASKED does
# where a next hop is asked for recipients: asking().
SESSION = {"CONNECTED": "connect", "GREETED": "ehlo", "MAIL_ASKED": None, "MAIL": "mail", "RCPT_ASKED": None, "RCPT": "rcpt",
           "DATA_ASKED": None, "CHUNK": "chunk", "CHUNKS": "chunks", "DATA": "data", "DRAIN": "drain", "END_ASKED": "whole",
           "TLS_ASKED": None, "SECURING": "starttls", "CLOSED": None}
# Where the next hop stops, for a client that sent a whole message.  None: it waits for the connection (EARLY), or there is none
# any more.
RELAY = {"AT_GREETING": None, "AT_EHLO": None, "AT_HELO": None, "AT_STARTTLS": None, "AT_SECURING": None, "AT_IDLE": "good", "AT_XCLIENT": "xclient",
         "AT_ANEW": "anew", "AT_ENVELOPE": "mail rcpt", "AT_DATA": "data",
         "AT_BODY": "body", "AT_FINAL": "dot stored", "AT_RSET": "rset", "AT_QUIT": None, "AT_CLOSED": None}
# Where a connection stops that has no message yet, while one waits for it.
EARLY = {"AT_GREETING": "greeting", "AT_EHLO": "ehlo", "AT_HELO": "helo", "AT_STARTTLS": "starttls", "AT_SECURING": "securing"}
# The next hop may have stored a message of these without our knowing.
WINDOW = ("stored",)


def states(header, machine, prefix):
    """The states of a machine, from the code itself."""
    with open(os.path.join(ROOT, "dataplane/smtp", header)) as f:
        text = f.read().split(f"enum {machine}_state {{")[1].split("};")[0]
    return [name for name in re.findall(rf"^\t{prefix}_(\w+),", text, re.M) if name != "N_STATES"]


class Letter:
    """A message until it gets its 250; `possible`: a try of it ended after its final dot."""

    def __init__(self, w, name, stop, octets=2000):
        self.name, self.stop = name, stop
        self.data = w.signers["good.example"].sign(message(f"{name}@good.example", name, "line\r\n" * (octets // 6)))
        self.taken = self.possible = False

    def park(self):
        """A conversation that stops; the connection."""
        p = Peer(timeout=8, greet=False)
        if self.stop == "connect":
            return p
        p.reply()
        p.ask(b"EHLO %s.good.example\r\n" % (self.name.encode() if self.name.startswith(("xclient-", "anew-")) else b"mail"))
        if self.stop == "starttls":
            p.ask(b"STARTTLS\r\n")
            return p
        steps = [b"MAIL FROM:<%s@good.example>\r\n" % self.name.encode(), b"RCPT TO:<user@inside.example>\r\n"]
        for step in steps[:{"ehlo": 0, "mail": 1, "asked": 1}.get(self.stop, 2)]:
            p.ask(step)
        if self.stop == "asked":
            p.s.sendall(steps[1])
        if self.stop == "chunk":
            p.s.sendall(b"BDAT %d\r\n" % len(self.data) + self.data[:len(self.data) // 2])
        elif self.stop == "chunks":
            p.ask(b"BDAT %d\r\n" % len(self.data) + self.data)
        elif self.stop in ("data", "whole", "drain"):
            p.ask(b"DATA\r\n")
            p.s.sendall(self.data[:-10] if self.stop == "data" else self.data + (b"x" * 998 + b"\r\n") * 400
                        if self.stop == "drain" else self.data + b".\r\n")
        return p

    def attempt(self):
        """One whole try; whether it got its 250."""
        try:
            with Peer(timeout=8) as p:
                if p.data(b"MAIL FROM:<%s@good.example>\r\nRCPT TO:<user@inside.example>\r\n" % self.name.encode()) != 354:
                    return False
                p.s.sendall(self.data + b".\r\n")
                code = p.reply()
        except OSError:
            code = 0
        self.possible |= code != 250
        self.taken |= code == 250
        return self.taken

    def insist(self, seconds):
        end = time.monotonic() + seconds
        while not self.attempt() and time.monotonic() < end:
            time.sleep(0.3)


class Scene:
    """The next hop, and what may befall it and the gateway."""

    def __init__(self, w):
        self.w = w
        self.folder = w.path("sink")
        os.makedirs(self.folder, exist_ok=True)
        self.hop = None

    def start_hop(self, behaviour):
        self.hop = self.w.spawn("sink", sys.executable, os.path.join(os.path.dirname(__file__), "sink.py"), NEXT_HOP, self.folder, behaviour)
        wait_for(lambda: port_open(NEXT_HOP, 25), 5, "the next hop listens")

    def stop_hop(self):
        self.w.end(self.hop, signal.SIGKILL)

    def befall(self, victim):
        if victim == "gateway":
            self.w.end(self.w.gateway, signal.SIGKILL)
        elif victim == "next hop":
            self.stop_hop()
        else:  # its address is gone, and with it every frame to it; nobody is told
            run("ip", "addr", "del", (GOOD if victim == "line to the client" else NEXT_HOP) + "/24", "dev", "sk0")

    def mend(self, victim):
        if victim == "gateway":
            self.w.start_gateway()
            run("sysctl", "-qw", "net.ipv4.conf.sk0.promote_secondaries=1")
        elif victim != "next hop":
            time.sleep(5)  # longer than any limit of the configuration
            run("ip", "addr", "add", (GOOD if victim == "line to the client" else NEXT_HOP) + "/24", "dev", "sk0")
        self.stop_hop()
        self.start_hop("good")

    def counter(self, name):
        """Of the gateway since its start; those that are 0 are not told."""
        return json.loads(self.w.ctl("stats", "--json").stdout)["total"].get(name, 0)

    def hung(self):
        """Where the next hop let connections hang."""
        try:
            with open(os.path.join(self.folder, "hung")) as f:
                return set(f.read().split())
        except FileNotFoundError:
            return set()

    def copies(self):
        found = {}
        for name in os.listdir(self.folder):
            if name.endswith(".eml"):
                with open(os.path.join(self.folder, name), "rb") as f:
                    subject = re.search(rb"^Subject: (\S+)\r$", f.read(), re.M).group(1).decode()
                found[subject] = found.get(subject, 0) + 1
        return found


def judge(c, scene, title, letters):
    copies = scene.copies()
    taken = [letter for letter in letters if letter.taken]
    lost = [letter.name for letter in taken if not copies.get(letter.name)]
    twice = [letter for letter in letters if copies.get(letter.name, 0) > 1]
    c.ok(len(taken) == len(letters), f"{title}: all {len(letters)} messages get their 250 in the end",
         [letter.name for letter in letters if not letter.taken])
    c.ok(not lost, f"{title}: none of them is missing behind us", lost)
    c.ok(all(letter.possible for letter in twice), f"{title}: twice only what had its final dot out",
         [letter.name for letter in twice if not letter.possible])
    told = scene.counter("shard_relay_duplicate_possible")
    c.ok("gateway" in title or told >= len(twice), f"{title}: and we counted each as possibly stored twice", (told, len(twice)))
    print(f"# {title}: {len(letters)} messages, {len(taken)} taken, {len(lost)} lost, {len(twice)} stored more than once", flush=True)


def settle(victim, letters, peers):
    """After the blow: whole messages may get their reply where they are, the others are tried again."""
    for letter, peer in zip(letters, peers):
        if victim == "next hop" and letter.stop == "whole" and not letter.taken:
            letter.taken = peer.reply() == 250
        if victim != "gateway":
            peer.reset()
    for letter in letters:
        if not letter.taken:
            letter.insist(20)


def parked(c, scene, victim, serial):
    """A client at each state, then the blow."""
    scene.stop_hop()
    scene.start_hop("asked")
    letters = []
    for stop in SESSION.values():
        if stop and stop != "whole":
            letters.append(Letter(scene.w, f"at-{stop}-{serial}", stop))
    for stop in " ".join(filter(None, RELAY.values())).split():
        letters.append(Letter(scene.w, f"{stop}-{serial}", "whole", 250000 if stop == "body" else 2000))
    peers = [letter.park() for letter in letters]
    wanted = {name.replace("END_ASKED", "VERDICT") for name, stop in SESSION.items() if stop}
    seen = set()

    def all_there():
        seen.update(re.findall(r'"state": ?"([A-Z-]+)"', scene.w.ctl("show", "sessions", "--json").stdout))
        return wanted <= seen
    try:
        wait_for(all_there, 5, "a session in each state")
    except RuntimeError:
        pass
    c.ok(wanted <= seen, f"parked, {victim}: a session in each state that lasts", (sorted(wanted - seen), sorted(seen)))
    wait_for(lambda: scene.copies().get(f"stored-{serial}"), 5, "the next hop stores what it does not answer")
    for letter, peer in zip(letters, peers):
        if letter.name.startswith("good-"):
            letter.taken = peer.reply() == 250
    scene.befall(victim)
    for letter, peer in zip(letters, peers):
        if victim == "gateway":
            peer.reset()
        letter.possible = letter.name.split("-")[0] in WINDOW
    scene.mend(victim)
    settle(victim, letters, peers)
    judge(c, scene, f"parked, {victim}", letters)


def waiting(c, scene, victim, serial):
    """Messages that wait for a connection, one of which is at each state before a message, then the blow."""
    scene.stop_hop()
    if scene.hung():
        os.unlink(os.path.join(scene.folder, "hung"))
    scene.start_hop("early")
    letters = [Letter(scene.w, f"early-{serial}-{n}", "whole") for n in range(2 * len(EARLY))]
    peers = [letter.park() for letter in letters]
    try:
        wait_for(lambda: scene.hung() >= set(EARLY.values()), 5, "a connection at each state")
    except RuntimeError:
        pass
    c.ok(scene.hung() >= set(EARLY.values()), f"waiting, {victim}: a connection at each state before a message", scene.hung())
    scene.befall(victim)
    if victim == "gateway":
        for peer in peers:
            peer.reset()
    scene.mend(victim)
    settle(victim, letters, peers)
    judge(c, scene, f"waiting, {victim}", letters)


def asking(c, scene, victim, serial):
    """Clients whose recipient the next hop is asked for, then the blow."""
    scene.stop_hop()
    scene.start_hop("probe")
    letters = [Letter(scene.w, f"asked-{serial}-{n}", "asked") for n in range(3)]
    peers = [letter.park() for letter in letters]
    try:
        wait_for(lambda: scene.w.ctl("show", "sessions", "--json").stdout.count("RCPT-ASKED") == len(letters), 5, "all wait")
    except RuntimeError:
        c.ok(False, f"asking, {victim}: a session waits at RCPT for each client", scene.w.ctl("show", "sessions").stdout)
    scene.befall(victim)
    for peer in peers:
        peer.reset()
    scene.mend(victim)
    for letter in letters:
        letter.insist(20)
    judge(c, scene, f"asking, {victim}", letters)


def storm(c, scene, victim, serial, r):
    """Clients that send without a pause, and a blow at any moment."""
    letters, stop = [], threading.Event()
    lock = threading.Lock()

    def sender(n):
        k = 0
        while not stop.is_set():
            letter = Letter(scene.w, f"storm-{serial}-{n}-{k}", "whole", r.choice([200, 3000, 60000]))
            with lock:
                letters.append(letter)
            letter.insist(40)
            k += 1
    scene.stop_hop()
    scene.start_hop("good")
    threads = [threading.Thread(target=sender, args=(n,)) for n in range(6)]
    for t in threads:
        t.start()
    time.sleep(0.5 + r.random())
    scene.befall(victim)
    scene.mend(victim)
    stop.set()
    for t in threads:
        t.join(60)
    judge(c, scene, f"storm, {victim}", letters)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    c = Checks()
    c.ok(states("smtp_session_state.h", "smtp_session", "SESSION") == list(SESSION), "each state of the session has its place in this test")
    c.ok(states("smtp_relay_state.h", "smtp_relay", "RELAY") == list(RELAY), "each state of the relay has its place in this test")
    c.ok(set(EARLY) == {name for name in list(RELAY)[:list(RELAY).index("AT_IDLE")]}, "and each one before a message")
    w = World(next_hop="none", hop_text=f'{{ address = "{NEXT_HOP}"; port = 25; identity = "xclient"; tls = "may"; }}',
              sections={"relay": {"final_timeout_s": "3", "wait_ms": "3000"},
                                         "smtp": {"command_timeout_s": "60", "message_max": str(SIZE_MAX)}})
    w.sections["tls"] = {"certificates": certificates(certificate(w.folder, "mx", ["mx.inside.example"], ecdsa=True))}
    with w:
        run("sysctl", "-qw", "net.ipv4.conf.sk0.promote_secondaries=1")
        scene = Scene(w)
        scene.start_hop("good")
        serial = 0
        for victim in ("gateway", "next hop", "line to the client", "line to the next hop"):
            serial += 1
            parked(c, scene, victim, serial)
            serial += 1
            waiting(c, scene, victim, serial)
        r = random.Random(7)
        for _ in range(rounds):
            for victim in ("gateway", "next hop", "line to the next hop"):
                serial += 1
                storm(c, scene, victim, serial, r)
    w = World(next_hop="none", sections={"recipients": {"check": '"next_hop"', "known_s": "0", "timeout_ms": "3000"},
                                         "relay": {"final_timeout_s": "3", "wait_ms": "3000"}})
    with w:
        scene = Scene(w)
        scene.start_hop("good")
        for victim in ("gateway", "next hop"):
            serial += 1
            asking(c, scene, victim, serial)
    c.done()


main()
