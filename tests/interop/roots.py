# SPDX-License-Identifier: MIT
"""roots.py - mail servers of Debian that can't be installed side by side, each in a root of its own

A root is an overlay: below, the machine's own root, which stays as it is; above, a tmpfs with the packages unpacked and
the configuration of the test.  All goes away with the mount namespace of the program (tests/interop/run makes one).
"""
import os
import pwd
import signal
import subprocess
import tempfile
import time

FOLDER = os.path.dirname(os.path.abspath(__file__))
ARCHIVES = os.path.join(os.path.dirname(os.path.dirname(FOLDER)), "build/peers")
USERS = {"postfix": 901, "Debian-exim": 902, "opensmtpd": 903, "opensmtpq": 904, "vmail": 905, "postdrop": 906}


class Unavailable(Exception):
    """This machine can't run the peer; says why."""


class Root:
    def __init__(self, package=None):
        self.folder = tempfile.mkdtemp(prefix="sekisho-root-")
        self.path = os.path.join(self.folder, "root")
        self.mounts = []
        self.processes = []
        try:
            self.mount("-t", "tmpfs", "-o", "size=4g", "tmpfs", self.folder)
            for name in ("upper", "work", "root"):
                os.mkdir(os.path.join(self.folder, name))
            self.mount("-t", "overlay", "-o", f"lowerdir=/,upperdir={self.folder}/upper,workdir={self.folder}/work", "overlay", self.path)
            for name in ("dev", "proc"):
                self.mount("--rbind", "/" + name, os.path.join(self.path, name))
        except subprocess.CalledProcessError as e:
            self.close()
            raise Unavailable(f"no overlay here: {e.stderr.strip()}") from e
        os.makedirs(self.inside("tmp"), exist_ok=True)
        os.chmod(self.inside("tmp"), 0o1777)
        self.unpack(package)
        self.users()

    def mount(self, *arguments):
        subprocess.run(["mount", *arguments], check=True, capture_output=True, text=True)
        self.mounts.append(arguments[-1])

    def inside(self, name):
        """The path, out here, of a path in there."""
        return os.path.join(self.path, name.lstrip("/"))

    def unpack(self, package):
        if not package:
            return
        folder = os.path.join(ARCHIVES, package)
        archives = [os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".deb")] if os.path.isdir(folder) else []
        if not archives:
            self.close()
            raise Unavailable(f"{package} was not fetched: tests/interop/fetch")
        for archive in archives:
            with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", archive], stdout=subprocess.PIPE) as p:
                subprocess.run(["tar", "-x", "--keep-directory-symlink", "-C", self.path], stdin=p.stdout, check=True)

    def users(self):
        """The users that the packages' scripts would have made."""
        with open("/etc/passwd") as f:
            known = {line.split(":")[0] for line in f}
        with open("/etc/group") as f:
            groups = {line.split(":")[0] for line in f}
        with open(self.inside("etc/passwd"), "a") as users, open(self.inside("etc/group"), "a") as group:
            for name, number in USERS.items():
                if name not in known:
                    users.write(f"{name}:x:{number}:{number}::/var/mail/{name}:/bin/sh\n")
                if name not in groups:
                    group.write(f"{name}:x:{number}:\n")

    def uid(self, name):
        return pwd.getpwnam(name).pw_uid if name not in USERS or name in {p.pw_name for p in pwd.getpwall()} else USERS[name]

    def write(self, name, text, owner=None, mode=0o644):
        os.makedirs(os.path.dirname(self.inside(name)), exist_ok=True)
        with open(self.inside(name), "w") as f:
            f.write(text)
        os.chmod(self.inside(name), mode)
        if owner:
            os.chown(self.inside(name), self.uid(owner), -1)

    def folder_of(self, name, owner, mode=0o755):
        os.makedirs(self.inside(name), exist_ok=True)
        os.chown(self.inside(name), self.uid(owner), -1)
        os.chmod(self.inside(name), mode)

    def run(self, *command):
        p = subprocess.run(["chroot", self.path, *command], capture_output=True, text=True, errors="replace", check=False, timeout=60)
        if p.returncode:
            raise RuntimeError(f"{command[0]} ended with {p.returncode}: {(p.stderr or p.stdout)[-2000:]}")
        return p.stdout

    def spawn(self, *command):
        with open(self.inside("tmp/log"), "ab") as log:
            p = subprocess.Popen(["chroot", self.path, *command], stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                 start_new_session=True)
        self.processes.append(p)
        return p

    def log(self, *names):
        text = ""
        for name in ("tmp/log", *names):
            try:
                with open(self.inside(name), errors="replace") as f:
                    text += "".join(f.readlines()[-30:])
            except FileNotFoundError:
                pass
        return text

    def residents(self):
        """Processes whose root is this one."""
        found = []
        for name in os.listdir("/proc"):
            if name.isdigit():
                try:
                    if os.readlink(f"/proc/{name}/root") == self.path:
                        found.append(int(name))
                except OSError:
                    pass
        return found

    def close(self):
        for p in self.processes:
            if p.poll() is None:
                p.terminate()
        for how in (signal.SIGTERM, signal.SIGKILL):
            for pid in self.residents():
                try:
                    os.kill(pid, how)
                except ProcessLookupError:
                    pass
            for _ in range(40):
                for p in self.processes:
                    p.poll()
                if not self.residents():
                    break
                time.sleep(0.05)
        for p in self.processes:
            p.wait(5)
        for target in reversed(self.mounts):
            subprocess.run(["umount", "-R", "-l", target], capture_output=True, check=False)
        self.mounts = []
        if os.path.isdir(self.folder):
            os.rmdir(self.folder)
