# SPDX-License-Identifier: MIT
"""mail.py - a plain SMTP client and sink over the kernel's TCP; as a program it is the sink

usage: mail.py sink CONGESTION [keep]     listens on port 25 of all addresses; one line for each message: SHA-256 of its body, octets.
Without `keep` it hangs up after each message, so that the next one begins with a new connection.

The client does as our relay does (MAIL and RCPT in one go, DATA alone), so that both take the same number of round trips.
"""
import hashlib
import random
import socket
import sys
import threading
import time


def set_congestion(s, name):
    """For one socket: a namespace may not take what the machine has not allowed to all."""
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, name.encode())


class Refused(Exception):
    """A reply that is not the one hoped for."""


def lines_of(connection):
    """Yields a reply at a time, all its lines."""
    got = b""
    while True:
        while b"\n" not in got:
            data = connection.recv(65536)
            if not data:
                raise ConnectionError("hung up")
            got += data
        line, got = got.split(b"\n", 1)
        if line[3:4] != b"-":
            yield line.decode(errors="replace").strip()


def expect(replies, code):
    line = next(replies)
    if not line.startswith(str(code)):
        raise Refused(line)


def body_of(octets, seed):
    """Lines of text that no other seed has; some begin with dots."""
    r = random.Random(seed)
    words = [f"{r.getrandbits(60):x}" for _ in range(50)]
    lines, n = [], 0
    while n < octets:
        line = " ".join(r.choices(words, k=4))[:74]
        if r.random() < 0.02:
            line = "." * r.randint(1, 3) + line
        lines.append(line)
        n += len(line) + 2
    return ("\r\n".join(lines) + "\r\n").encode()


def send(connection, address, body, congestion="cubic", timeout=300):
    """One message over a socket not yet connected; seconds from its SYN to the 250 for it."""
    header = (b"From: a@outside.example\r\nTo: user@inside.example\r\nSubject: wire\r\n"
              b"Date: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@outside.example>\r\n\r\n")
    stuffed = (b"\r\n" + body).replace(b"\r\n.", b"\r\n..")[2:]
    with connection:
        connection.settimeout(timeout)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        set_congestion(connection, congestion)
        begin = time.monotonic()
        connection.connect((address, 25))
        replies = lines_of(connection)
        expect(replies, 220)
        connection.sendall(b"EHLO client.outside.example\r\n")
        expect(replies, 250)
        connection.sendall(b"MAIL FROM:<a@outside.example>\r\nRCPT TO:<user@inside.example>\r\n")
        expect(replies, 250)
        expect(replies, 250)
        connection.sendall(b"DATA\r\n")
        expect(replies, 354)
        connection.sendall(header + stuffed + b".\r\n")
        expect(replies, 250)
        seconds = time.monotonic() - begin
        connection.sendall(b"QUIT\r\n")
    return seconds


def receive_data(connection, got):
    """The message after DATA, dots removed, and what follows it; @got is what came already."""
    chunks, tail = [got], b"\r\n" + got[-5:]
    while not tail.endswith(b"\r\n.\r\n"):
        data = connection.recv(1 << 18)
        if not data:
            raise ConnectionError("hung up in DATA")
        chunks.append(data)
        tail = (tail + data)[-7:]
    return (b"\r\n" + b"".join(chunks)[:-3]).replace(b"\r\n..", b"\r\n.")[2:]


def serve(connection, keep):
    got = b""
    with connection:
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.sendall(b"220 sink ESMTP\r\n")
            while True:
                while b"\n" not in got:
                    data = connection.recv(65536)
                    if not data:
                        return
                    got += data
                line, got = got.split(b"\n", 1)
                verb = line[:4].upper()
                if verb == b"EHLO":
                    connection.sendall(b"250-sink\r\n250-PIPELINING\r\n250-SIZE 60000000\r\n250 8BITMIME\r\n")
                elif verb == b"DATA":
                    connection.sendall(b"354 go\r\n")
                    message, got = receive_data(connection, got), b""
                    body = message.split(b"\r\n\r\n", 1)[1]
                    # In one piece: another thread's line may come between the parts of a print().
                    print(f"{hashlib.sha256(body).hexdigest()} {len(body)}\n", end="", flush=True)
                    connection.sendall(b"250 2.0.0 taken\r\n")
                    if not keep:
                        return
                elif verb == b"QUIT":
                    connection.sendall(b"221 2.0.0 bye\r\n")
                    return
                else:
                    connection.sendall(b"250 2.0.0 ok\r\n")
        except OSError:
            pass


def sink(congestion, keep):
    s = socket.socket(socket.AF_INET6)
    set_congestion(s, congestion)  # its connections have it from here
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("::", 25))
    s.listen(128)
    print("listening", flush=True)
    while True:
        connection, _ = s.accept()
        threading.Thread(target=serve, args=(connection, keep), daemon=True).start()


if __name__ == "__main__":
    sink(sys.argv[2], "keep" in sys.argv)
