# SPDX-License-Identifier: MIT
"""test_impaired.py - mail through the daemon of the test build, in which a network that harms lies between port and shard

     client ═══ [ there / back | sekishod | back / there ] ═══ sink

Unlike the wire of test_interop.py the harm is inside the process, so that it works on every kind of port; here on
af_packet, with one worker and with two.
"""
import concurrent.futures
import contextlib
import hashlib
import os
import re
import socket
import subprocess
import sys
import tempfile

WIRE_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../wire")
sys.path.insert(0, WIRE_FOLDER)

# pylint: disable=wrong-import-position
from mail import Refused, body_of, send
from place import BIN, IMPAIRED, Daemon, Place, end, link, mute
from world import Checks

MESSAGES, OCTETS = 6, 60000
ADDRESSES = ("192.0.2.25", "2001:db8::25")
# What, settings, workers, whether frames must have been lost
CASES = [
    ("nothing but the detour", "seed=1 delay_us=100", 1, False),
    ("loss, repetition, disorder, damage", "seed=2 delay_us=500 loss=3000 repeat=1000 hold=3000 hold_us=5000 corrupt=1000 "
     "truncate=500", 1, True),
    ("the same with two workers", "seed=3 delay_us=500 loss=2000 repeat=1000 hold=3000 hold_us=5000 corrupt=1000", 2, True),
    ("loss in bursts", "seed=4 delay_us=500 bad=500 good=30000 burst_us=50000", 1, True),
    ("middleboxes that move numbers, cut, join and thin out", "seed=5 delay_us=1000 shift=1 split=20000 merge=40000 "
     "thin=40000 clear_urg=1 bleach=1", 1, False),
    ("middleboxes that take all options away", "seed=6 delay_us=500 strip=15 loss=500", 1, True),
    ("a router with an MTU of 1300 that says so", "seed=7 delay_us=500 mtu=1300 mtu_tell=1", 1, True),
    ("RSTs and SYNs in the window", "seed=8 delay_us=500 inject_rst=3000 inject_syn=3000", 1, False),
]


def deliver(kernel, number):
    """The digest that the sink must tell; or what went wrong."""
    address = ADDRESSES[number % len(ADDRESSES)]
    body = body_of(OCTETS, number)
    try:
        send(kernel.socket(socket.AF_INET6 if ":" in address else socket.AF_INET), address, body, "cubic", 40)
        return hashlib.sha256(body).hexdigest(), None
    except (Refused, OSError) as e:
        return None, repr(e)


def messages(kernel, sink):
    """Sends some at the same time; what went wrong, in words."""
    with concurrent.futures.ThreadPoolExecutor(MESSAGES) as pool:
        results = list(pool.map(lambda n: deliver(kernel, n), range(MESSAGES)))
    wrong = [w for _, w in results if w]
    sent = {digest for digest, w in results if not w}
    got = {sink.stdout.readline().split()[0] for _ in sent}
    return wrong + [f"{len(sent - got)} arrived changed"] * (sent != got)


def case(c, name, impaired, workers, loses):
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="sekisho-impaired-"))

        def keep(part):
            stack.callback(part.close)
            return part
        kernel, gateway = keep(Place()), keep(Place())
        link(gateway, "g0", kernel, "k0")
        mute(gateway, "g0")
        kernel.address("k0", "192.0.2.1/24", "2001:db8::1/64")
        kernel.sysctl(ipv4__tcp_no_metrics_save=1)
        sink = subprocess.Popen(kernel.command(sys.executable, os.path.join(WIRE_FOLDER, "mail.py"), "sink", "cubic"),
                                stdout=subprocess.PIPE, text=True)
        stack.callback(sink.stdout.close)
        stack.callback(end, sink)
        if sink.stdout.readline() != "listening\n":
            raise RuntimeError("the sink does not listen")
        daemon = Daemon(gateway, folder, [("g0", ["192.0.2.25/24", "2001:db8::25/64"])], "192.0.2.1", impaired=impaired,
                        server=f"workers = {workers};")
        try:
            wrong = messages(kernel, sink)
        finally:
            status = daemon.close()
        with open(daemon.log, errors="replace") as f:
            log = f.read()
        counts = [int(n) for n in re.findall(r"impaired: worker \d+ \w+ carried \d+ lost (\d+)", log)]
        carried = sum(int(n) for n in re.findall(r"carried (\d+)", log))
        c.ok(not wrong, f"{name}: {MESSAGES} messages pass intact", "; ".join(wrong) + log[-2000:])
        c.ok(status == 0 and len(counts) == 2 * workers and carried > 100 and (sum(counts) > 0) == loses,
             f"{name}: {carried} frames were carried, {sum(counts)} lost, and the daemon ends well", log[-2000:])


def main():
    c = Checks()
    for arguments in CASES:
        case(c, *arguments)
    symbols = subprocess.run(["nm", os.path.join(BIN, "sekishod")], capture_output=True, text=True, check=True).stdout
    test_build = subprocess.run(["nm", os.path.join(IMPAIRED, "sekishod")], capture_output=True, text=True,
                                check=True).stdout
    c.ok("impair" in test_build and "impair" not in symbols, "the daemon that is shipped has nothing of this")
    c.done()


main()
