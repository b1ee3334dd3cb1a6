# SPDX-License-Identifier: MIT
"""test_nexthop.py - whatever the next hop does, a 250 to the client means a stored message"""
import os
import smtplib
import sys
import time

from traffic import send
from world import NEXT_HOP, Checks, World, message, port_open, wait_for


def main():
    c = Checks()
    with World(next_hop="none", sections={"relay": {"final_timeout_s": "3", "wait_ms": "4000"}}) as w:
        folder = w.path("sink")
        os.makedirs(folder)
        signer = w.signers["good.example"]

        def stored():
            found = []
            for name in os.listdir(folder):
                if name.endswith(".eml"):
                    with open(os.path.join(folder, name), "rb") as f:
                        found.append(f.read())
            return found

        def attempt(subject):
            data = signer.sign(message("a@good.example", subject, "line\r\n" * 5000))
            try:
                code, text = send(data)
            except (smtplib.SMTPException, OSError) as e:
                code, text = 0, repr(e)
            copies = sum(f"Subject: {subject}\r\n".encode() in m for m in stored())
            return code, text, copies

        def sink(behaviour):
            p = w.spawn("sink", sys.executable, os.path.join(os.path.dirname(__file__), "sink.py"), NEXT_HOP, folder, behaviour)
            wait_for(lambda: port_open(NEXT_HOP, 25), 5, "the sink listens")
            return p

        code, text, copies = attempt("nobody listens")
        c.ok(code == 451 and copies == 0, "next hop down: 451, nothing stored", (code, text, copies))
        phases = ("greeting", "ehlo", "mail", "rcpt", "data", "body", "dot", "stored")
        for phase in phases:
            for how in ("kill", "close", "reset", "4xx", "5xx", "hang"):
                if how == "hang" and phase not in ("dot", "stored"):
                    continue
                if how in ("4xx", "5xx") and phase in ("body", "stored"):
                    continue
                time.sleep(0.1)
                p = sink(f"{phase}:{how}")
                code, text, copies = attempt(f"{phase} {how}")
                c.ok(code != 250 or copies == 1, f"{phase} {how}: no 250 without a stored message", (code, text, copies))
                wanted = 5 if how == "5xx" and phase not in ("greeting", "ehlo") else 4
                c.ok(code // 100 == wanted, f"{phase} {how}: the client gets a {wanted}yz", (code, text, copies))
                w.end(p)
        # The circuit of a next hop that failed closes again.
        p = sink("good")
        for _ in range(10):
            code, text, copies = attempt("good at last")
            if code == 250:
                break
            time.sleep(1)
        c.ok(code == 250 and copies == 1, "a good next hop again: 250 and stored once", (code, text, copies))
        # A warm connection that went stale is replaced without the client noticing.
        w.end(p)
        p = sink("good")
        code, text, copies = attempt("after a restart")
        if code == 451:
            time.sleep(6)
            code, text, copies = attempt("after a restart")
        c.ok(code == 250 and copies == 1, "next hop restarted between messages: 250 and stored once", (code, text, copies))
        c.ok(w.gateway.poll() is None, "the gateway is still up")
    c.done()


main()
