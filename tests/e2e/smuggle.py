# SPDX-License-Identifier: MIT
"""smuggle.py - a raw SMTP peer, and messages within messages: what ends DATA for somebody else must not end it for us"""
import socket
import struct
import time

from world import GATEWAY, GOOD

# What has been taken for the end of a message somewhere (SEC Consult 2023 and its successors), and what only looks like it.
ENDINGS = [b"\n.\n", b"\n.\r\n", b"\n.\r", b"\r.\r", b"\r.\n", b"\r.\r\n", b"\r\n.\n", b"\r\n.\r", b"\r\n\0.\r\n", b"\r\n.\0\r\n",
           b"\r\n.\r\r\n", b"\r\r\n.\r\r\n", b"\r\n. \r\n", b"\r\n.\t\r\n", b"\r\n.\x0b\r\n", b"\r\n.\xc2\x85\r\n",
           b"\r\n.\xe2\x80\xa8\r\n", b"\r\n..\r\n"]
# No octet of these is forbidden in a message, so it goes through, with all of its octets.
HARMLESS = [b"\r\n. \r\n", b"\r\n.\t\r\n", b"\r\n.\x0b\r\n", b"\r\n.\xc2\x85\r\n", b"\r\n.\xe2\x80\xa8\r\n", b"\r\n..\r\n"]
ENVELOPE = b"MAIL FROM:<a@good.example>\r\nRCPT TO:<user@inside.example>\r\n"


class Peer:
    """A raw connection that reads replies line by line."""

    def __init__(self, source=GOOD, timeout=20, greet=True):
        self.s = socket.create_connection((GATEWAY, 25), timeout, (source, 0))
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.f = self.s.makefile("rb")
        if greet:
            self.reply()
            self.ask(b"EHLO mail.good.example\r\n")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.f.close()
        self.s.close()

    def reply(self):
        """The code of the next reply; 0 at the end of the connection."""
        try:
            while True:
                line = self.f.readline()
                if len(line) < 4:
                    return 0
                if line[3:4] != b"-":
                    return int(line[:3])
        except OSError:
            return 0

    def ask(self, octets):
        try:
            self.s.sendall(octets)
        except OSError:
            return 0
        return self.reply()

    def data(self, envelope=ENVELOPE):
        for line in envelope.splitlines(True):
            self.ask(line)
        return self.ask(b"DATA\r\n")

    def rest(self):
        """The codes of all replies up to the end."""
        codes = []
        while (code := self.reply()):
            codes.append(code)
        return codes

    def reset(self):
        self.s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.f.close()
        self.s.close()


def outer(subject):
    return (f"From: <a@good.example>\r\nTo: <user@inside.example>\r\nSubject: {subject}\r\n"
            f"Message-ID: <{subject}@good.example>\r\n\r\nbefore").encode()


def smuggling(c, stored_of):
    """Messages within messages; @stored_of waits for that many stored messages.  Returns how many may be stored."""
    inner = ENVELOPE + b"DATA\r\n" + outer("smuggled") + b"\r\n.\r\nQUIT\r\n"
    n = 0
    for i, ending in enumerate(ENDINGS):
        for where in ("body", "header", "octet by octet"):
            subject = f"outer-{i}-{where[:1]}"
            text = outer(subject)
            if where == "header":
                text = text.split(b"Message-ID")[0].removesuffix(b"\r\n")
            with Peer() as p:
                p.data()
                octets = text + ending + inner
                try:
                    if where == "octet by octet":
                        p.s.sendall(text)
                        for k in range(len(ending)):
                            p.s.sendall(ending[k:k + 1])
                            time.sleep(0.001)
                        octets = inner
                    p.s.sendall(octets)
                except OSError:
                    pass
                codes = p.rest()
            name = f"ending {ending!r}, {where}"
            c.ok(codes.count(250) <= 1, f"{name}: at most one message is taken", codes)
            if ending not in HARMLESS:
                c.ok(codes and codes[0] // 100 == 5 and 250 not in codes, f"{name}: refused", codes)
            elif where != "header":
                c.ok(codes[:1] == [250], f"{name}: content like any other", codes)
            n += codes.count(250)
    stored = stored_of(n)
    smuggled = [m for m in stored if b"\nSubject: smuggled" in m.replace(b"\r\n", b"\n").split(b"\n\n", 1)[0]]
    c.ok(not smuggled, "no smuggled message is stored")
    c.ok(len(stored) == n, f"as many are stored as were taken, {n}")
    c.ok(all(b"outer-" in m for m in stored), "each is an outer one")
    return n
