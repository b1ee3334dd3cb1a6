# SPDX-License-Identifier: MIT
"""test_mailbox.py - a reader with IMAP and POP3: honest mail in INBOX, the spoof in Junk, what was refused nowhere"""
import os
import sys

import reader
from traffic import send, verify
from world import FORGER, GATEWAY, Checks, message, port_open, wait_for


def direct(c):
    """By LMTP from the gateway to Dovecot; what is quarantined stays with the gateway."""
    with reader.MailboxWorld(direct=True) as w:
        w.sections["quarantine"] = {"folder": f'"{w.held}"'}
        sign = w.signers["good.example"].sign
        code, text = send(sign(message("a@good.example", "honest")))
        c.ok(code == 250, "LMTP: honest mail is taken", text)
        code, text = send(message("boss@mild.example", "spoof"), sender="boss@mild.example", source=FORGER)
        c.ok(code == 250, "LMTP: a spoof of a p=quarantine domain is taken, for the spam folder", text)
        code, text = send(message("boss@good.example", "forged"), sender="boss@good.example", source=FORGER)
        c.ok(code == 550, "LMTP: a forgery is refused", text)
        code, text = send(sign(message("a@good.example", "nobody")), to=("nobody@inside.example",))
        c.ok(code == 550, "LMTP: Dovecot's own word on a recipient that it does not know", (code, text))
        wait_for(lambda: w.imap() and w.imap("Junk"), 20, "the mail arrives")
        inbox, junk = w.imap(), w.imap("Junk")
        c.ok(len(inbox) == 1 and b"Subject: honest" in inbox[0] and verify(w.signers, inbox[0]), "INBOX has the honest one", inbox)
        c.ok(len(junk) == 1 and b"Subject: spoof" in junk[0], "Junk has the spoof", junk)
        c.ok(not w.holds_anywhere(b"Subject: forged"), "the refused one is nowhere")
        by_pop3 = w.pop3()
        c.ok(len(by_pop3) == 1 and b"Subject: honest" in by_pop3[0], "POP3: INBOX has it too", by_pop3)
        by_mpop = w.mpop()
        c.ok(len(by_mpop) == 1 and b"Subject: honest" in by_mpop[0], "mpop: INBOX by POP3", w.popped.stderr)

        w.end(w.gateway)
        w.start_gateway()
        wait_for(lambda: port_open(GATEWAY, 25), 10, "the gateway answers on port 25")
        code, text = send(message("boss@mild.example", "held"), sender="boss@mild.example", source=FORGER)
        c.ok(code == 250, "with quarantine.folder a spoof is held", text)
        held = w.imap(user=reader.ADMIN)
        c.ok(len(held) == 1 and b"Subject: held" in held[0] and len(w.imap("Junk")) == 1,
             "the administrator reads it by IMAP, and the user has nothing of it", held or w.log("dovecot")[-2000:])
        name = os.listdir(os.path.join(w.held, "cur"))
        c.ok(len(name) == 1 and w.ctl("quarantine", "release", name[0]).returncode == 0, "it stays where it was, and can be released",
             name)
        wait_for(lambda: len(w.imap()) == 2, 20, "the released message arrives")
        c.ok(any(b"X-Quarantine-Released" in m for m in w.imap()) and w.imap(user=reader.ADMIN) == [],
             "then it is in INBOX, and no more with the administrator")


def by_postfix(c):
    """By a mail server to Dovecot, with tags that strangers set."""
    with reader.MailboxWorld() as w:
        sign = w.signers["good.example"].sign
        code, text = send(b"X-Spam-Flag: YES\r\n" + sign(message("a@good.example", "tagged outside")))
        c.ok(code == 250, "honest mail that bears our tag from outside is taken", text)
        code, text = send(b"x-spam-flag: NO\r\n" + message("boss@mild.example", "untagged"), sender="boss@mild.example",
                          source=FORGER)
        c.ok(code == 250, "a spoof that says it is none is taken, for the spam folder", text)
        code, text = send(sign(message("a@good.example", "nobody")), to=("nobody@inside.example",))
        c.ok(code == 550, "a recipient without a mailbox: 550 while the client still waits", (code, text))
        wait_for(lambda: w.imap() and w.imap("Junk"), 20, "the mail arrives")
        inbox, junk = w.imap(), w.imap("Junk")
        c.ok(len(inbox) == 1 and b"Subject: tagged outside" in inbox[0] and verify(w.signers, inbox[0]),
             "IMAP: INBOX has the honest one, whose signature verifies in the reader's hands", inbox)
        c.ok(b"dmarc=pass" in inbox[0] and b"X-Spam-Flag" not in inbox[0], "with dmarc=pass, without a tag", inbox)
        c.ok(len(junk) == 1 and b"Subject: untagged" in junk[0], "IMAP: Junk has the spoof", junk)
        c.ok(b"dmarc=fail" in junk[0] and junk[0].lower().count(b"x-spam-flag:") == 1 and b"X-Spam-Flag: YES" in junk[0],
             "with dmarc=fail and our tag alone", junk)
        by_pop3 = w.pop3()
        c.ok(len(by_pop3) == 1 and b"dmarc=pass" in by_pop3[0], "POP3: the honest one", by_pop3)
        c.ok(len(w.fetchmail()) == 1 and len(w.fetchmail("Junk")) == 1, "fetchmail: one of INBOX, one of Junk",
             w.log("dovecot")[-3000:])


def main():
    absent = reader.missing()
    if absent:
        print(f"ok 1 - # SKIP no Dovecot here: {absent}; tools/deps mailbox installs it\n1..1")
        sys.exit(0)
    c = Checks()
    by_postfix(c)
    direct(c)
    c.done()


main()
