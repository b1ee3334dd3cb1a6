# SPDX-License-Identifier: MIT
"""demo.py - what the gateway does with four messages, told in a transcript; exit 1 if anything is not as it should be"""
import sys
import time

import reader
from world import FORGER, GATEWAY, GOOD, World, message

wrong = []


def heading(text):
    print(f"\n== {text}", flush=True)


def expect(good, sentence, detail=""):
    print(f"   {'✔' if good else '✘'} {sentence}", flush=True)
    if not good:
        wrong.append(sentence)
        if detail:
            print("     " + str(detail).replace("\n", "\n     "))


def field(stored, name):
    """A header field of a stored message, unfolded."""
    head = stored.replace(b"\r\n", b"\n").split(b"\n\n", 1)[0].decode("utf-8", "replace")
    head = head.replace("\n\t", " ").replace("\n ", " ")
    for line in head.split("\n"):
        if line.lower().startswith(name.lower() + ":"):
            return line
    return ""


def main():
    started = time.monotonic()
    absent = reader.missing()
    print("Sekisho: clients -> [port 25 of our own TCP on a TAP port] -> Postfix -> "
          f"{'Maildir' if absent else 'Dovecot -> IMAP, POP3'}; DNS by nsd")
    with (World() if absent else reader.MailboxWorld()) as w:
        signer = w.signers["good.example"]
        print(f"   gateway up at {GATEWAY} after {time.monotonic() - started:.1f} s")

        heading("1. good.example (p=reject) sends a message that it signed, from its own address")
        signed = signer.sign(message("a@good.example", "signed"))
        _, reply = w.swaks(signed, "a@good.example", source=GOOD)
        print(f"   reply: {reply}")
        expect(reply.startswith("250"), "accepted: this is the next hop's own 250", reply)
        stored = w.stored(1)[0]
        results = field(stored, "Authentication-Results")
        print("   " + results.replace("; ", ";\n       "))
        expect("dkim=pass" in results and "dmarc=pass" in results, "delivered with dkim=pass and dmarc=pass", results)

        heading("2. the same message, one octet of the body changed, from a stranger's address")
        broken = signed.replace(b"Two lines.", b"Two limes.")
        _, reply = w.swaks(broken, "a@good.example", source=FORGER)
        print(f"   reply: {reply}")
        expect(reply.startswith("550 5.7.1"), "refused with 550 5.7.1", reply)

        heading("3. a stranger claims to be mild.example (p=quarantine)")
        _, reply = w.swaks(message("boss@mild.example", "spoof"), "boss@mild.example", source=FORGER)
        print(f"   reply: {reply}")
        expect(reply.startswith("250"), "accepted", reply)
        stored = w.stored(2)[1]
        print("   " + field(stored, "X-Spam-Flag"))
        expect("YES" in field(stored, "X-Spam-Flag"), "arrived tagged, for the spam folder", stored[:600])

        heading("4. DNS is down; late.example (p=reject) sends a signed message; DNS comes back; the sender tries again")
        w.stop_dns()
        late = w.signers["late.example"].sign(message("a@late.example", "late"))
        _, reply = w.swaks(late, "a@late.example", source=GOOD)
        print(f"   reply while DNS is down: {reply}")
        expect(reply.startswith("451"), "deferred with 451, not judged without an answer", reply)
        w.start_dns()
        for _ in range(12):
            _, reply = w.swaks(late, "a@late.example", source=GOOD)
            print(f"   reply to the retry: {reply}")
            if reply.startswith("250"):
                break
            time.sleep(3)
        expect(reply.startswith("250"), "the retry passed", reply)
        expect("dmarc=pass" in field(w.stored(3)[2], "Authentication-Results"), "with dmarc=pass")

        heading("5. the reader opens the mailbox")
        if absent:
            print(f"   left out: there is no Dovecot here ({absent})")
        else:
            inbox, junk, by_pop3 = w.imap(), w.imap("Junk"), w.pop3()
            for name, found in (("IMAP INBOX", inbox), ("IMAP Junk ", junk), ("POP3      ", by_pop3)):
                print(f"   {name}: " + ", ".join(field(m, "Subject").removeprefix("Subject: ") for m in found))
            expect(len(inbox) == 2 and all("dmarc=pass" in field(m, "Authentication-Results") for m in inbox),
                   "INBOX has the two honest messages", inbox)
            expect(len(junk) == 1 and field(junk[0], "Subject") == "Subject: spoof", "the spoof is in Junk", junk)
            expect(by_pop3 == inbox, "POP3 brings the same as INBOX", by_pop3)
            expect(not w.holds_anywhere(b"Two limes."), "the refused forgery is nowhere")

        heading("What the gateway says of itself")
        status = w.ctl("status")
        print("   " + status.stdout.strip().replace("\n", "\n   "))
        expect(status.returncode == 0, "sekishoctl status answers", status.stderr)
        with open(w.path("records")) as f:
            records = f.read().splitlines()
        print("   last record: " + (records[-1] if records else ""))
        expect(len(records) >= 5, "one JSON record a message")
        expect(w.end(w.gateway, seconds=40) == 0, "SIGTERM: drained and exited with 0")
    print(f"\n{'all as it should be' if not wrong else 'WRONG: ' + '; '.join(wrong)} ({time.monotonic() - started:.0f} s)")
    return 1 if wrong else 0


sys.exit(main())
