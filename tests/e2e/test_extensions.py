# SPDX-License-Identifier: MIT
"""test_extensions.py - extensions of SMTP from the client through to a real Postfix"""
import smtplib

from traffic import big_body, body_of, verify
from world import GATEWAY, GOOD, Checks, World, message


def session():
    s = smtplib.SMTP(GATEWAY, 25, local_hostname="mail.good.example", timeout=60, source_address=(GOOD, 0))
    s.ehlo()
    return s


def by_bdat(s, data, chunk):
    """All chunks in one go, as RFC 3030 4.2 has it; the replies to them."""
    s.mail("a@good.example", ["BODY=8BITMIME"])
    s.rcpt("user@inside.example")
    pieces = [data[i:i + chunk] for i in range(0, len(data), chunk)]
    s.send(b"".join(b"BDAT %d%s\r\n" % (len(p), b" LAST" if i == len(pieces) - 1 else b"") + p for i, p in enumerate(pieces)))
    return [s.getreply() for _ in pieces]


def chunking(c, bdat_on):
    how = "BDAT" if bdat_on else "DATA"
    with World(sections={"relay": {"chunking": "true" if bdat_on else "false"}}) as w:
        with session() as s:
            c.ok(s.has_extn("chunking"), "EHLO offers CHUNKING")
            for n, (octets, chunk) in enumerate(((200, 7), (300000, 65536), (3000, 10000)), 1):
                data = w.signers["good.example"].sign(message("a@good.example", f"chunks of {chunk}", big_body(octets, n)))
                replies = by_bdat(s, data, chunk)
                c.ok(all(r[0] == 250 for r in replies), f"BDAT in chunks of {chunk}, on by {how}: 250", replies[-1])
                stored = w.stored(n)[-1]
                c.ok(body_of(stored) == data.split(b"\r\n\r\n", 1)[1] and verify(w.signers, stored),
                     "stored octet for octet, and verifies")
            replies = by_bdat(s, b"Subject: x\r\n\r\na\n.\nMAIL FROM:<x@good.example>\r\n", 1000)
            c.ok(replies[0][0] == 554, "a bare LF in a chunk: 554", replies)
            c.ok(s.noop()[0] == 250 and len(w.stored(3)) == 3, "the session goes on, and nothing more is stored")


def offers(c):
    """SMTPUTF8 and DSN, once the next hop has said that it has them."""
    with World() as w:
        with session() as s:
            c.ok(not s.has_extn("smtputf8") and not s.has_extn("dsn"), "offered are neither, before the next hop was met")
            c.ok(s.esmtp_features.get("limits", "").startswith("RCPTMAX="), "LIMITS are", s.esmtp_features)
            data = w.signers["good.example"].sign(message("a@good.example", "first"))
            c.ok(by_bdat(s, data, 1 << 20)[0][0] == 250, "a first message")
        with session() as s:
            c.ok(s.has_extn("smtputf8") and s.has_extn("dsn"), "then SMTPUTF8 and DSN are", s.esmtp_features)
            data = w.signers["good.example"].sign(message("a@good.example", "second"))
            s.send("MAIL FROM:<gr\u00fc\u00dfe@good.example> SMTPUTF8 BODY=8BITMIME RET=HDRS ENVID=x1\r\n".encode())
            code = s.getreply()
            c.ok(code[0] == 250, "MAIL with a UTF-8 address", code)
            code = s.docmd("RCPT TO:<user@inside.example> NOTIFY=NEVER ORCPT=rfc822;user@inside.example")
            c.ok(code[0] == 250, "RCPT with NOTIFY and ORCPT", code)
            code = s.data(data)
            c.ok(code[0] == 250, "is taken", code)
            stored = w.stored(2)[-1]
            c.ok(b"with UTF8SMTP id" in stored and verify(w.signers, stored), "stored, and verifies", stored[:1500])
            c.ok("Return-Path: <gr\u00fc\u00dfe@good.example>".encode() in stored, "its sender is as it was", stored[:200])


def main():
    c = Checks()
    offers(c)
    chunking(c, True)
    chunking(c, False)
    c.done()


main()
