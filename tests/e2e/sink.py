# SPDX-License-Identifier: MIT
"""sink.py - a next hop that fails where it is told to

usage: sink.py ADDRESS FOLDER BEHAVIOUR [PORT [CERTIFICATE KEY]]
With a certificate it offers STARTTLS, and through TLS REQUIRETLS (RFC 8689); FOLDER/mail has all MAIL commands.
Stores each message as FOLDER/N.eml, synced, before its 250.  BEHAVIOUR: good, or PHASE:HOW with PHASE one of greeting ehlo
mail rcpt data body dot stored, and HOW one of kill (SIGKILL to this process), close, reset, hang, 4xx (421 at greeting), 5xx.
After LHLO it speaks LMTP (RFC 2033): a reply for each recipient, 452 for those whose address begins with "full".
"body" is in the midst of the message, "dot" after the final dot before anything is stored, "stored" after it is stored.
asked: each message says by the local part of its sender, PHASE-…, where it hangs; "rset" refuses the recipient, then hangs.
XCLIENT is offered then: it hangs for a client whose HELO is xclient-…, the EHLO behind it for one that is anew-….
probe: whoever asks for a recipient, MAIL FROM:<>, hangs at RCPT.
early: one connection after the other hangs at another step before MAIL (EARLY), and FOLDER/hung says where.
"""
import itertools
import os
import signal
import socket
import ssl
import struct
import sys
import threading
import time

ADDRESS, FOLDER, BEHAVIOUR = sys.argv[1:4]
PHASE, _, HOW = BEHAVIOUR.partition(":")
CERTIFICATE = sys.argv[5:7]
EARLY = ["greeting", "ehlo", "helo", "starttls", "securing"]
count = 0
lock = threading.Lock()


class Failed(Exception):
    pass


def fail_at(phase, connection, asked=b""):
    """Does what the behaviour says, if this is its phase; returns a refusal or None."""
    if PHASE == "asked" and asked.startswith(phase.encode() + b"-"):
        time.sleep(60)
        raise Failed
    if phase != PHASE:
        return None
    if HOW == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if HOW == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Failed
    if HOW == "close":
        raise Failed
    if HOW == "hang":
        time.sleep(30)
        raise Failed
    return {"4xx": b"450 4.2.0 not now\r\n", "5xx": b"550 5.2.0 not ever\r\n"}[HOW]


def hang(phase, early):
    if phase != early:
        return
    with open(os.path.join(FOLDER, "hung"), "a") as f:
        f.write(phase + "\n")
    time.sleep(60)
    raise Failed


def store(data):
    global count
    with lock:
        count += 1
        name = os.path.join(FOLDER, f"{os.getpid()}-{count}.eml")
    with open(name + ".tmp", "wb") as f:
        f.write(data)
        f.flush()
        os.fsync(f.fileno())
    os.rename(name + ".tmp", name)


def serve(connection, early):
    """@early: one of EARLY, or empty."""
    f = connection.makefile("rb")
    asked = b""

    lmtp, rcpts = False, []

    def say(phase, good):
        connection.sendall(fail_at(phase, connection, asked) or good)

    def secured():
        nonlocal connection, f
        connection.sendall(b"220 2.0.0 go\r\n")
        f.close()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*CERTIFICATE)
        connection = context.wrap_socket(connection, server_side=True)
        f = connection.makefile("rb")

    def offers():
        if early in ("starttls", "securing"):
            return b"250-STARTTLS\r\n"
        if PHASE == "asked":
            return b"250-XCLIENT NAME ADDR PORT PROTO HELO\r\n"
        return b"" if not CERTIFICATE else b"250-REQUIRETLS\r\n" if isinstance(connection, ssl.SSLSocket) else b"250-STARTTLS\r\n"

    try:
        hang("greeting", early)
        say("greeting", b"220 sink ESMTP\r\n")
        while True:
            line = f.readline()
            if not line:
                break
            verb = line.strip().split(b" ")[0].split(b":")[0].upper()
            lmtp |= verb == b"LHLO"
            if verb == b"XCLIENT":
                fail_at("xclient", connection, line.partition(b" HELO=")[2])
                connection.sendall(b"220 sink ESMTP\r\n")
            elif verb in (b"EHLO", b"HELO", b"LHLO"):
                fail_at("anew", connection, line.partition(b" ")[2])
                hang("helo" if verb == b"HELO" else "ehlo", early)
                if early == "helo":
                    connection.sendall(b"502 5.5.1 no such command\r\n")
                    continue
                say("ehlo", b"250-sink\r\n250-PIPELINING\r\n" + offers() + b"250-SIZE 60000000\r\n250 8BITMIME\r\n")
            elif verb == b"STARTTLS" and early:
                hang("starttls", early)
                connection.sendall(b"220 2.0.0 go\r\n")
                hang("securing", early)
            elif verb == b"STARTTLS" and CERTIFICATE:
                secured()
            elif verb == b"MAIL":
                asked = line.partition(b"<")[2]
                if CERTIFICATE:
                    with open(os.path.join(FOLDER, "mail"), "ab") as mails:
                        mails.write(line)
                rcpts = []
                say("mail", b"250 2.1.0 ok\r\n")
            elif verb == b"RCPT" and PHASE == "asked" and asked.startswith(b"rset-"):
                connection.sendall(b"450 4.2.1 not now\r\n")
            elif verb == b"RSET":
                say("rset", b"250 2.0.0 ok\r\n")
            elif verb == b"RCPT" and PHASE == "probe" and asked.startswith(b">"):
                time.sleep(60)
                return
            elif verb == b"RCPT":
                rcpts.append(line)
                say("rcpt", b"250 2.1.5 ok\r\n")
            elif verb == b"DATA":
                refusal = fail_at("data", connection, asked)
                connection.sendall(refusal or b"354 go\r\n")
                if refusal:
                    continue
                lines = []
                for data in f:
                    if data == b".\r\n":
                        break
                    lines.append(data[1:] if data.startswith(b".") else data)
                    if len(lines) == 100:
                        fail_at("body", connection, asked)
                else:
                    return
                refusal = fail_at("dot", connection, asked)
                if refusal:
                    connection.sendall(refusal)
                    continue
                store(b"".join(lines))
                if lmtp:
                    connection.sendall(b"".join(b"452 4.2.2 full\r\n" if b"<full" in r else b"250 2.1.5 delivered\r\n" for r in rcpts))
                    continue
                say("stored", b"250 2.0.0 stored\r\n")
            elif verb == b"QUIT":
                connection.sendall(b"221 2.0.0 bye\r\n")
                return
            else:
                connection.sendall(b"250 2.0.0 ok\r\n")
    except (Failed, OSError):
        pass
    finally:
        f.close()
        connection.close()


def main():
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((ADDRESS, int(sys.argv[4]) if len(sys.argv) > 4 else 25))
    s.listen(128)
    print("listening", flush=True)
    for n in itertools.count():
        connection, _ = s.accept()
        early = EARLY[n % len(EARLY)] if PHASE == "early" else ""
        threading.Thread(target=serve, args=(connection, early), daemon=True).start()


main()
