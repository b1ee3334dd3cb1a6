# SPDX-License-Identifier: MIT
"""bench_gateway.py - a gateway under load on two cores: what the benches in Python have in common"""
import json
import os
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.path.join(ROOT, "build", "bin")
MEMIF = "net_memif0,role={},socket={}/m.sock,socket-abstract=no,bsize=2048,rsize=10"


def in_namespace():
    """Starts this program again in a network namespace of its own, with loopback up."""
    if os.environ.get("SEKISHO_BENCH_INSIDE") != "yes":
        os.environ["SEKISHO_BENCH_INSIDE"] = "yes"
        os.execvp("unshare", ["unshare", "-n", sys.executable, *sys.argv])
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


class Gateway:
    """`config` has {device} and {dir}.  It runs within `with`; a gateway that is not there any more ends the bench."""

    def __init__(self, folder, config):
        self.folder = folder
        self.write(config)

    def write(self, config):
        with open(f"{self.folder}/conf", "w") as f:
            f.write(config.format(device=MEMIF.format("server", self.folder), dir=self.folder))

    def log(self):
        with open(f"{self.folder}/log") as f:
            return f.read()

    def must_live(self):
        if self.process.poll() is not None:
            sys.exit(f"the gateway ended with {self.process.returncode}: {self.log()}")

    def __enter__(self):
        with open(f"{self.folder}/log", "w") as log:
            self.process = subprocess.Popen([os.path.join(BIN, "sekishod"), "-c", f"{self.folder}/conf"], stdout=log, stderr=log)
        for _ in range(900):
            self.must_live()
            if "is ready" in self.log():
                return self
            time.sleep(0.1)
        sys.exit("the gateway did not start")

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=60)

    def ctl(self, *command):
        self.must_live()
        p = subprocess.run([os.path.join(BIN, "sekishoctl"), "--socket", f"{self.folder}/c.sock", "--json", *command],
                           capture_output=True, text=True, check=False)
        if p.returncode:
            sys.exit(f"sekishoctl {' '.join(command)}: {p.stderr}{self.log()}")
        return json.loads(p.stdout)

    def load(self, *options):
        """sekisho-load with next hop on core 0, begun; its result lies in `result` when it has ended."""
        command = [os.path.join(BIN, "sekisho-load"), "--device", MEMIF.format("client", self.folder), "--target", "192.0.2.1", "--core", "0",
                   "--sink", "2525", "--warm-up", "0", "--rcpt-to", "user@inside.example", "--json", f"{self.folder}/result", *options]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL)

    def result(self):
        with open(f"{self.folder}/result") as f:
            return json.load(f)
