# SPDX-License-Identifier: MIT
"""test_interop.py - the kernel's TCP with its options off one at a time, as client and as next hop, over a line that loses

     client ═══ wire ═══ sekishod ═══ the same wire ═══ sink

Client and sink are two programs of one kernel with the same options, so each message tries an option in both roles:
octets to us, and octets from us.
"""
import contextlib
import hashlib
import os
import socket
import subprocess
import sys
import tempfile

WIRE_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../wire")
sys.path.insert(0, WIRE_FOLDER)

# pylint: disable=wrong-import-position
from mail import Refused, body_of, send
from place import Daemon, Place, Wire, end, harm, link, mute
from world import Checks

OCTETS = 150000
USUAL = {"ipv4__tcp_sack": 1, "ipv4__tcp_timestamps": 1, "ipv4__tcp_window_scaling": 1, "ipv4__tcp_ecn": 2,
         "ipv4__tcp_rmem": "4096 131072 6291456", "ipv4__tcp_wmem": "4096 16384 4194304", "ipv4__tcp_dsack": 1,
         "ipv4__tcp_recovery": 1, "ipv4__tcp_mtu_probing": 0, "ipv4__tcp_frto": 2}
# What, options, congestion control, MTU of the kernel's end, addresses
CASES = [
    ("as it is", {}, "cubic", 1500),
    ("reno", {}, "reno", 1500),
    ("bbr", {}, "bbr", 1500),
    ("no SACK", {"ipv4__tcp_sack": 0}, "cubic", 1500),
    ("no D-SACK", {"ipv4__tcp_dsack": 0}, "cubic", 1500),
    ("no timestamps", {"ipv4__tcp_timestamps": 0}, "cubic", 1500),
    ("no window scaling", {"ipv4__tcp_window_scaling": 0}, "cubic", 1500),
    ("no option at all", {"ipv4__tcp_sack": 0, "ipv4__tcp_timestamps": 0, "ipv4__tcp_window_scaling": 0}, "reno", 1500),
    ("no RACK, no F-RTO", {"ipv4__tcp_recovery": 0, "ipv4__tcp_frto": 0}, "cubic", 1500),
    ("asks for ECN", {"ipv4__tcp_ecn": 1}, "cubic", 1500),
    ("a tiny receive buffer", {"ipv4__tcp_rmem": "2304 2304 2304"}, "cubic", 1500),
    ("a tiny send buffer", {"ipv4__tcp_wmem": "4608 4608 4608"}, "cubic", 1500),
    ("probes the MTU", {"ipv4__tcp_mtu_probing": 2}, "cubic", 1500),
    ("MTU 576", {}, "cubic", 576),
    ("MTU 1280", {}, "cubic", 1280),
    ("MTU 9000", {}, "cubic", 9000),
]



class Peer:
    """The kernel's side: one interface, and a sink that is started anew for each case."""

    def __init__(self, place, far_place, far):
        self.place, self.far_place, self.far = place, far_place, far
        self.sink = None

    def become(self, options, congestion, mtu):
        for place, name in ((self.place, "k0"), (self.far_place, self.far)):
            place.run("ip", "link", "set", "dev", name, "mtu", str(mtu))
        if mtu >= 1280:  # below, the kernel has no IPv6, and forgets its address
            self.place.run("ip", "addr", "replace", "2001:db8::1/64", "dev", "k0", "nodad")
        self.place.sysctl(**{**USUAL, **options})
        self.close()
        self.sink = subprocess.Popen(self.place.command(sys.executable, os.path.join(WIRE_FOLDER, "mail.py"), "sink", congestion),
                                     stdout=subprocess.PIPE, text=True)
        if self.sink.stdout.readline() != "listening\n":
            raise RuntimeError("the sink does not listen")

    def deliver(self, address, body, congestion):
        """Sends; the digest of what came out at the sink, or what went wrong."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            send(self.place.socket(family), address, body, congestion, 30)
            return self.sink.stdout.readline().split()[0]
        except (Refused, OSError) as e:
            return repr(e)

    def close(self):
        if self.sink:
            end(self.sink)
            self.sink.stdout.close()
            self.sink = None


def main():
    c = Checks()
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="sekisho-interop-"))

        def keep(part):
            stack.callback(part.close)
            return part
        kernel, middle, gateway = keep(Place()), keep(Place()), keep(Place())
        link(kernel, "k0", middle, "w0")
        link(gateway, "g0", middle, "w1")
        for place, name in ((middle, "w0"), (middle, "w1"), (gateway, "g0")):
            mute(place, name)
        kernel.address("k0", "192.0.2.1/24", "2001:db8::1/64")
        kernel.sysctl(ipv4__tcp_no_metrics_save=1)
        peer = keep(Peer(kernel, middle, "w0"))
        keep(Wire(middle, "w0", "w1", *harm({"loss": 0.02, "hold": 0.01, "repeat": 0.01}, delay_us=1000, hold_us=3000, seed=5)))
        daemon = keep(Daemon(gateway, folder, [("g0", ["192.0.2.25/24", "2001:db8::25/64"])], "192.0.2.1"))
        for n, (name, options, congestion, mtu) in enumerate(CASES):
            peer.become(options, congestion, mtu)
            for address in ("192.0.2.25", "2001:db8::25") if mtu >= 1280 else ("192.0.2.25",):
                body = body_of(OCTETS, n)
                got = peer.deliver(address, body, congestion)
                c.ok(got == hashlib.sha256(body).hexdigest(),
                     f"{name}: a message comes over {'IPv6' if ':' in address else 'IPv4'} and goes on intact", got)
        c.ok(daemon.process.poll() is None, "the gateway is still up")
    c.done()


main()
