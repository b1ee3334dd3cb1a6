# SPDX-License-Identifier: MIT
"""test_hops.py - a next hop over IPv6, and one that is down before one that works"""
import json
import os
import smtplib
import sys
import time

from traffic import big_body, body_of, send, verify
from world import GATEWAY, GOOD, NEXT_HOP, Checks, World, message, port_open, wait_for


def passes(c, w, name, n, octets=2000):
    data = w.signers["good.example"].sign(message("a@good.example", name, big_body(octets, n)))
    code, text = send(data)
    c.ok(code == 250, f"{name}: 250", (code, text))
    if code != 250:
        return
    stored = w.stored(n)[-1]
    c.ok(body_of(stored) == data.split(b"\r\n\r\n", 1)[1] and verify(w.signers, stored), f"{name}: stored octet for octet, verifies")


def lmtp(c):
    with World(hop_text=f'{{ address = "{NEXT_HOP}"; port = 24; protocol = "lmtp"; }}', next_hop="none") as w:
        folder = w.path("sink")
        os.makedirs(folder)
        w.spawn("sink", sys.executable, os.path.join(os.path.dirname(__file__), "sink.py"), NEXT_HOP, folder, "good", "24")
        wait_for(lambda: port_open(NEXT_HOP, 24), 5, "the sink listens")

        def attempt(to):
            return send(w.signers["good.example"].sign(message("a@good.example", to, to=to)), to=(to,))

        code, text = attempt("user@inside.example")
        c.ok(code == 250 and text == b"2.1.5 delivered", "by LMTP: the recipient's reply", (code, text))
        code, text = attempt("full@inside.example")
        c.ok(code == 452 and text == b"4.2.2 full", "a full mailbox: its reply", (code, text))
        with smtplib.SMTP(GATEWAY, source_address=(GOOD, 0)) as s:
            s.ehlo("mail.good.example")
            s.mail("a@good.example")
            c.ok([s.rcpt(f"{u}@inside.example")[0] for u in ("one", "two")] == [250, 452], "one recipient a message")


def recipients(c):
    with World(sections={"recipients": {"check": '"next_hop"'}}) as w:
        with smtplib.SMTP(GATEWAY, source_address=(GOOD, 0)) as s:
            s.ehlo("mail.good.example")
            s.mail("a@good.example")
            codes = [s.rcpt(f"{u}@inside.example")[0] for u in ("user", "nobody", "second", "nobody")]
            c.ok(codes == [250, 550, 250, 550], "Postfix is asked at RCPT which recipients there are", codes)
            code, text = s.data(w.signers["good.example"].sign(message("a@good.example", "to two")))
            c.ok(code == 250, "the message goes to those it knows", (code, text))
        c.ok(len(w.stored(1)) == 1 and len(w.stored(1, user="second")) == 1, "and each has it once")
        w.stop_postfix()
        with smtplib.SMTP(GATEWAY, source_address=(GOOD, 0)) as s:
            s.ehlo("mail.good.example")
            s.mail("a@good.example")
            codes = [s.rcpt(f"{u}@inside.example")[0] for u in ("user", "nobody", "third")]
            c.ok(codes == [250, 550, 451], "Postfix is down: what is remembered holds, the rest is 451", codes)


def main():
    c = Checks()
    with World(hops=("2001:db8::1",)) as w:
        passes(c, w, "next hop over IPv6", 1, 1 << 20)
    with World(hops=("192.0.2.99", "192.0.2.1")) as w:
        start = time.monotonic()
        passes(c, w, "the first next hop is silent", 1)
        c.ok(time.monotonic() - start < 10, "the second one is tried within the connect timeout")
        start = time.monotonic()
        passes(c, w, "and once more", 2)
        c.ok(time.monotonic() - start < 3, "the silent one is then left alone for a while")
    domains = ('{ address = "192.0.2.1"; domains = [ "inside.example" ]; }, '
               '{ address = "192.0.2.98"; domains = [ "other.example" ]; }')
    with World(hop_text=domains, sections={"relay": {"domains": '[ "inside.example", "other.example" ]'}}) as w:
        passes(c, w, "a next hop by domain, beside one that is down", 1)
        with smtplib.SMTP(GATEWAY, source_address=(GOOD, 0)) as s:
            s.ehlo("mail.good.example")
            c.ok(s.has_extn("8bitmime") and s.has_extn("dsn"), "EHLO offers what the next hop was found to offer")
            s.mail("a@good.example")
            s.rcpt("user@inside.example")
            code, text = s.rcpt("user@other.example")
            c.ok(code == 452 and text.startswith(b"4.5.3"), "a recipient of another next hop: 452 4.5.3", (code, text))
            s.rset()
            s.mail("a@good.example")
            s.rcpt("user@other.example")
            code, text = s.data(w.signers["good.example"].sign(message("a@good.example", "to the other")))
            c.ok(code == 451 and text.startswith(b"4.4.1"), "whose own message gets 451 4.4.1: it is down", (code, text))
        hops = json.loads(w.ctl("--json", "show", "nexthops").stdout)["next_hops"]
        c.ok([h["state"] for h in hops] == ["up", "down"] and hops[0]["accepted"] == 1 and "DSN" in hops[0]["extensions"],
             "show nexthops tells", hops)
    lmtp(c)
    recipients(c)
    c.done()


main()
