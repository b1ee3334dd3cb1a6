#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""corpus.py - signed messages for the load generator, and the zone that their senders publish

usage: corpus.py FOLDER COUNT OCTETS [KEYS]     COUNT messages of about OCTETS octets, signed in turn with KEYS keys (8)
FOLDER gets zone and mail/N.eml.  All are of load.example, whose SPF names 10.0.0.0/8, the clients of sekisho-load.
"""
import base64
import os
import random
import subprocess
import sys

import dkim

folder, count, octets = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
keys = int(sys.argv[4]) if len(sys.argv) > 4 else 8
r = random.Random(1)
WORDS = "the mail of a gateway has words and lines that mean nothing but that they are read once and hashed as they come".split()


def key(n):
    """A key in PEM; its record goes into the zone."""
    private = subprocess.run(["openssl", "genrsa", "-traditional", "2048"], check=True, capture_output=True).stdout
    public = subprocess.run(["openssl", "rsa", "-pubout", "-outform", "DER"], input=private, check=True, capture_output=True).stdout
    text = base64.b64encode(public).decode()
    zone.write(f's{n}._domainkey.load.example TXT "v=DKIM1; k=rsa; p={text[:200]}" "{text[200:]}"\n')
    return private


def line():
    return (" ".join(r.choice(WORDS) for _ in range(r.randint(8, 16))) + "\r\n").encode()


os.makedirs(os.path.join(folder, "mail"), exist_ok=True)
with open(os.path.join(folder, "zone"), "w") as zone:
    zone.write('load.example TXT "v=spf1 ip4:10.0.0.0/8 -all"\nload.example A 192.0.2.2\n_dmarc.load.example TXT "v=DMARC1; p=reject"\n')
    pems = [key(n) for n in range(keys)]
for n in range(count):
    head = (f"From: A Sender <a@load.example>\r\nTo: user@inside.example\r\nSubject: message {n} of a load\r\n"
            f"Date: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{n}@load.example>\r\nMIME-Version: 1.0\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n").encode()
    body = b""
    while len(head) + len(body) + 420 < octets:
        body += line()
    message = head + b"\r\n" + body
    signature = dkim.sign(message, f"s{n % keys}".encode(), b"load.example", pems[n % keys],
                          canonicalize=(b"relaxed", b"relaxed"))
    with open(os.path.join(folder, "mail", f"{n}.eml"), "wb") as f:
        f.write(signature + message)
