# SPDX-License-Identifier: MIT
"""letters.py - distinct messages, each signed by the real signer, of every kind that senders send"""
import random

BIG = 20 << 20
WORDS = "mail gateway Grüße straße 日本語 naïve . .. .dot from relay verify body header signature letter".split()
KINDS = ["plain", "one octet", "dots", "8-bit", "long lines", "many recipients", "binary-like", "middle", "blank lines"]


class Letter:
    """octets as they go out (CRLF), sender and recipients of the envelope."""

    def __init__(self, number, kind, data, sender, recipients):
        self.number, self.kind, self.data, self.sender, self.recipients = number, kind, data, sender, recipients
        self.utf8 = not (sender + "".join(recipients)).isascii()

    @property
    def body(self):
        return self.data.split(b"\r\n\r\n", 1)[1]

    @property
    def mark(self):
        return f"<letter-{self.number}@good.example>".encode()


def body_of(kind, r):
    def words(count):
        return " ".join(r.choice(WORDS) for _ in range(count))
    if kind == "one octet":
        return b"x\r\n"
    if kind == "dots":
        return "".join(r.choice([".", "..", ".x", "...", "x.", "", ". "]) + "\r\n" for _ in range(60)).encode() + b"end\r\n"
    if kind == "long lines":
        return "".join("".join(r.choice("abc .") for _ in range(r.choice([77, 500, 990, 996]))) + "x\r\n" for _ in range(20)).encode()
    if kind == "binary-like":
        octets = [o for o in range(1, 256) if o not in (10, 13, 92)]  # swaks takes a backslash with an n for a line's end
        return b"".join(bytes(r.choice(octets) for _ in range(70)) + b"\r\n" for _ in range(40))
    if kind == "blank lines":
        return b"a\r\n" + b"\r\n" * 7 + b" b \t c\r\n" + b"\r\n" * 3 + b"end\r\n"
    size = {"big": BIG, "middle": r.randint(50000, 400000)}.get(kind, r.randint(20, 6000))
    line = (words(10) + "\r\n").encode()
    text = b"".join(line if i % 3 else (words(8) + "\r\n").encode() for i in range(1 + min(size, 400000) // len(line)))
    return (text * (1 + size // len(text)))[:size].rsplit(b"\r\n", 1)[0] + b"\r\n" if size > len(text) else text


def letters(signer, count, seed, utf8=True, big=1):
    """@count letters; @big of them are 20 MiB."""
    r = random.Random(seed)
    out = []
    for n in range(count):
        kind = "big" if n < big else "UTF-8 addresses" if utf8 and n % 10 == 9 else KINDS[n % len(KINDS)]
        number = seed * 10000 + n
        sender = "grüße@good.example" if kind == "UTF-8 addresses" else "a@good.example"
        recipients = ["jürgen@inside.example"] if kind == "UTF-8 addresses" else \
            [f"user{i}@inside.example" for i in range(40)] if kind == "many recipients" else ["user@inside.example"]
        head = (f"From: Somebody <{sender}>\r\nTo: {recipients[0]}\r\nSubject: {kind} {number}\r\n"
                f"Date: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <letter-{number}@good.example>\r\nMIME-Version: 1.0\r\n"
                "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n").encode()
        algorithm, canon = r.choice([("rsa", (b"relaxed", b"relaxed")), ("rsa", (b"relaxed", b"simple")),
                                     ("ed25519", (b"relaxed", b"relaxed"))])
        data = signer.sign(head + body_of(kind, r), algorithm, canon)
        out.append(Letter(number, kind, data, sender, recipients))
    return out
