# SPDX-License-Identifier: MIT
"""stream.py - one message after the other, without end; what was accepted is written down

usage: stream.py FILE     a line for each Message-ID that got 250, on the disk before the next is sent
"""
import itertools
import os
import smtplib
import sys
import time

GATEWAY, GOOD = "192.0.2.25", "192.0.2.10"


def main():
    with open(sys.argv[1], "a", encoding="ascii") as accepted:
        for n in itertools.count():
            name = f"{os.getpid()}.{n}@good.example"
            text = f"From: a@good.example\r\nTo: user@inside.example\r\nSubject: {n}\r\nMessage-ID: <{name}>\r\n\r\n{'x' * 70}\r\n"
            try:
                with smtplib.SMTP(GATEWAY, 25, local_hostname="mail.good.example", timeout=20, source_address=(GOOD, 0)) as s:
                    s.sendmail("a@good.example", ["user@inside.example"], text)
                    accepted.write(name + "\n")
                    accepted.flush()
            except (OSError, smtplib.SMTPException):
                time.sleep(1)
            time.sleep(0.2)


main()
