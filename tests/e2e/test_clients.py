# SPDX-License-Identifier: MIT
"""test_clients.py - clients that people use: curl, swaks, smtplib, msmtp, openssl s_client, and Postfix as the sending MTA

`make interop` has more of them, more next hops, and a thousand messages.
"""
import os
import pwd
import shutil
import smtplib
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../interop"))

# pylint: disable=wrong-import-position
from clients import send_bdat, send_curl, send_msmtp, send_s_client
from letters import letters
from traffic import body_of, send, verify
from world import GATEWAY, GATEWAY6, GOOD, Checks, World, certificate, certificates, end_postfix, message, run, wait_for

MORE = [("msmtp", send_msmtp, False), ("BDAT in small chunks", send_bdat, False), ("msmtp by STARTTLS", send_msmtp, True),
        ("curl by STARTTLS", send_curl, True), ("BDAT by STARTTLS", send_bdat, True), ("openssl s_client", send_s_client, True)]


def postfix_sends(w, data):
    """A second Postfix, whose relayhost is the gateway; the message goes in by its sendmail command."""
    conf = w.path("sender")
    owner = pwd.getpwnam("postfix")
    os.makedirs(conf)
    for name in ("sender-queue", "sender-data"):
        os.makedirs(w.path(name))
    os.chown(w.path("sender-data"), owner.pw_uid, owner.pw_gid)
    shutil.copy(os.path.join(w.postfix_conf, "master.cf"), conf)
    with open(os.path.join(conf, "master.cf")) as f:
        master = f.read().replace("smtp inet n - n - 100 smtpd\n", "2525 inet n - n - 10 smtpd\n")
    with open(os.path.join(conf, "master.cf"), "w") as f:
        f.write(master)
    with open(os.path.join(conf, "main.cf"), "w") as f:
        f.write(f"""compatibility_level = 3.6
queue_directory = {w.path('sender-queue')}
data_directory = {w.path('sender-data')}
myhostname = mail.good.example
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
relayhost = [{GATEWAY}]:25
smtp_bind_address = {GOOD}
maillog_file = {w.path('sender.log')}
maillog_file_prefixes = {w.folder}
alias_maps =
smtp_dns_support_level = disabled
smtpd_peername_lookup = no
""")
    run("postfix", "-c", conf, "start")
    try:
        wait_for(lambda: subprocess.run(["ss", "-Hltn", "sport", "=", ":2525"], capture_output=True, check=False).stdout, 10,
                 "the sending Postfix listens")
        with smtplib.SMTP("127.0.0.1", 2525, timeout=30) as s:
            s.sendmail("a@good.example", ["user@inside.example"], data, mail_options=["BODY=8BITMIME"])
        wait_for(lambda: "status=sent" in w.log("sender"), 30, "the sending Postfix hands its message on")
        return "status=sent (250" in w.log("sender")
    finally:
        end_postfix(conf, w.path("sender-queue"))


def main():
    c = Checks()
    w = World()
    w.sections["tls"] = {"certificates": certificates(certificate(w.folder, "mx", ["mx.inside.example"], ecdsa=True))}
    with w:
        signer = w.signers["good.example"]

        def arrived(n, name):
            stored = w.stored(n)[-1]
            c.ok(verify(w.signers, stored), f"{name}: delivered, and verifies behind us", stored[:1200])
            c.ok(b"dmarc=pass" in stored[:4000], f"{name}: dmarc=pass", stored[:1200])

        data = signer.sign(message("a@good.example", "by swaks"))
        _, reply = w.swaks(data, "a@good.example")
        c.ok(reply.startswith("250"), "swaks: 250", reply)
        arrived(1, "swaks")
        with open(w.path("curl.eml"), "wb") as f:
            f.write(signer.sign(message("a@good.example", "by curl")))
        p = subprocess.run(["curl", "-s", "-S", "--interface", GOOD, "--url", f"smtp://{GATEWAY}/mail.good.example", "--mail-from",
                            "a@good.example", "--mail-rcpt", "user@inside.example", "--upload-file", w.path("curl.eml")],
                           capture_output=True, text=True, check=False, timeout=60)
        c.ok(p.returncode == 0, "curl: accepted", p.stderr)
        arrived(2, "curl")
        code, text = send(signer.sign(message("a@good.example", "by smtplib")), GATEWAY6, "2001:db8::10")
        c.ok(code == 250, "smtplib over IPv6: 250", (code, text))
        arrived(3, "smtplib")
        c.ok(postfix_sends(w, signer.sign(message("a@good.example", "by postfix"))), "Postfix: status=sent with a 250",
             w.log("sender")[-2000:])
        arrived(4, "Postfix")

        for n, ((name, how, tls), letter) in enumerate(zip(MORE, letters(signer, len(MORE) + 1, 1, utf8=False, big=0)[1:])):
            letter.recipients = ["user@inside.example"]
            with open(w.path("letter.eml"), "wb") as f:
                f.write(letter.data)
            error = how(letter, w.path("letter.eml"), tls)
            c.ok(not error, f"{name}: accepted: {letter.kind}", error)
            arrived(5 + n, name)
            c.ok(body_of(w.stored(5 + n)[-1]) == letter.body, f"{name}: octet for octet")

        code, text = send(signer.sign(message("a@good.example", "two recipients")),
                          to=("user@inside.example", "second@inside.example"))
        c.ok(code == 250 and len(w.stored(1, user="second")) == 1, "two recipients: both get it", (code, text))
        code, text = send(signer.sign(message("a@good.example", "unknown")), to=("nobody@inside.example",))
        c.ok(code == 550, "a recipient that the next hop does not know: its own 550", (code, text))
        with smtplib.SMTP(GATEWAY, 25, local_hostname="mail.good.example", timeout=30, source_address=(GOOD, 0)) as s:
            s.ehlo()
            s.mail("a@good.example")
            code, text = s.rcpt("someone@elsewhere.example")
        c.ok(code == 550, "a recipient of a domain that is not ours: 550 at RCPT", (code, text))
        forged = b"Authentication-Results: MX.inside.example; dmarc=pass (forged-by-sender)\r\n" + \
            signer.sign(message("a@good.example", "forged results"))
        code, text = send(forged)
        stored = w.stored(6 + len(MORE))[-1]
        c.ok(code == 250 and b"forged-by-sender" not in stored, "a forged Authentication-Results with our id is removed", stored[:1500])
        p = w.ctl("show", "sessions", "--json")
        c.ok(p.returncode == 0, "sekishoctl show sessions", p.stderr)
        p = w.ctl("show", "dns")
        c.ok(p.returncode == 0, "sekishoctl show dns", p.stderr)
        p = w.ctl("dns", "lookup", "good.example", "TXT")
        c.ok(p.returncode == 0 and "v=spf1" in p.stdout, "sekishoctl dns lookup", p.stdout + p.stderr)
    c.done()


main()
