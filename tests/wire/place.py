# SPDX-License-Identifier: MIT
"""place.py - network namespaces without a name, links between them, and lines that harm what they carry

A Place is a namespace that a process of ours keeps; it is gone when that process is.  Nothing is left behind, whatever
becomes of the program.  Needs root.
"""
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("SEKISHO_BIN", os.path.join(ROOT, "build/bin"))
IMPAIRED = os.environ.get("SEKISHO_IMPAIRED", os.path.join(ROOT, "build/release/tests/impair"))
WIRE = os.environ.get("SEKISHO_WIRE", os.path.join(ROOT, "build/release/tests/wire"))
LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000


def end(process, how=signal.SIGTERM, seconds=10):
    """Ends a process of ours; returns its exit status."""
    if process.poll() is None:
        process.send_signal(how)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    return process.returncode


class Place:
    """A network namespace."""

    def __init__(self):
        # Ends with its standard input, so also when we are killed.
        self.keeper = subprocess.Popen(["unshare", "-n", "sh", "-c", "echo up; exec cat"], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE)
        self.keeper.stdout.readline()
        self.pid = self.keeper.pid
        self.fd = os.open(f"/proc/{self.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self.run("ip", "link", "set", "lo", "up")

    def close(self):
        os.close(self.fd)
        self.keeper.stdin.close()
        end(self.keeper)

    def command(self, *command):
        return ["nsenter", f"--net=/proc/{self.pid}/ns/net", *command]

    def run(self, *command, check=True):
        p = subprocess.run(self.command(*command), capture_output=True, text=True, check=False)
        if check and p.returncode:
            raise RuntimeError(f"{' '.join(command)}: {p.stderr or p.stdout}")
        return p

    def sysctl(self, **values):
        """Names with __ for the dots, below net."""
        for name, value in values.items():
            self.run("sysctl", "-qw", f"net.{name.replace('__', '.')}={value}")

    def socket(self, family=socket.AF_INET, kind=socket.SOCK_STREAM, protocol=0):
        """A socket of this namespace; it stays one wherever it is used."""
        with open("/proc/thread-self/ns/net", "rb") as here:
            if LIBC.setns(self.fd, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
            try:
                return socket.socket(family, kind, protocol)
            finally:
                LIBC.setns(here.fileno(), CLONE_NEWNET)

    def address(self, name, *addresses):
        for a in addresses:
            self.run("ip", "addr", "add", a, "dev", name, *(["nodad"] if ":" in a else []))
        self.run("ip", "link", "set", "dev", name, "up")


def link(a, name_a, b, name_b, mtu=1500):
    """A veth pair with an end in each place, without offloads: they would hand over segments without a checksum."""
    a.run("ip", "link", "add", name_a, "mtu", str(mtu), "type", "veth", "peer", "name", name_b, "mtu", str(mtu), "netns",
          str(b.pid))
    for place, name in ((a, name_a), (b, name_b)):
        place.run("ethtool", "-K", name, "tx", "off", "tso", "off", "gso", "off", "gro", "off", check=False)
        place.run("ip", "link", "set", "dev", name, "up")


def mute(place, name):
    """An interface that is for af_packet alone: the kernel says nothing on it."""
    place.sysctl(**{f"ipv6__conf__{name}__disable_ipv6": 1})


class Wire:
    """A running wire between two interfaces of a place: wire.c says what the settings are."""

    def __init__(self, place, name_a, name_b, *settings):
        self.process = subprocess.Popen(place.command(os.path.join(WIRE, "wire"), name_a, name_b, *settings),
                                        stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError("the wire does not carry")

    def close(self):
        """What it carried, by word."""
        end(self.process)
        words = self.process.stdout.read().split()
        self.process.stdout.close()
        return words


def harm(shares=None, **values):
    """Settings of a wire: harm({"loss": 0.1}, delay_us=500); shares are of 1."""
    return ([f"{k}={round(v * 100000)}" for k, v in (shares or {}).items()] + [f"{k}={v}" for k, v in values.items()])


class Daemon:
    """sekishod in a place; its ports are (device interface, addresses).

    @impaired: settings of the network of the test build (tests/impair/impair_user.c); without any it is the daemon itself.
    """

    def __init__(self, place, folder, ports, hop, settings="", impaired="", server=""):
        self.log = os.path.join(folder, "sekishod.log")
        conf = os.path.join(folder, "sekisho.conf")
        with open(os.path.join(folder, "zone"), "w") as f:
            f.write("inside.example A 192.0.2.1\n")
        devices = ", ".join(
            f'{{ device = "net_af_packet{i},iface={name},qdisc_bypass=1"; addresses = [ '
            + ", ".join(f'"{a}"' for a in addresses) + " ]; }" for i, (name, addresses) in enumerate(ports))
        with open(conf, "w") as f:
            f.write(f"""server: {{ hostname = "mx.inside.example"; control_socket = "{folder}/control"; log_file = "{folder}/records";
	idle_sleep_us = 50; {server} }};
dns: {{ mode = "zone"; zone_file = "{folder}/zone"; }};
relay: {{ domains = [ "inside.example" ]; connect_timeout_ms = 60000; wait_ms = 120000; connections_max = 32; }};
limits: {{ transactions_max = 100; sessions_max = 200; }};
ports = ( {devices} );
next_hops = ( {{ address = "{hop}"; port = 25; }} );
{settings}
""")
        with open(self.log, "wb") as log:
            program = os.path.join(IMPAIRED if impaired else BIN, "sekishod")
            self.process = subprocess.Popen(place.command(program, "-c", conf), stdout=log, stderr=subprocess.STDOUT,
                                            stdin=subprocess.DEVNULL, env={**os.environ, "SEKISHO_IMPAIR": impaired})
        for _ in range(600):
            with open(self.log, errors="replace") as f:
                text = f.read()
            if "ready" in text:
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        print(text, file=sys.stderr)
        raise RuntimeError("sekishod is not ready")

    def close(self):
        return end(self.process, seconds=40)
