# SPDX-License-Identifier: MIT
"""reader.py - Dovecot behind the next hop, from the recipe in conf/mailbox/, and clients that read what arrived"""
import os
import pwd
import shutil
import subprocess

from world import NEXT_HOP, ROOT, World, port_open, run, wait_for

RECIPE = os.path.join(ROOT, "conf/mailbox")
USER, PASSWORD = "user@inside.example", "a-password"
ADMIN = "quarantine"  # who reads what the gateway holds
PROGRAMS = ("dovecot", "sievec", "curl", "fetchmail", "mpop")


def missing():
    """What keeps Dovecot from being run here; "" when nothing does."""
    subprocess.run([os.path.join(ROOT, "tools/deps"), "mailbox"], check=False, capture_output=True, timeout=200)
    absent = [name for name in PROGRAMS if not shutil.which(name)]
    modules = "/usr/lib/dovecot/modules"
    absent += [name for name in ("lmtp", "imap", "pop3") if not os.path.exists(f"/usr/lib/dovecot/{name}")]
    absent += [] if os.path.exists(f"{modules}/lib90_sieve_plugin.so") else ["sieve"]
    return ", ".join(absent)


class MailboxWorld(World):
    """A world whose Postfix hands mail to Dovecot: the lines of conf/mailbox/postfix-main.cf but for the clients.

    direct: without Postfix, by LMTP to Dovecot; then the gateway is the user "mail", and Dovecot shows its quarantine.
    """

    def __init__(self, direct=False, **options):
        if direct:
            options["hop_text"] = f'{{ address = "{NEXT_HOP}"; port = 24; protocol = "lmtp"; }}'
            options["next_hop"] = "none"
        super().__init__(**options)
        self.direct = direct
        self.held = self.path("state/held")
        if direct:
            owner = pwd.getpwnam("mail")
            os.mkdir(self.path("state"), 0o750)
            os.chown(self.path("state"), owner.pw_uid, owner.pw_gid)
            self.sections["server"] = {"user": '"mail"', "log_file": f'"{self.path("state/records")}"',
                                       "control_socket": f'"{self.path("state/control")}"'}
            os.symlink(self.path("state/control"), self.path("control"))

    def start(self):
        self.postfix_extra = ("virtual_transport = lmtp:inet:127.0.0.1:24\n"
                              "smtpd_recipient_restrictions = reject_unverified_recipient\n"
                              "unverified_recipient_reject_code = 550\n"
                              "address_verify_map =\n"
                              "disable_mime_output_conversion = yes\n")
        self.start_dovecot()
        super().start()

    def start_dovecot(self):
        """The recipe with its paths and its user changed for those of a test; then where Dovecot keeps its own things."""
        run("ip", "link", "set", "lo", "up")
        self.dovecot_mail = self.path("dovecot-mail")
        owner = pwd.getpwnam("mail")
        for name in ("dovecot/private", "dovecot/sieve", "dovecot-mail"):
            os.makedirs(self.path(name))
        os.chown(self.dovecot_mail, owner.pw_uid, owner.pw_gid)
        self.certificate = self.path("dovecot/private/dovecot.pem")
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=store.inside.example",
            "-addext", "subjectAltName=IP:127.0.0.1,DNS:store.inside.example", "-out", self.certificate,
            "-keyout", self.path("dovecot/private/dovecot.key"))
        with open(self.path("dovecot/users"), "w") as f:
            f.write("".join(f"{name}@inside.example:{{PLAIN}}{PASSWORD}::::::\n" for name in ("user", "second")))
            f.write(f"{ADMIN}:{{PLAIN}}{PASSWORD}:{owner.pw_uid}:{owner.pw_gid}::{self.path('dovecot-admin')}::userdb_mail=maildir:"
                    f"{self.held}:INDEX=~/index:CONTROL=~/control userdb_mail_plugins=acl "
                    f"userdb_acl=vfile:{self.path('dovecot/quarantine.acl')}\n")
        os.makedirs(self.path("dovecot-admin"))
        os.chown(self.path("dovecot-admin"), owner.pw_uid, owner.pw_gid)
        shutil.copy(os.path.join(RECIPE, "quarantine.acl"), self.path("dovecot"))
        shutil.copy(os.path.join(RECIPE, "sekisho.sieve"), self.path("dovecot/sieve"))
        run("sievec", self.path("dovecot/sieve/sekisho.sieve"))
        with open(os.path.join(RECIPE, "dovecot.conf")) as f:
            recipe = f.read()
        for theirs, ours in (("/etc/dovecot/", self.path("dovecot/")), ("= vmail", "= mail"), ("/srv/mail", self.dovecot_mail),
                             ("address = 127.0.0.1", "address = 0.0.0.0")):
            recipe = recipe.replace(theirs, ours)
        with open(self.path("dovecot.conf"), "w") as f:
            f.write(recipe + f"""
base_dir = {self.path('dovecot-run')}
state_dir = {self.path('dovecot-state')}
log_path = {self.path('dovecot.log')}
first_valid_uid = 1
first_valid_gid = 1
""")
        self.spawn("dovecot-start", "dovecot", "-F", "-c", self.path("dovecot.conf"))
        wait_for(lambda: all(port_open("127.0.0.1", port) for port in (24, 110, 143, 993, 995)), 20, "Dovecot listens")

    def show_logs(self):
        super().show_logs()
        print(self.log("dovecot-start")[-2000:] + self.log("dovecot")[-4000:])

    # --- readers; each returns a list of whole messages

    def _curl(self, url, *options, user=USER):
        p = subprocess.run(["curl", "-s", "--max-time", "20", "--cacert", self.certificate, "--user",
                            f"{user}:{PASSWORD}", *options, url],
                           capture_output=True, check=False, timeout=30)
        return p.stdout if p.returncode == 0 else b""

    def imap(self, folder="INBOX", user=USER):
        found = self._curl(f"imaps://127.0.0.1/{folder}", "-X", "UID SEARCH ALL", user=user).split()
        return [self._curl(f"imaps://127.0.0.1/{folder};UID={int(uid)}", user=user) for uid in found if uid.isdigit()]

    def pop3(self):
        listed = self._curl("pop3s://127.0.0.1/").splitlines()
        return [self._curl(f"pop3s://127.0.0.1/{int(line.split()[0])}") for line in listed if line.split()]

    def mpop(self):
        """Fetches by POP3 into a Maildir."""
        inbox = self.path("popped")
        for name in ("tmp", "new", "cur"):
            os.makedirs(os.path.join(inbox, name), exist_ok=True)
        with open(self.path("mpoprc"), "w") as f:
            f.write(f"account default\nhost 127.0.0.1\nport 995\ntls on\ntls_starttls off\ntls_trust_file {self.certificate}\n"
                    f"user {USER}\npassword {PASSWORD}\nkeep on\ndelivery maildir {inbox}\nuidls_file {self.path('uidls')}\n")
        os.chmod(self.path("mpoprc"), 0o600)
        self.popped = subprocess.run(["mpop", "-C", self.path("mpoprc")], capture_output=True, text=True, check=False, timeout=60)
        out = []
        for name in sorted(os.listdir(os.path.join(inbox, "new"))):
            with open(os.path.join(inbox, "new", name), "rb") as f:
                out.append(f.read())
        return out

    def fetchmail(self, folder="INBOX"):
        """Fetches over IMAP as people's machines do, into a file; leaves the mail at the server."""
        out = self.path(f"fetched-{folder}")
        with open(self.path("fetchmailrc"), "w") as f:
            f.write(f'poll 127.0.0.1 protocol imap user "{USER}" password "{PASSWORD}" folder "{folder}" keep ssl '
                    f'sslcertck sslcertfile "{self.certificate}" sslcommonname "store.inside.example"\n')
        os.chmod(self.path("fetchmailrc"), 0o600)
        subprocess.run(["fetchmail", "-f", self.path("fetchmailrc"), "--silent", "--nosyslog", "--fetchall",
                        "--pidfile", self.path("fetchmail.pid"), "--idfile", self.path("fetchids"),
                        "--mda", f"/bin/sh -c 'cat >>{out}; echo ----- >>{out}'"],
                       capture_output=True, check=False, timeout=60, env={**os.environ, "HOME": self.folder})
        try:
            with open(out, "rb") as f:
                return [m for m in f.read().split(b"-----\n") if m]
        except FileNotFoundError:
            return []

    def stored(self, count, seconds=15, user="user"):
        """The messages of all folders, oldest first, once there are @count."""
        store = os.path.join(self.dovecot_mail, "inside.example", user)

        def names():
            return [os.path.join(folder, name) for folder, _, files in os.walk(store) for name in files
                    if os.path.basename(folder) in ("new", "cur")]
        wait_for(lambda: len(names()) >= count, seconds, f"{count} messages in the folders of {user}")
        out = []
        for name in sorted(names(), key=lambda n: os.stat(n).st_mtime_ns):
            with open(name, "rb") as f:
                out.append(f.read())
        return out

    def holds_anywhere(self, text):
        """Whether any file of the mail store has that text."""
        for folder, _, names in os.walk(self.dovecot_mail):
            for name in names:
                with open(os.path.join(folder, name), "rb") as f:
                    if text in f.read():
                        return True
        return False
