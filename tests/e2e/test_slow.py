# SPDX-License-Identifier: MIT
"""test_slow.py - 10 000 sessions that say nothing and 5 000 senders that drip, and one real sender among them

usage: test_slow.py [IDLE DRIPPING]
"""
import os
import resource
import selectors
import socket
import statistics
import subprocess
import sys
import time

from traffic import send
from world import GATEWAY, Checks, World, message, run, wait_for

PER_ADDRESS = 1000
TRIES = 60


def sources(count):
    return [f"198.51.100.{n + 1}" for n in range(count)]


def crowd(idle, dripping):
    """The process of the slow ones: `idle` stop after EHLO, `dripping` send an octet of their message each second."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (idle + dripping + 100, idle + dripping + 100))
    addresses = sources((idle + dripping + PER_ADDRESS - 1) // PER_ADDRESS)
    steps = [b"EHLO slow.example\r\n", b"MAIL FROM:<a@slow.example>\r\n", b"RCPT TO:<user@inside.example>\r\n", b"DATA\r\n"]
    selector = selectors.EpollSelector()
    settled = []

    def answered(s):
        """A reply came: the next step, or rest."""
        octets = s["socket"].recv(4096)
        if not octets:
            raise ConnectionError(f"closed at step {s['step']}")
        if octets[:1] not in b"23":
            raise ConnectionError(octets.decode())
        if s["step"] == s["steps"]:
            selector.unregister(s["socket"])
            settled.append(s)
        else:
            s["socket"].sendall(steps[s["step"]])
            s["step"] += 1

    opened = 0
    while len(settled) < idle + dripping:
        for _ in range(50):
            if opened < idle + dripping and opened - len(settled) < 500:
                s = socket.create_connection((GATEWAY, 25), 20, (addresses[opened % len(addresses)], 0))
                selector.register(s, selectors.EVENT_READ, {"socket": s, "step": 0, "steps": 1 if opened < idle else 4})
                opened += 1
        for key, _ in selector.select(0.05):
            answered(key.data)
    drips = [s["socket"] for s in settled if s["steps"] == 4]
    print("settled", flush=True)
    while True:
        began = time.monotonic()
        for n, s in enumerate(drips):
            s.send(b"x")
            if n % 100 == 99:  # spread over the second
                time.sleep(max(0, began + n / len(drips) - time.monotonic()))
        time.sleep(max(0, began + 1 - time.monotonic()))


def rss(process):
    with open(f"/proc/{process.pid}/status") as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmRSS"))


def latency(w, c, name):
    """Median seconds of a whole session with one message."""
    data = w.signers["good.example"].sign(message("a@good.example", "real"))
    times = []
    for _ in range(TRIES):
        began = time.monotonic()
        code, text = send(data)
        times.append(time.monotonic() - began)
        if code != 250:
            c.ok(False, f"{name}: the real sender gets its 250", (code, text))
    return statistics.median(times)


def main():
    idle, dripping = (int(a) for a in sys.argv[1:3]) if len(sys.argv) > 2 else (10000, 5000)
    c = Checks()
    limits = {"sessions_max": str(idle + dripping + 500), "busy_max": str(dripping + 500),
              "transactions_max": str(dripping + 500), "tcp_blocks": "32768"}
    # The crowd comes from few addresses, to be many sessions; limits by address have tests of their own, and so
    # has stress, which would send it away.
    with World(sections={"limits": limits, "sources": {"records_max": "0", "net_half_open_max": "0"},
                         "stress": {"percent": "0"}}) as w:
        for address in sources((idle + dripping + PER_ADDRESS - 1) // PER_ADDRESS):
            run("ip", "addr", "add", address + "/32", "dev", "lo")
        quiet = latency(w, c, "quiet")
        before = rss(w.gateway)
        p = subprocess.Popen([sys.executable, os.path.abspath(__file__), "crowd", str(idle), str(dripping)], stdout=subprocess.PIPE,
                             text=True)
        w.processes.append(p)
        c.ok(p.stdout.readline() == "settled\n", f"{idle} sessions idle after EHLO, {dripping} drip into their message")
        wait_for(lambda: len(w.ctl("status").stdout) > 0, 10, "the gateway answers its operator")
        for _ in range(3):  # a moment's noise of the machine is not ours
            among = latency(w, c, "among the slow")
            if among <= 2 * quiet:
                break
        grown = rss(w.gateway) - before
        c.ok(p.poll() is None, "none of them was sent away meanwhile")
        c.ok(among <= 2 * quiet, "the real sender takes at most twice as long as alone", (quiet, among))
        c.ok(grown / (idle + dripping) <= 4096, "a session takes at most 4 KiB", grown)
        print(f"# latency of a session with one message: alone {quiet * 1e3:.2f} ms, among them {among * 1e3:.2f} ms "
              f"({among / quiet:.2f}); memory grew by {grown / (idle + dripping):.0f} octets a session")
        w.end(p)
        p.stdout.close()
        c.ok(w.gateway.poll() is None, "the gateway is still up")
    c.done()


if len(sys.argv) == 4 and sys.argv[1] == "crowd":
    crowd(int(sys.argv[2]), int(sys.argv[3]))
main()
