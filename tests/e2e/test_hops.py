# SPDX-License-Identifier: MIT
"""test_hops.py - a next hop over IPv6, and one that is down before one that works"""
import time

from traffic import big_body, body_of, send, verify
from world import Checks, World, message


def passes(c, w, name, n, octets=2000):
    data = w.signers["good.example"].sign(message("a@good.example", name, big_body(octets, n)))
    code, text = send(data)
    c.ok(code == 250, f"{name}: 250", (code, text))
    if code != 250:
        return
    stored = w.stored(n)[-1]
    c.ok(body_of(stored) == data.split(b"\r\n\r\n", 1)[1] and verify(w.signers, stored), f"{name}: stored octet for octet, verifies")


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
    c.done()


main()
