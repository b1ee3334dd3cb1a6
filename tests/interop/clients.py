# SPDX-License-Identifier: MIT
"""clients.py - programs that send one message and tell how it went

Each send_… takes a letter and a file that holds it, and returns "" or what went wrong.  `tls` asks for STARTTLS and takes
any certificate: what is tried is the conversation, not the trust.
"""
import smtplib
import ssl
import subprocess
import threading

from world import GATEWAY, GOOD

HELO = "mail.good.example"
SECONDS = 120


def said(command, **options):
    try:
        p = subprocess.run(command, capture_output=True, check=False, timeout=SECONDS, **options)
    except subprocess.TimeoutExpired:
        return f"{command[0]} did not end within {SECONDS} s"
    return "" if p.returncode == 0 else f"exit {p.returncode}: {(p.stderr + p.stdout)[-400:].decode(errors='replace')}"


def send_swaks(letter, name, tls):
    with open(name, "wb") as f:
        f.write(letter.data[:-2])  # swaks ends the last line by itself
    return said(["swaks", "--server", GATEWAY, "--local-interface", GOOD, "--helo", HELO, "--from", letter.sender,
                 "--to", ",".join(letter.recipients), "--data", "@" + name, "--timeout", str(SECONDS), "--hide-all",
                 *(["--tls"] if tls else [])])


def send_msmtp(letter, name, tls):
    with open(name, "rb") as f:
        text = f.read().replace(b"\r\n", b"\n")
    return said(["msmtp", "--file=/dev/null", f"--host={GATEWAY}", f"--source-ip={GOOD}", f"--domain={HELO}", f"--from={letter.sender}",
                 f"--timeout={SECONDS}", f"--tls={'on' if tls else 'off'}", *(["--tls-certcheck=off"] if tls else []), "--",
                 *letter.recipients], input=text)


def send_curl(letter, name, tls):
    rcpt = [part for address in letter.recipients for part in ("--mail-rcpt", address)]
    return said(["curl", "-s", "-S", "--interface", GOOD, "--url", f"smtp://{GATEWAY}/{HELO}", "--mail-from", letter.sender, *rcpt,
                 "--upload-file", name, "-m", str(SECONDS), *(["--ssl-reqd", "-k"] if tls else [])])


def send_smtplib(letter, name, tls):
    del name
    options = ["BODY=8BITMIME"] + (["SMTPUTF8"] if letter.utf8 else [])
    try:
        with smtplib.SMTP(GATEWAY, 25, local_hostname=HELO, timeout=SECONDS, source_address=(GOOD, 0)) as s:
            if tls:
                context = ssl.create_default_context()
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
                s.starttls(context=context)
            s.sendmail(letter.sender, letter.recipients, letter.data, mail_options=options)
    except (smtplib.SMTPException, OSError) as e:
        return repr(e)[:400]
    return ""


def send_bdat(letter, name, tls):
    """smtplib's connection, with the message in chunks of odd sizes (RFC 3030), all sent at once."""
    del name
    try:
        with smtplib.SMTP(GATEWAY, 25, local_hostname=HELO, timeout=SECONDS, source_address=(GOOD, 0)) as s:
            if tls:
                s.starttls()
            s.ehlo()
            code, text = s.mail(letter.sender, ["BODY=8BITMIME"])
            for address in letter.recipients:
                if code == 250:
                    code, text = s.rcpt(address)
            if code != 250:
                return f"{code} {text}"
            rest, size, chunks = letter.data, 1, 0
            out = []
            while rest:
                part, rest = rest[:size], rest[size:]
                out.append(b"BDAT %d%s\r\n" % (len(part), b"" if rest else b" LAST") + part)
                chunks += 1
                size = size * 7 + 3
            s.send(b"".join(out))
            for _ in range(chunks):
                code, text = s.getreply()
                if code != 250:
                    return f"{code} {text}"
    except (smtplib.SMTPException, OSError) as e:
        return repr(e)[:400]
    return ""


def send_s_client(letter, name, tls):
    """openssl s_client knows STARTTLS, not SMTP: the conversation is held here, a line at a time."""
    del name, tls
    p = subprocess.Popen(["openssl", "s_client", "-connect", f"{GATEWAY}:25", "-bind", f"{GOOD}:0", "-starttls", "smtp", "-name", HELO,
                          "-quiet", "-noservername"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    late = threading.Timer(SECONDS, p.kill)
    late.start()
    try:
        def ask(line, wanted):
            p.stdin.write(line)
            p.stdin.flush()
            while True:
                reply = p.stdout.readline()
                if not reply or reply[3:4] != b"-":
                    break
            if not reply.startswith(wanted):
                raise ValueError(f"{line[:40]!r}: {reply!r}")
        ask(b"EHLO " + HELO.encode() + b"\r\n", b"250")
        ask(b"MAIL FROM:<" + letter.sender.encode() + b">" + (b" SMTPUTF8" if letter.utf8 else b"") + b"\r\n", b"250")
        for address in letter.recipients:
            ask(b"RCPT TO:<" + address.encode() + b">\r\n", b"250")
        ask(b"DATA\r\n", b"354")
        stuffed = letter.data.replace(b"\r\n.", b"\r\n..")
        ask(stuffed + b".\r\n", b"250")
        ask(b"QUIT\r\n", b"221")
    except (ValueError, OSError) as e:
        return str(e)
    finally:
        late.cancel()
        p.kill()
        p.communicate()
    return ""


def send_through(mta):
    """To a sending MTA, which passes it on by itself."""
    def send(letter, name, tls):
        del name, tls
        options = ["BODY=8BITMIME"] + (["SMTPUTF8"] if letter.utf8 else [])
        try:
            with smtplib.SMTP("127.0.0.1", mta.port, local_hostname="localhost", timeout=SECONDS) as s:
                s.sendmail(letter.sender, letter.recipients, letter.data, mail_options=options)
        except (smtplib.SMTPException, OSError) as e:
            return repr(e)[:400]
        return ""
    return send
