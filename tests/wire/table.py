# SPDX-License-Identifier: MIT
"""table.py - how long mail takes over a line that loses packets: our TCP beside the kernel's, round by round

usage: table.py [rounds=15] [losses=0,1,3,10] [sizes=50,2000] [sides=receiver,sender] [delay=10] [seed=1]
                [congestion=cubic] [at_once=N]

Each round sends one message over each pair of stacks, through lines with the same seed:

    kernel     client ═══ wire ═══ sink
    receiver   client ═══ wire ═══ sekishod ─── sink       time from SYN to the 250, which comes after the sink's
    sender     client ─── sekishod ═══ wire ═══ sink       a new connection to the sink for each message

Prints medians in seconds and their ratio.  TAP: every cell at most 1.5 times the kernel's (`bound=` says otherwise).
"""
import os
import statistics
import subprocess
import sys
import tempfile
import threading

from mail import Refused, body_of, send
from place import Daemon, Place, Wire, end, harm, link, mute

GIVEN_UP = 300.0
HERE = os.path.dirname(os.path.abspath(__file__))


class Lines:
    """Client, sink and gateway; lines to the gateway's client side or hop side, and between client and sink."""

    def __init__(self, wired, settings="", keep=False, congestion="cubic"):
        self.parts = []
        try:
            self.client, self.sink, self.gateway, self.middle = (self.keep(Place()) for _ in range(4))
            self.folder = self.keep(tempfile.TemporaryDirectory(prefix="sekisho-wire-"))
            self.joints = {}
            self.join("kernel", self.client, "k0", ["10.1.0.1/24"], self.sink, "k1", ["10.1.0.2/24"])
            self.to_gateway("client", self.client, "10.2.0.1/24", "client" in wired)
            self.to_gateway("hop", self.sink, "10.3.0.1/24", "hop" in wired)
            for place in (self.client, self.sink):
                place.sysctl(ipv4__tcp_no_metrics_save=1)
            self.sink_process = subprocess.Popen(
                self.sink.command(sys.executable, os.path.join(HERE, "mail.py"), "sink", congestion,
                                  *(["keep"] if keep else [])),
                stdout=subprocess.PIPE, text=True)
            self.parts.append(self.sink_process)
            if self.sink_process.stdout.readline() != "listening\n":
                raise RuntimeError("the sink does not listen")
            self.congestion = congestion
            self.daemon = self.keep(Daemon(self.gateway, self.folder.name,
                                           [("gclient", ["10.2.0.2/24"]), ("ghop", ["10.3.0.2/24"])], "10.3.0.1", settings))
        except BaseException:
            self.close()
            raise

    def keep(self, part):
        self.parts.append(part)
        return part

    def close(self):
        for part in reversed(self.parts):
            if isinstance(part, subprocess.Popen):
                end(part)
            elif hasattr(part, "cleanup"):
                part.cleanup()
            else:
                part.close()
        self.parts = []

    def join(self, name, a, name_a, addresses_a, b, name_b, addresses_b):
        """Two links that end in the middle, where a wire joins them."""
        ends = (f"{name}a", f"{name}b")
        for place, own, addresses, far in ((a, name_a, addresses_a, ends[0]), (b, name_b, addresses_b, ends[1])):
            link(place, own, self.middle, far)
            mute(self.middle, far)
            place.address(own, *addresses)
        self.joints[name] = ends

    def to_gateway(self, name, place, address, wired):
        if wired:
            self.join(name, place, name, [address], self.gateway, "g" + name, [])
        else:
            link(place, name, self.gateway, "g" + name)
            place.address(name, address)
        mute(self.gateway, "g" + name)

    def wire(self, name, *settings):
        return Wire(self.middle, *self.joints[name], *settings)


def send_all(lines, side, bodies, settings):
    """All of these messages over both pairs of stacks, each pair through a line of its own: the seconds of each."""
    paths = {"kernel": "10.1.0.2", side: "10.2.0.2"}
    wires = {path: lines.wire({"kernel": "kernel", "receiver": "client", "sender": "hop"}[path], *settings)
             for path in paths}
    times = {path: [] for path in paths}

    def one(path, body):
        try:
            times[path].append(send(lines.client.socket(), paths[path], body, lines.congestion))
        except (Refused, OSError) as e:
            print(f"# {path}, {' '.join(settings)}: {e!r}", flush=True)
            times[path].append(GIVEN_UP)
    threads = [threading.Thread(target=one, args=(path, body)) for body in bodies for path in paths]
    if len(bodies) == 1:  # the machine is to be theirs, one after the other
        for thread in reversed(threads) if int(settings[-1][-1]) % 2 else threads:
            thread.start()
            thread.join()
    else:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for wire in wires.values():
        wire.close()
    return times


def options(arguments, **defaults):
    out = dict(defaults)
    for a in arguments:
        name, _, value = a.partition("=")
        if name not in out:
            sys.exit(f"no such option: {name}")
        out[name] = type(out[name])(value)
    return out


def measure(lines, side, loss, kilobytes, o):
    times = {"kernel": [], side: []}
    # CUBIC over a line that loses sends little and waits long: many may wait at once.  BBR fills the machine.
    most = o["at_once"] or (1 if o["congestion"] == "bbr" else {0: 1, 1: 3}.get(loss, 8))
    for n in range(0, o["rounds"], most):
        seed = o["seed"] * 1000 + n
        settings = harm({"loss": loss / 100}, delay_us=o["delay"] * 1000, seed=seed)
        bodies = [body_of(kilobytes * 1000, seed + i) for i in range(min(most, o["rounds"] - n))]
        for path, got in send_all(lines, side, bodies, settings).items():
            times[path] += got
    return times


def main():
    o = options(sys.argv[1:], rounds=15, losses="0,1,3,10", sizes="50,2000", sides="receiver,sender", delay=10, seed=1,
                bound=1.5, congestion="cubic", at_once=0)
    print(f"# round trip {2 * o['delay']} ms, loss each way, kernel's {o['congestion']}, medians of {o['rounds']} interleaved, seconds")
    print("# side      loss    size   kernel     ours  ratio   worst: kernel   ours")
    results = []
    for side in o["sides"].split(","):
        lines = Lines(("client",) if side == "receiver" else ("hop",), keep=side == "receiver",
                      congestion=o["congestion"])
        try:
            lines.wire("client" if side == "receiver" else "hop").close()
            for loss in map(int, o["losses"].split(",")):
                for kilobytes in map(int, o["sizes"].split(",")):
                    t = measure(lines, side, loss, kilobytes, o)
                    kernel, ours = statistics.median(t["kernel"]), statistics.median(t[side])
                    print(f"# {side:9} {loss:3} % {kilobytes:5} kB {kernel:8.3f} {ours:8.3f} {ours / kernel:6.2f}"
                          f" {max(t['kernel']):15.2f} {max(t[side]):6.2f}", flush=True)
                    results.append((f"{side}, {loss} % loss, {kilobytes} kB", ours / kernel))
        finally:
            lines.close()
    bad = 0
    for n, (name, ratio) in enumerate(results, 1):
        good = ratio <= o["bound"]
        bad += not good
        print(f"{'ok' if good else 'not ok'} {n} - {name}: {ratio:.2f} times the kernel's time, {o['bound']} at most")
    print(f"1..{len(results)}")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
