# SPDX-License-Identifier: MIT
"""smuggling.py - no message within a message reaches a mailbox, whatever server is behind us

usage: smuggling.py     the endings of tests/e2e/smuggle.py and, where VECTORS names their folder, the public cases
"""
import base64
import json
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))

# pylint: disable=wrong-import-position
from mtas import STORES, settled
from roots import Unavailable
from smuggle import Peer, smuggling
from world import NEXT_HOP, Checks, port_open, wait_for

VECTORS = os.environ.get("VECTORS", "../shared/vectors")


def public_cases():
    try:
        with open(os.path.join(VECTORS, "attack-smuggling.json"), encoding="utf-8") as f:
            return json.load(f)["cases"]
    except FileNotFoundError:
        return []


def play(case):
    """Sends the steps of a case, to a recipient of ours; how many messages were taken."""
    taken = 0
    with Peer(greet=False) as p:
        p.reply()
        for step in case["steps"]:
            octets = base64.b64decode(step["send_b64"]).replace(b"victim@victim.com", b"user@inside.example")
            if step["expect"] != "*":
                p.ask(octets)
                continue
            try:
                p.s.sendall(octets + b"QUIT\r\n")
            except OSError:
                pass
            taken += p.rest().count(250)
    return taken


def contents(store):
    found = []
    for name in store.stored():
        with open(name, "rb") as f:
            found.append(f.read().replace(b"\r\n", b"\n"))
    return found


def main():
    c = Checks()
    cases = public_cases()
    for kind in STORES:
        name = kind.__name__
        try:
            with kind.gateway() as w:
                store = kind("store")
                try:
                    wait_for(lambda: port_open(NEXT_HOP, store.port), 10, "the next hop listens")

                    def stored_of(count):
                        settled(store, count, 30)
                        return contents(store)
                    n = smuggling(c, stored_of)
                    for case in cases:
                        taken = play(case)
                        c.ok(taken <= case["expect"]["smtp"]["max_messages"], f"{name}: {case['id']}: at most one message is taken", taken)
                        n += taken
                    stored = stored_of(n)
                    heads = [text.split(b"\n\n", 1)[0] for text in stored]
                    c.ok(len(stored) == n, f"{name}: as many are stored as were taken", (len(stored), n))
                    c.ok(not any(b"Subject: SMUGGLED" in head or b"Subject: smuggled" in head or b"admin@legitimate.com" in head
                                 for head in heads), f"{name}: nothing smuggled is stored")
                    c.ok(w.gateway.poll() is None, f"{name}: the gateway is still up")
                finally:
                    store.close()
        except Unavailable as e:
            print(f"# {name}: not run: {e}")
    c.done()


signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are ended as well
main()
