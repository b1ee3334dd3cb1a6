# SPDX-License-Identifier: MIT
"""traffic.py - mail through one kind of port, with the kernel's TCP as the peer on both sides"""
import json
import os
import random
import smtplib
import subprocess
import threading

import dkim

from world import FORGER, GATEWAY, GATEWAY6, GOOD, Checks, World, message


def body_of(stored):
    """The body as Postfix stored it, with CRLF line ends (a Maildir has LF alone)."""
    return stored.replace(b"\r\n", b"\n").split(b"\n\n", 1)[1].replace(b"\n", b"\r\n")


def verify(signers, stored):
    """The verdict of an independent verifier over the stored message."""
    data = stored.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    records = {}
    for s in signers.values():
        records[f"s1._domainkey.{s.domain}."] = s.rsa_record
        records[f"e1._domainkey.{s.domain}."] = s.ed25519_record
    return dkim.verify(data, dnsfunc=lambda name, timeout=5: records.get(
        (name if isinstance(name, str) else name.decode()), "").encode())


def send(data, server=GATEWAY, source=GOOD, sender="a@good.example", to=("user@inside.example",), **options):
    """By smtplib; the reply to the message."""
    with smtplib.SMTP(server, 25, local_hostname="mail.good.example", timeout=60, source_address=(source, 0)) as s:
        s.ehlo()
        s.mail(sender, options.get("mail_options", ["BODY=8BITMIME"]))
        for rcpt in to:
            s.rcpt(rcpt)
        return s.data(data)


def big_body(octets, seed):
    r = random.Random(seed)
    lines = []
    while octets > 0:
        line = "".join(r.choice("abcdefghijklmnopqrstuvwxyz .ä") for _ in range(r.randint(0, 120)))
        if r.random() < 0.05:
            line = "." + line
        lines.append(line)
        octets -= len(line.encode()) + 2
    return "\r\n".join(lines) + "\r\n"


def suite(port, workers=1):
    c = Checks()
    with World(port=port, sections={"server": {"workers": str(workers)}}) as w:
        c.ok(subprocess.run(["ping", "-c", "2", "-W", "2", GATEWAY], capture_output=True, check=False).returncode == 0,
             f"{port}: answers ping over IPv4")
        c.ok(subprocess.run(["ping", "-6", "-c", "2", "-W", "2", GATEWAY6], capture_output=True, check=False).returncode == 0,
             f"{port}: answers ping over IPv6")
        signer = w.signers["good.example"]
        expected = []
        n = 0
        for kind, server, source in (("IPv4", GATEWAY, GOOD), ("IPv6", GATEWAY6, "2001:db8::10")):
            for algorithm, canonicalize in (("rsa", (b"relaxed", b"relaxed")), ("ed25519", (b"simple", b"simple"))):
                data = signer.sign(message("a@good.example", f"{kind} {algorithm}", big_body(1 << 20, n)), algorithm, canonicalize)
                n += 1
                code, text = send(data, server, source)
                c.ok(code == 250, f"{port}: 1 MiB over {kind}, signed with {algorithm}: 250", (code, text))
                stored = w.stored(n)[-1]
                expected.append(data)
                c.ok(body_of(stored) == data.split(b"\r\n\r\n", 1)[1], f"{port}: its body is stored octet for octet")
                c.ok(verify(w.signers, stored), f"{port}: what was stored verifies with an independent verifier")
                c.ok(b"dkim=pass" in stored[:3000] and b"dmarc=pass" in stored[:3000], f"{port}: and says so itself", stored[:1500])
        code, text = send(message("a@good.example", "forged"), source=FORGER)
        c.ok(code == 550, f"{port}: a forged message is refused with 550", (code, text))

        replies = []

        def one(i):
            try:
                replies.append(send(signer_data[i])[0])
            except (OSError, smtplib.SMTPException) as e:
                replies.append(repr(e))
        signer_data = [signer.sign(message("a@good.example", f"parallel {i}")) for i in range(200)]
        threads = [threading.Thread(target=one, args=(i,)) for i in range(200)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(90)
        c.ok(replies.count(250) == 200, f"{port}: 200 connections at once, each gets its 250",
             [r for r in replies if r != 250][:5])
        c.ok(len(w.stored(n + 200, 60)) == n + 200, f"{port}: and all 200 messages are stored")
        status = w.ctl("--json", "stats", "--all")
        c.ok(status.returncode == 0, f"{port}: sekishoctl stats answers", status.stderr)
        counts = json.loads(status.stdout)["total"]
        c.ok((counts["dpdk_handed_on"] > 0) == (workers > 1) and counts["dpdk_hand_full"] == 0,
             f"{port}: frames for another worker were handed on, and counted, if there is another one", counts["dpdk_handed_on"])
        c.ok(w.end(w.gateway, seconds=40) == 0, f"{port}: SIGTERM drains and ends with 0")
        c.ok(os.path.getsize(w.path("records")) > 0, f"{port}: records were written")
    c.done()
