# SPDX-License-Identifier: MIT
"""line.py - a network namespace with clients and a next hop, and a TAP device whose other end is an emulated NIC

     clients 192.0.2.10, .66, next hop 192.0.2.1 ── tap0 ═══ emulated NIC 192.0.2.25, in a guest of QEMU without KVM
     └─────── one network namespace ───────────┘
"""
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests/e2e"))
from world import FORGER, GATEWAY, GOOD, NEXT_HOP, run  # noqa: E402

DRIVERS = {"e1000e": "net_e1000_em", "virtio-net-pci": "net_virtio"}
NIC = "0000:00:05.0"
ZONE = 'good.example TXT "v=spf1 ip4:192.0.2.10 -all"\n_dmarc.good.example TXT "v=DMARC1; p=reject"\n'


class Line:
    """Messages that the next hop stores are files of @stored."""

    def __init__(self, folder, name):
        self.folder, self.namespace = folder, f"sekisho-{name}-{os.getpid()}"
        self.stored = os.path.join(folder, name + ".stored")
        self.processes = []

    def begin(self):
        run("ip", "netns", "add", self.namespace)
        run("ip", "-n", self.namespace, "tuntap", "add", "tap0", "mode", "tap")
        for address in (NEXT_HOP, GOOD, FORGER):
            run("ip", "-n", self.namespace, "addr", "add", address + "/24", "dev", "tap0")
        run("ip", "-n", self.namespace, "link", "set", "tap0", "up")
        os.mkdir(self.stored)
        self.spawn("/usr/bin/python3", os.path.join(ROOT, "tests/e2e/sink.py"), NEXT_HOP, self.stored, "good", "2525",
                   stdout=subprocess.DEVNULL)

    def spawn(self, *command, **options):
        p = subprocess.Popen(["ip", "netns", "exec", self.namespace, *command], **options)
        self.processes.append(p)
        return p

    def guest(self, device, *options, cores=2, **streams):
        """A guest with this NIC and a serial line."""
        return self.spawn("qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", str(cores), "-m", "2048",
                          "-vga", "none", "-display", "none", "-serial", "stdio", "-monitor", "none", "-nic", "none",
                          "-netdev", "tap,id=n0,ifname=tap0,script=no,downscript=no", "-device", f"{device},netdev=n0,addr=05.0",
                          *options, stdin=subprocess.PIPE, stderr=subprocess.STDOUT, **streams)

    def send(self, data, sender, source):
        """What swaks says of it."""
        name = os.path.join(self.folder, "message.eml")
        with open(name, "wb") as f:
            f.write(data)
        return subprocess.run(["ip", "netns", "exec", self.namespace, "swaks", "--server", GATEWAY, "--local-interface", source,
                               "--from", sender, "--to", "user@inside.example", "--helo", "mail.good.example", "--data", "@" + name,
                               "--timeout", "60"],
                              capture_output=True, text=True, errors="replace", check=False, timeout=120).stdout

    def end(self):
        for p in self.processes:
            if p.poll() is None:
                p.kill()
            p.wait()
        subprocess.run(["ip", "netns", "del", self.namespace], capture_output=True, check=False)
