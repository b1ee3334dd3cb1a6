# SPDX-License-Identifier: MIT
"""test_hostile.py - peers that want something else than to deliver mail, against the real daemon with Postfix behind it"""
import os
import socket
import time

from smuggle import ENVELOPE, Peer, outer, smuggling
from traffic import big_body, body_of, send
from world import FORGER, GATEWAY, GOOD, Checks, World, message, wait_for


def early_talk(c):
    with Peer() as p:
        codes = []
        p.s.sendall(ENVELOPE + b"DATA\r\nFrom: <a@good.example>\r\n\r\nx\r\n.\r\n")
        codes = p.rest()
        c.ok(250 in codes and codes[-1] == 554 and 354 not in codes, "octets after DATA before its 354 end the session", codes)
    with Peer(greet=False) as p:
        p.s.sendall(b"EHLO mail.good.example\r\nMAIL FROM:<a@good.example>\r\nQUIT\r\n")
        codes = p.rest()
        c.ok(codes[:1] in ([220], [554]) and codes[-1] in (221, 554), "commands with the handshake's ACK do no harm", codes)
    with Peer() as p:
        c.ok(p.ask(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") == 554 and not p.rest(), "HTTP is sent away")
    with Peer() as p:
        c.ok(p.ask(b"NOOP\nNOOP\r\n") == 500 and not p.rest(), "a bare LF in a command ends the session")


def octets(c, w, n):
    """Content that must arrive as it was sent."""
    head = message("a@good.example", "all octets", "").split(b"\r\n\r\n")[0] + b"\r\n\r\n"
    bodies = {"8-bit and control octets": bytes(o for o in range(1, 256) if o not in (10, 13)) * 3 + b"\r\n",
              "a line of 100 000 octets": b"x" * 100000 + b"\r\n",
              "lines of 998 to 1002 octets": b"".join(b"y" * k + b"\r\n" for k in range(996, 1003)),
              "dots": b".\r\n..\r\n...\r\n.x\r\n\r\n.\r\n",
              "20 MiB": big_body(1 << 20, 7).encode() * 20}
    for name, body in bodies.items():
        began = time.monotonic()
        code, text = send(head + body)
        c.ok(code == 250, f"{name}: 250", (code, text))
        n += 1
        got = body_of(w.stored(n)[-1])
        if name == "8-bit and control octets" or "octets" not in name:
            c.ok(got == body, f"{name}: stored octet for octet", (len(got), len(body)))
        else:
            # Postfix itself breaks lines above its line_length_limit, by CRLF and a blank at most.
            c.ok(got.translate(None, b"\r\n ") == body.translate(None, b"\r\n "), f"{name}: stored with all octets",
                 (len(got), len(body)))
        if name == "20 MiB":
            c.ok(time.monotonic() - began < 20, f"{name}: within 20 s", time.monotonic() - began)
    return n


def floods(c, w):
    with Peer() as p:
        try:
            p.s.sendall(b"NOOP\r\n" * 1000)
        except OSError:
            pass
        codes = p.rest()
        c.ok(codes[-1:] == [421] and codes.count(250) <= 101, "a flood of NOOP ends in 421", codes[-3:])
    with Peer() as p:
        try:
            p.s.sendall(b"EHLO x\r\nRSET\r\n" * 1000)
        except OSError:
            pass
        codes = p.rest()
        c.ok(codes[-1:] == [421], "a flood of EHLO and RSET ends in 421", codes[-3:])
    with Peer() as p:
        began = time.monotonic()
        p.s.settimeout(5)
        p.s.sendall(b"NONSENSE\r\n" * 12)
        codes = [p.reply() for _ in range(11)]
        c.ok(codes[:9] == [500] * 9 and time.monotonic() - began > 0.9, "errors are answered slowly from some number on", codes)
    with Peer() as p:
        c.ok(p.ask(b"EHLO " + b"x" * 65536 + b"\r\n") // 100 == 5, "EHLO of 64 KiB is refused")
        c.ok(p.ask(b"MAIL FROM:<" + b"x" * 3000 + b"@good.example>\r\n") // 100 == 5, "so is a sender of 3 000 octets")
        c.ok(p.ask(b"NOOP\r\n") == 250, "and the session goes on")
    with Peer() as p:
        p.data()
        try:
            p.s.sendall(b"X-Long: " + b"x" * 1000000)
            p.s.sendall(b"\r\n\r\n.\r\n")
        except OSError:
            pass
        c.ok(p.reply() == 552, "a header of a megabyte gets 552")
        c.ok(wait_for(lambda: '"rule":"limits"' in open(w.path("records"), encoding="ascii").read(), 5, "its record"),
             "and leaves a record")
        c.ok(p.data() == 354, "and the session goes on")


def half_closed(c, n):
    with Peer() as p:
        p.data()
        p.s.sendall(outer("half-closed") + b"\r\n.\r\n")
        p.s.shutdown(socket.SHUT_WR)
        c.ok(p.reply() == 250, "a client that closed its side after the final dot gets its 250")
        c.ok(p.reply() == 0, "and then the end")
    with Peer() as p:
        p.data()
        p.s.sendall(outer("truncated") + b"\r\n")
        p.s.shutdown(socket.SHUT_WR)
        c.ok(p.rest() == [], "one that closed before it gets none")
    return n + 1


def resets(c, w, n):
    big = outer("reset") + b"\r\n" + b"A line of some octets.\r\n" * 20000
    for cut in (0, 10, 1000, len(big)):
        p = Peer()
        p.data()
        p.s.sendall(big[:cut])
        p.reset()
    p = Peer()
    p.data()
    p.s.sendall(outer("reset-after-dot") + b"\r\n.\r\n")
    p.reset()
    code, text = send(message("a@good.example", "after resets"))
    c.ok(code == 250, "after resets in the midst of messages others are served", (code, text))
    stored = w.stored(n + 1)
    time.sleep(0.5)
    stored = w.stored(n + 1)
    c.ok(not any(b"Subject: reset\n" in m.replace(b"\r\n", b"\n") for m in stored), "no part of a message is stored")
    c.ok(len(stored) <= n + 2, "and the one that ended at most once")


def crowd(c, n):
    idle = [Peer(FORGER) for _ in range(100)]
    for i, p in enumerate(idle):
        if i % 2:
            p.s.sendall(b"MAIL FR")  # and never the rest
    began = time.monotonic()
    code, text = send(message("a@good.example", "in a crowd"))
    c.ok(code == 250 and time.monotonic() - began < 5, "among 100 idle sessions a real sender is served at once", (code, text))
    for i, p in enumerate(idle):
        if i % 3:
            p.reset()
        else:
            p.__exit__()
    return n + 1


def main():
    c = Checks()
    began = time.monotonic()
    with World() as w:
        n = smuggling(c, w.stored)
        early_talk(c)
        n = octets(c, w, n)
        floods(c, w)
        n = half_closed(c, n)
        n = crowd(c, n)
        c.ok(len(w.stored(n)) == n, f"all that was taken is stored, and nothing else: {n}")
        resets(c, w, n)
        c.ok(w.gateway.poll() is None, "the gateway is still up")
        p = w.ctl("show", "sessions")
        c.ok(p.returncode == 0, "and answers", p.stderr)
        c.ok(w.end(w.gateway, seconds=40) == 0, "SIGTERM ends it in good order")
        c.ok(os.path.getsize(w.path("records")) > 0, "records were written")
    c.ok(time.monotonic() - began < 60, "all of this within a minute", time.monotonic() - began)
    c.done()


main()
