# SPDX-License-Identifier: MIT
"""test_requiretls.py - REQUIRETLS (RFC 8689) from a client through to a next hop, where there is one that keeps it"""
import os
import smtplib
import ssl
import sys

from world import GATEWAY, GOOD, NEXT_HOP, Checks, World, certificate, certificates, message, port_open, wait_for


def session(tls):
    s = smtplib.SMTP(GATEWAY, 25, local_hostname="mail.good.example", timeout=20, source_address=(GOOD, 0))
    if tls:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        s.starttls(context=context)
    s.ehlo()
    return s


def offered(tls):
    with session(tls) as s:
        return s.has_extn("requiretls")


def world(verified):
    w = World(next_hop="none")
    store = certificate(w.folder, "store", ["store.inside.example"], ecdsa=True)
    how = f' tls_ca_file = "{store[0]}"; tls_name = "store.inside.example";' if verified else ""
    w.hop_text = f'{{ address = "{NEXT_HOP}"; port = 25; tls = "require";{how} }}'
    w.sections["tls"] = {"certificates": certificates(certificate(w.folder, "mx", ["mx.inside.example"], ecdsa=True))}
    w.store = store
    return w


def start_hop(w):
    folder = w.path("sink")
    os.makedirs(folder, exist_ok=True)
    w.spawn("sink", sys.executable, os.path.join(os.path.dirname(__file__), "sink.py"), NEXT_HOP, folder, "good", "25", *w.store)
    wait_for(lambda: port_open(NEXT_HOP, 25), 5, "the next hop listens")
    return folder


def kept(c):
    with world(verified=True) as w:
        folder = start_hop(w)
        wait_for(lambda: offered(True), 15, "REQUIRETLS is offered once the next hop was met")
        c.ok(True, "a next hop offers it through TLS that is verified: so do we, through TLS")
        c.ok(not offered(False), "but not in the clear")
        with session(False) as s:
            reply = s.docmd("MAIL FROM:<a@good.example> REQUIRETLS")
            c.ok(reply[0] == 555, "where its parameter is none", reply)
        data = w.signers["good.example"].sign(b"TLS-Required: No\r\n" + message("a@good.example", "kept"))
        with session(True) as s:
            s.sendmail("a@good.example", ["user@inside.example"], data, mail_options=["REQUIRETLS"])
            s.sendmail("a@good.example", ["user@inside.example"], data)
        with open(os.path.join(folder, "mail"), "rb") as f:
            mails = [line.split() for line in f if b"a@good.example" in line]
        c.ok([b"REQUIRETLS" in mail for mail in mails] == [True, False], "the parameter goes on, with the message that had it", mails)
        stored = [name for name in os.listdir(folder) if name.endswith(".eml")]
        texts = [open(os.path.join(folder, name), "rb").read() for name in stored]
        c.ok(len(texts) == 2 and all(b"\r\nTLS-Required: No\r\n" in text for text in texts), "and the field TLS-Required stays")


def not_kept(c):
    with world(verified=False) as w:
        start_hop(w)
        with session(True) as s:
            s.sendmail("a@good.example", ["user@inside.example"], w.signers["good.example"].sign(message("a@good.example", "met")))
        c.ok(not offered(True), "a next hop that anybody may be: REQUIRETLS is not offered")


def main():
    c = Checks()
    kept(c)
    not_kept(c)
    c.done()


main()
