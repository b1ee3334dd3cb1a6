# SPDX-License-Identifier: MIT
"""test_confined.py - started by root under a service manager, the gateway works as an ordinary user within its profiles"""
import glob
import os
import re
import signal
import socket

from world import GATEWAY, GOOD, Checks, World, message, wait_for

USER = 65533


class Manager:
    """The service manager's end of sd_notify(3)."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        os.chmod(path, 0o666)
        self.told = []

    def heard(self, what):
        self.socket.setblocking(False)
        try:
            while True:
                self.told.append(self.socket.recv(1024).decode())
        except BlockingIOError:
            return any(what in text for text in self.told)


def threads(pid):
    out = {}
    for path in glob.glob(f"/proc/{pid}/task/*/status"):
        with open(path) as f:
            status = dict(line.rstrip().split(":\t", 1) for line in f if ":\t" in line)
        out.setdefault(status["Name"], []).append(status)
    return out


def check_threads(c, w):
    found = threads(w.gateway.pid)
    every = [status for group in found.values() for status in group]
    c.ok(len(every) > 2 and all(set(t["Uid"].split()) == {str(USER)} and set(t["Gid"].split()) == {str(USER)} for t in every),
         "every thread is the user", found)
    c.ok(all(int(t[k], 16) == 0 for t in every for k in ("CapPrm", "CapEff", "CapAmb")), "without a capability", found)
    c.ok(all(t["NoNewPrivs"] == "1" and t["Seccomp"] == "2" for t in every), "without new privileges, within a profile", found)
    filters = {name: group[0].get("Seccomp_filters") for name, group in found.items()}
    c.ok(filters.get("worker-0") == "2" and all(n == "1" for name, n in filters.items() if name != "worker-0"),
         "the worker within one of its own", filters)


def deliver(c, w, name):
    data = w.signers["good.example"].sign(message("a@good.example", name))
    out, final = w.swaks(data, "a@good.example")
    c.ok(final.startswith("250"), name, out)


def main():
    c = Checks()
    quarantine = {"folder": '"/tmp/unset"'}
    w = World(sections={"server": {"user": f'"{USER}"'}, "quarantine": quarantine})
    home = w.path("state")
    os.mkdir(home, 0o750)
    os.chown(home, USER, USER)
    for key, name in (("control_socket", "control"), ("log_file", "records")):
        w.sections["server"][key] = f'"{home}/{name}"'
    quarantine["folder"] = f'"{home}/quarantine"'
    w.sections["report"] = {"store": f'"{home}/reports"'}
    manager = Manager(w.path("notify"))
    os.environ.update(NOTIFY_SOCKET=w.path("notify"), WATCHDOG_USEC="1500000")
    os.symlink(f"{home}/control", w.path("control"))
    with w:
        c.ok(manager.heard("READY=1\nSTATUS=1 worker, settings of version 1"), "the service manager hears that it is ready", manager.told)
        check_threads(c, w)
        deliver(c, w, "signed mail passes")
        files = [home + "/" + name for name in os.listdir(home)]
        c.ok(len(files) >= 4 and all(os.stat(f).st_uid == USER for f in files), "what it made is the user's", files)
        with socket.create_connection((GATEWAY, 25), source_address=(GOOD, 0)):
            c.ok(w.ctl("reload").returncode == 0, "reload by the control socket", w.log("sekishod"))
        w.gateway.send_signal(signal.SIGHUP)
        wait_for(lambda: manager.heard("version 3"), 5, "reload by signal")
        c.ok(manager.heard("RELOADING=1\nMONOTONIC_USEC="), "reload by signal, and the service manager knows", manager.told)
        for command in (("report", "list"), ("quarantine", "list"), ("show", "ports"), ("show", "sessions"), ("dns", "lookup", "good.example", "TXT")):
            c.ok(w.ctl(*command).returncode == 0, " ".join(command), w.log("sekishod"))
        deliver(c, w, "mail passes after it")
        manager.told.clear()
        wait_for(lambda: manager.heard("WATCHDOG=1"), 3, "signs of life")
        w.gateway.send_signal(signal.SIGTERM)
        c.ok(w.gateway.wait(20) == 0 and manager.heard("STOPPING=1"), "it ends well", w.log("sekishod"))
        log = w.log("sekishod")
        c.ok(re.search(f"runs as user {USER}, group {USER}; system calls: enforce", log) and "error" not in log,
             "the log says who it was, and no error", log)
    c.done()


main()
