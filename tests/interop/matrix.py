# SPDX-License-Identifier: MIT
"""matrix.py - every client that people use, to every next hop that people use, through us

usage: matrix.py [COUNT [NAME]]     COUNT letters in all (1000), spread over the pairs; NAME: this client or next hop alone
Each must arrive in as many copies as it has recipients, its body octet for octet, and verify again behind us with an
independent verifier.  The table says how many did, of how many.
"""
import os
import signal
import smtplib
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))

# pylint: disable=wrong-import-position
from clients import send_bdat, send_curl, send_msmtp, send_s_client, send_smtplib, send_swaks, send_through
from letters import letters
from mtas import STORES, Exim, OpenSMTPD, Postfix, settled
from roots import Unavailable
from traffic import body_of, verify
from world import GATEWAY, NEXT_HOP, Checks, port_open, wait_for

# Name, what sends one letter (or the MTA that does), whether it speaks SMTPUTF8.
CLIENTS = [("swaks", send_swaks, False), ("msmtp", send_msmtp, False), ("curl", send_curl, True), ("smtplib", send_smtplib, True),
           ("BDAT", send_bdat, False), ("Postfix", Postfix, True), ("Exim", Exim, True), ("OpenSMTPD", OpenSMTPD, False)]
MINUTES = 60  # after which no further pair is begun
GIVE_UP = 3   # letters of a pair that fail before the rest is left out: each may take the two minutes of its client
# Each in plain text and by STARTTLS; the last knows only that.
SENDERS = [(*client, False) for client in CLIENTS] + [(name + " TLS", how, utf8, True) for name, how, utf8 in CLIENTS] + \
    [("s_client TLS", send_s_client, True, True)]


# Each next hop in plain text and, if it can, by STARTTLS, which the gateway then requires, with a certificate that it verifies.
LEGS = [(kind, tls) for kind in STORES for tls in ((False, True) if kind.starttls else (False,))]


def leg_name(kind, tls):
    return kind.__name__ + (" TLS" if tls else "")


def offers_starttls():
    with smtplib.SMTP(GATEWAY, 25, timeout=30) as s:
        s.ehlo()
        return s.has_extn("starttls")


def by_mark(store):
    """Messages in the store by Message-ID."""
    found = {}
    for name in store.stored():
        with open(name, "rb") as f:
            data = f.read()
        at = data.find(b"Message-ID: <letter-")
        if at >= 0:
            mark = data[at + 12:data.index(b">", at) + 1]
            found.setdefault(mark, []).append(data)
    return found


def difference(sent, got):
    at = next((i for i, (a, b) in enumerate(zip(sent, got)) if a != b), min(len(sent), len(got)))
    return f"its body is another: {len(got)} octets for {len(sent)}, from {at} on {got[at:at + 20]!r} for {sent[at:at + 20]!r}"


def fault(w, letter, copies):
    """What is wrong with a letter that arrived as @copies; empty: nothing."""
    if not copies:
        return "nothing arrived"
    if len(copies) != len(letter.recipients):
        return f"{len(copies)} copies for {len(letter.recipients)} recipients"
    if any(body_of(copy) != letter.body for copy in copies):
        return difference(letter.body, next(body_of(copy) for copy in copies if body_of(copy) != letter.body))
    if not verify(w.signers, copies[0]):
        return "does not verify behind us"
    return ""


def run_pair(w, store, sender, batch):
    """Sends @batch; returns the faults by letter."""
    name, how, _, tls = sender
    mta = how("sender", tls) if isinstance(how, type) else None
    faults = {}
    try:
        send = send_through(mta) if mta else how
        file = w.path("letter.eml")
        before = len(store.stored())
        due = 0
        for letter in batch:
            if len(faults) >= GIVE_UP:
                faults[letter.number] = "left out"
                continue
            with open(file, "wb") as f:
                f.write(letter.data)
            error = send(letter, file, tls)
            if error:
                faults[letter.number] = error
            else:
                due += len(letter.recipients)
        settled(store, before + due, 120)
        found = by_mark(store)
        for letter in batch:
            if letter.number not in faults:
                wrong = fault(w, letter, found.get(letter.mark))
                if wrong:
                    faults[letter.number] = wrong
        if faults and mta:
            print(f"# {name}: " + mta.log()[-3000:].replace("\n", "\n# "))
    finally:
        if mta:
            mta.close()
    return faults


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    only = sys.argv[2] if len(sys.argv) > 2 else ""
    legs = [(kind, tls) for kind, tls in LEGS if kind.__name__ == only] or LEGS
    senders = [sender for sender in SENDERS if sender[0] == only and len(legs) == len(LEGS)] or SENDERS
    c = Checks()
    table = {}
    pairs = len(legs) * len(senders)
    number = 0
    late = time.monotonic() + MINUTES * 60
    for n, (kind, store_tls) in enumerate(legs):
        column = leg_name(kind, store_tls)
        try:
            with kind.gateway(store_tls) as w:
                store = kind("store", w.store_tls)
                try:
                    wait_for(lambda: port_open(NEXT_HOP, store.port), 10, "the next hop listens")
                    tls = offers_starttls()
                    for sender in senders:
                        number += 1
                        if sender[3] and not tls:
                            continue
                        share = count * number // pairs - count * (number - 1) // pairs
                        if not share:
                            continue
                        if time.monotonic() > late:
                            c.ok(False, f"{sender[0]} to {column}: left out, {MINUTES} minutes are over")
                            continue
                        batch = letters(w.signers["good.example"], share, number, utf8=sender[2] and kind.smtputf8,
                                        big=1 if n == (number - 1) % len(legs) else 0)
                        faults = run_pair(w, store, sender, batch)
                        table[sender[0], column] = (len(batch) - len(faults), len(batch))
                        c.ok(not faults, f"{sender[0]} to {column}: {len(batch)} letters arrive, each octet for octet, and verify",
                             "\n".join(f"{letter.kind} {letter.number}: {faults[letter.number]}" for letter in batch
                                       if letter.number in faults))
                finally:
                    store.close()
        except Unavailable as e:
            print(f"# {column}: not run: {e}")
    columns = [leg_name(*leg) for leg in legs]
    print("# sender       " + "".join(f"{column:>14}" for column in columns))
    for sender in senders:
        cells = (table.get((sender[0], column)) for column in columns)
        print(f"# {sender[0]:<13}" + "".join(f"{'-' if not cell else '%d/%d' % cell:>14}" for cell in cells))
    print(f"# {sum(good for good, _ in table.values())} of {sum(all_ for _, all_ in table.values())} letters")
    c.done()


signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are ended as well
main()
