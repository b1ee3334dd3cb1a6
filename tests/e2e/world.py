# SPDX-License-Identifier: MIT
"""world.py - a small Internet inside one network namespace

     clients 192.0.2.10, .20, .66 ──┐
     next hop 192.0.2.1:25 ─────────┤ kernel's end ═══ port of sekishod (192.0.2.25, 2001:db8::25)
     DNS 127.0.0.1:5353 (nsd) ──────┘

The port is a TAP device, or the far end of a veth pair taken by af_packet.  The program that uses this module must run
in a namespace of its own (tests/e2e/run makes and removes it); every process started here is ended by its pid.
"""
import base64
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("SEKISHO_BIN", os.path.join(ROOT, "build/bin"))
GATEWAY, GATEWAY6 = "192.0.2.25", "2001:db8::25"
NEXT_HOP = "192.0.2.1"
GOOD, MILD, FORGER = "192.0.2.10", "192.0.2.20", "192.0.2.66"

# One root zone holds everything, so that whatever is not in it does not exist (as the tree walk needs it).
ZONE = """$TTL 300
. IN SOA a.root-servers.net. hostmaster.invalid. 1 3600 600 86400 60
. IN NS a.root-servers.net.
a.root-servers.net. IN A 127.0.0.1
good.example. IN A 192.0.2.10
good.example. IN MX 10 mail.good.example.
mail.good.example. IN A 192.0.2.10
good.example. IN TXT "v=spf1 ip4:192.0.2.10 ip6:2001:db8::10 -all"
_dmarc.good.example. IN TXT "v=DMARC1; p=reject"
mild.example. IN A 192.0.2.20
mild.example. IN TXT "v=spf1 a -all"
_dmarc.mild.example. IN TXT "v=DMARC1; p=quarantine"
late.example. IN TXT "v=spf1 ip4:192.0.2.10 -all"
_dmarc.late.example. IN TXT "v=DMARC1; p=reject"
inside.example. IN MX 10 mx.inside.example.
mx.inside.example. IN A 192.0.2.25
"""

MASTER_CF = """smtp inet n - n - 100 smtpd
postlog unix-dgram n - n - 1 postlogd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
"""


def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options)


def wait_for(what, seconds, sentence):
    """Calls what() until it is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.05)
    raise RuntimeError(f"waited {seconds} s in vain: {sentence}")


def port_open(address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as s:
        s.settimeout(1)
        return s.connect_ex((address, port)) == 0


def end_postfix(conf, queue):
    """Stops a Postfix and sees to it that its master is gone."""
    try:
        with open(os.path.join(queue, "pid/master.pid")) as f:
            pid = int(f.read())
    except (FileNotFoundError, ValueError):
        pid = 0
    subprocess.run(["postfix", "-c", conf, "stop"], capture_output=True, check=False, timeout=30)
    for how in (signal.SIGTERM, signal.SIGKILL):
        for _ in range(40):
            if not pid or not os.path.exists(f"/proc/{pid}"):
                return
            try:
                os.kill(pid, how)
            except ProcessLookupError:
                return
            time.sleep(0.05)


class Signer:
    """Keys of a sender domain, and the real signer python3-dkim."""

    def __init__(self, folder, domain):
        self.domain = domain
        self.rsa = os.path.join(folder, f"{domain}.rsa.pem")
        run("openssl", "genrsa", "-traditional", "-out", self.rsa, "2048")
        der = subprocess.run(["openssl", "rsa", "-in", self.rsa, "-pubout", "-outform", "DER"], check=True,
                             capture_output=True).stdout
        self.rsa_record = "v=DKIM1; k=rsa; p=" + base64.b64encode(der).decode()
        import nacl.signing
        key = nacl.signing.SigningKey.generate()
        self.ed25519 = base64.b64encode(bytes(key))
        self.ed25519_record = "v=DKIM1; k=ed25519; p=" + base64.b64encode(bytes(key.verify_key)).decode()

    def zone(self):
        def text(record):
            return " ".join(f'"{record[i:i + 200]}"' for i in range(0, len(record), 200))
        return (f"s1._domainkey.{self.domain}. IN TXT {text(self.rsa_record)}\n"
                f"e1._domainkey.{self.domain}. IN TXT {text(self.ed25519_record)}\n")

    def sign(self, message, algorithm="rsa", canonicalize=(b"relaxed", b"relaxed")):
        import dkim
        if algorithm == "rsa":
            with open(self.rsa, "rb") as f:
                key = f.read()
            field = dkim.sign(message, b"s1", self.domain.encode(), key, canonicalize=canonicalize)
        else:
            field = dkim.sign(message, b"e1", self.domain.encode(), self.ed25519, canonicalize=canonicalize,
                              signature_algorithm=b"ed25519-sha256")
        return field + message


def message(sender, subject, body="Grüße aus der Ferne.\r\nTwo lines.\r\n", to="user@inside.example"):
    return (f"From: Somebody <{sender}>\r\nTo: {to}\r\nSubject: {subject}\r\n"
            f"Date: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{subject.replace(' ', '-')}@{sender.split('@')[1]}>\r\n"
            f"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{body}"
            ).encode()


def certificate(folder, name, names, ecdsa=False):
    """A key and a certificate that signs itself: paths of both."""
    pem, key = os.path.join(folder, name + ".pem"), os.path.join(folder, name + ".key")
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"] if ecdsa else ["-newkey", "rsa:2048"]
    run("openssl", "req", "-x509", *kind, "-nodes", "-keyout", key, "-out", pem, "-days", "30", "-subj", f"/CN={name}",
        "-addext", "subjectAltName=" + ",".join("DNS:" + n for n in names))
    os.chmod(key, 0o644)
    return pem, key


def certificates(*pairs):
    """The setting tls.certificates."""
    return "( " + ", ".join(f'{{ certificate = "{pem}"; key = "{key}"; }}' for pem, key in pairs) + " )"


class World:
    def __init__(self, port="tap", next_hop="postfix", extra=None, zone="", sections=None, hops=(NEXT_HOP,), hop_text=None):
        self.port, self.next_hop = port, next_hop
        self.hop_text = hop_text or ", ".join(f'{{ address = "{hop}"; port = 25; }}' for hop in hops)
        self.sections = sections or {}
        self.zone_extra = zone
        self.folder = tempfile.mkdtemp(prefix="sekisho-e2e-")
        os.chmod(self.folder, 0o755)
        self.processes = []
        self.signers = {}
        self.maildir = os.path.join(self.folder, "mail/inside.example/user/new")
        self.gateway = None
        self.extra = extra or ""
        self.postfix_extra = ""  # lines of main.cf
        self.signed = False  # the zone, by DNSSEC

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.show_logs()
            self.stop()
            raise
        return self

    def __exit__(self, kind, *_):
        if kind:
            self.show_logs()
        self.stop()

    def path(self, name):
        return os.path.join(self.folder, name)

    def spawn(self, name, *command):
        log = open(self.path(name + ".log"), "ab")
        p = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True)
        log.close()
        self.processes.append(p)
        return p

    def log(self, name):
        try:
            with open(self.path(name + ".log"), errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def show_logs(self):
        for name in ("sekishod", "nsd", "postfix"):
            text = self.log(name)
            if text:
                print(f"--- {name}\n" + "\n".join(text.splitlines()[-40:]), file=sys.stderr)

    # --- the parts

    def start_dns(self):
        os.makedirs(self.path("nsd"), exist_ok=True)
        with open(self.path("nsd/root.zone"), "w") as f:
            f.write(ZONE + self.zone_extra + "".join(s.zone() for s in self.signers.values()))
        if self.signed:
            key = run("ldns-keygen", "-a", "ECDSAP256SHA256", "-k", ".", cwd=self.path("nsd")).stdout.strip()
            run("ldns-signzone", "-f", "signed.zone", "root.zone", key, cwd=self.path("nsd"))
            os.replace(self.path("nsd/signed.zone"), self.path("nsd/root.zone"))
            shutil.copy(self.path(f"nsd/{key}.key"), self.path("anchor"))
            self.sections.setdefault("dns", {})["trust_anchor_file"] = f'"{self.path("anchor")}"'
        with open(self.path("nsd/nsd.conf"), "w") as f:
            f.write(f"""server:
	ip-address: 127.0.0.1@5353
	username: ""
	zonesdir: "{self.path('nsd')}"
	database: ""
	pidfile: "{self.path('nsd/pid')}"
	xfrdfile: "{self.path('nsd/xfrd')}"
	zonelistfile: "{self.path('nsd/zonelist')}"
	server-count: 1
remote-control:
	control-enable: no
zone:
	name: "."
	zonefile: "root.zone"
""")
        self.dns = self.spawn("nsd", "nsd", "-d", "-c", self.path("nsd/nsd.conf"))
        wait_for(lambda: port_open("127.0.0.1", 5353), 10, "nsd answers")

    def stop_dns(self):
        self.end(self.dns)

    def start_postfix(self):
        conf = self.path("postfix")
        os.makedirs(conf, exist_ok=True)
        for name in ("queue", "data", "mail"):
            os.makedirs(self.path(name), exist_ok=True)
        owner = pwd.getpwnam("postfix")
        os.chown(self.path("data"), owner.pw_uid, owner.pw_gid)
        os.chown(self.path("mail"), owner.pw_uid, owner.pw_gid)
        with open(os.path.join(conf, "main.cf"), "w") as f:
            f.write(f"""compatibility_level = 3.6
queue_directory = {self.path('queue')}
data_directory = {self.path('data')}
myhostname = store.inside.example
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = all
inet_protocols = all
smtpd_relay_restrictions = reject_unauth_destination
virtual_mailbox_domains = inside.example
virtual_mailbox_base = {self.path('mail')}
virtual_mailbox_maps = inline:{{ {{ user@inside.example = inside.example/user/ }}, {{ second@inside.example = inside.example/second/ }} }}
virtual_uid_maps = static:{owner.pw_uid}
virtual_gid_maps = static:{owner.pw_gid}
virtual_minimum_uid = 1
message_size_limit = 60000000
virtual_mailbox_limit = 0
maillog_file = {self.path('postfix.log')}
maillog_file_prefixes = {self.folder}
alias_maps =
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 1000
smtpd_client_connection_rate_limit = 0
smtp_dns_support_level = disabled
{self.postfix_extra}""")
        with open(os.path.join(conf, "master.cf"), "w") as f:
            f.write(MASTER_CF)
        self.postfix_conf = conf
        run("postfix", "-c", conf, "start")
        wait_for(lambda: port_open(NEXT_HOP, 25), 20, "Postfix listens")

    def stop_postfix(self):
        if getattr(self, "postfix_conf", None):
            end_postfix(self.postfix_conf, self.path("queue"))
            self.postfix_conf = None

    def write_conf(self):
        device = {"tap": "net_tap0,iface=sk0", "veth": "net_af_packet0,iface=sk1,qdisc_bypass=1"}[self.port]
        sections = {"server": {"hostname": '"mx.inside.example"', "control_socket": f'"{self.path("control")}"',
                               "log_file": f'"{self.path("records")}"', "idle_sleep_us": "50", "prefault": "false"},
                    "dns": {"mode": '"forward"', "servers": '[ "127.0.0.1:5353" ]', "timeout_ms": "3000"},
                    "relay": {"connect_timeout_ms": "2000", "domains": '[ "inside.example" ]'},
                    "smtp": {}, "limits": {"transactions_max": "300", "sessions_max": "1000"}, "policy": {}}
        for section, values in self.sections.items():
            sections.setdefault(section, {}).update(values)
        with open(self.path("sekisho.conf"), "w") as f:
            for name, values in sections.items():
                if values:
                    f.write(name + ": {\n" + "".join(f"\t{k} = {v};\n" for k, v in values.items()) + "};\n")
            f.write(f"""ports = ( {{
	device = "{device}";
	addresses = [ "{GATEWAY}/24", "{GATEWAY6}/64" ];
	gateway4 = "{NEXT_HOP}";
}} );
next_hops = ( {self.hop_text} );
{self.extra}
""")
        return self.path("sekisho.conf")

    def start_gateway(self):
        conf = self.write_conf()
        seen = len(self.log("sekishod"))
        self.gateway = self.spawn("sekishod", os.path.join(BIN, "sekishod"), "-c", conf)

        def ready():
            if self.gateway.poll() is not None:
                raise RuntimeError(f"sekishod ended with {self.gateway.returncode}")
            return "ready" in self.log("sekishod")[seen:]
        wait_for(ready, 30, "sekishod is ready")
        if self.port == "tap":
            self.kernel_end("sk0")

    def kernel_end(self, name):
        run("sysctl", "-qw", f"net.ipv6.conf.{name}.accept_dad=0")
        for address in (NEXT_HOP, GOOD, MILD, FORGER):
            run("ip", "addr", "add", address + "/24", "dev", name)
        for address in ("2001:db8::1", "2001:db8::10", "2001:db8::66"):
            run("ip", "addr", "add", address + "/64", "dev", name, "nodad")
        run("ip", "link", "set", name, "up")

    def start(self):
        run("ip", "link", "set", "lo", "up")
        for domain in ("good.example", "late.example"):
            self.signers[domain] = Signer(self.folder, domain)
        if self.port == "veth":
            run("ip", "link", "add", "sk0", "type", "veth", "peer", "name", "sk1")
            run("sysctl", "-qw", "net.ipv6.conf.sk1.disable_ipv6=1")
            for name in ("sk0", "sk1"):
                subprocess.run(["ethtool", "-K", name, "tx", "off", "tso", "off", "gso", "off", "gro", "off"],
                               capture_output=True, check=False)
            run("ip", "link", "set", "sk1", "up")
            self.kernel_end("sk0")
        self.start_dns()
        self.start_gateway()
        if self.next_hop == "postfix":
            self.start_postfix()
        wait_for(lambda: port_open(GATEWAY, 25), 10, "the gateway answers on port 25")

    def end(self, p, how=signal.SIGTERM, seconds=10):
        if p and p.poll() is None:
            p.send_signal(how)
            try:
                p.wait(seconds)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
        return p.returncode if p else None

    def stop(self):
        self.stop_postfix()
        for p in reversed(self.processes):
            self.end(p, seconds=5)
        if self.port == "veth":
            subprocess.run(["ip", "link", "del", "sk0"], capture_output=True, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- use

    def ctl(self, *arguments):
        return subprocess.run([os.path.join(BIN, "sekishoctl"), "--socket", self.path("control"), *arguments],
                              capture_output=True, text=True, check=False, timeout=20)

    def swaks(self, data, sender, source=GOOD, to="user@inside.example", server=GATEWAY, helo="mail.good.example"):
        """Sends with swaks and returns the transcript and the last reply to the message."""
        name = self.path("message.eml")
        with open(name, "wb") as f:
            f.write(data)
        p = subprocess.run(["swaks", "--server", server, "--local-interface", source, "--from", sender, "--to", to,
                            "--helo", helo, "--data", "@" + name, "--timeout", "30"],
                           capture_output=True, text=True, errors="replace", check=False, timeout=60)
        replies = [line for line in p.stdout.splitlines() if line.startswith(("<- ", "<** "))]
        final = replies[-2] if len(replies) > 1 and " 221" in replies[-1] else (replies[-1] if replies else "")
        return p.stdout, final.lstrip("<-* ").strip()

    def stored(self, count, seconds=15, user="user"):
        """The messages in the Maildir, oldest first, once there are @count."""
        folder = os.path.join(self.folder, f"mail/inside.example/{user}/new")

        def names():
            return sorted(os.listdir(folder)) if os.path.isdir(folder) else []
        wait_for(lambda: len(names()) >= count, seconds, f"{count} messages in the Maildir of {user}")
        out = []
        for name in sorted(names(), key=lambda n: os.stat(os.path.join(folder, n)).st_mtime_ns):
            with open(os.path.join(folder, name), "rb") as f:
                out.append(f.read())
        return out


class Checks:
    """TAP."""

    def __init__(self):
        self.n = self.bad = 0

    def ok(self, good, sentence, detail=""):
        self.n += 1
        print(f"{'ok' if good else 'not ok'} {self.n} - {sentence}", flush=True)
        if not good:
            self.bad += 1
            if detail:
                print("# " + str(detail).replace("\n", "\n# "), flush=True)
        return good

    def done(self):
        print(f"1..{self.n}")
        sys.exit(1 if self.bad else 0)
