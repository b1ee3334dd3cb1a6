# SPDX-License-Identifier: MIT
"""test_mailbox.py - a reader with IMAP and POP3: honest mail in INBOX, the spoof in Junk, what was refused nowhere"""
import sys

import reader
from traffic import send, verify
from world import FORGER, Checks, message, wait_for


def main():
    absent = reader.missing()
    if absent:
        print(f"ok 1 - # SKIP no Dovecot here: {absent}; tools/deps mailbox installs it\n1..1")
        sys.exit(0)
    c = Checks()
    with reader.MailboxWorld() as w:
        sign = w.signers["good.example"].sign
        code, text = send(sign(message("a@good.example", "honest")))
        c.ok(code == 250, "honest mail is taken", text)
        code, text = send(message("boss@mild.example", "spoof"), sender="boss@mild.example", source=FORGER)
        c.ok(code == 250, "a spoof of a p=quarantine domain is taken, for the spam folder", text)
        code, text = send(message("boss@good.example", "forged"), sender="boss@good.example", source=FORGER)
        c.ok(code == 550, "a forgery of a p=reject domain is refused", text)
        code, text = send(b"X-Spam-Flag: YES\r\n" + sign(message("a@good.example", "tagged outside")))
        c.ok(code == 250, "honest mail that bears our tag from outside is taken", text)
        code, text = send(b"x-spam-flag: NO\r\n" + message("boss@mild.example", "untagged"), sender="boss@mild.example",
                          source=FORGER)
        c.ok(code == 250, "a spoof that says it is none is taken, for the spam folder", text)

        wait_for(lambda: len(w.imap()) >= 2 and len(w.imap("Junk")) >= 2, 20, "the mail arrives")
        inbox, junk = w.imap(), w.imap("Junk")
        c.ok(sorted(b"Subject: honest" in m for m in inbox) == [False, True] and
             sorted(b"Subject: tagged outside" in m for m in inbox) == [False, True],
             "IMAP: INBOX has the two honest ones and nothing else", inbox)
        c.ok(len(junk) == 2 and all(b"Subject: spoof" in m or b"Subject: untagged" in m for m in junk),
             "IMAP: Junk has the two spoofs and nothing else", junk)
        c.ok(all(verify(w.signers, m) for m in inbox), "the signatures of the honest ones verify in the reader's hands")
        c.ok(all(b"dmarc=pass" in m and b"X-Spam-Flag" not in m for m in inbox), "with dmarc=pass, without a tag", inbox)
        c.ok(all(b"dmarc=fail" in m and m.lower().count(b"x-spam-flag:") == 1 and b"X-Spam-Flag: YES" in m for m in junk),
             "the spoofs with dmarc=fail and our tag alone", junk)
        by_pop3 = w.pop3()
        c.ok(len(by_pop3) == 2 and all(b"dmarc=pass" in m for m in by_pop3), "POP3: the two honest ones", by_pop3)
        c.ok(len(w.fetchmail()) == 2 and len(w.fetchmail("Junk")) == 2, "fetchmail: two of INBOX, two of Junk",
             w.log("dovecot")[-3000:])
        c.ok(not w.holds_anywhere(b"Subject: forged"), "the refused one is nowhere in the store")
        code, text = send(sign(message("a@good.example", "nobody")), to=("nobody@inside.example",))
        c.ok(code == 550, "a recipient without a mailbox: 550 while the client still waits", (code, text))
    c.done()


main()
