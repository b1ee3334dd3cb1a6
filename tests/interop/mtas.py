# SPDX-License-Identifier: MIT
"""mtas.py - Postfix, Exim, OpenSMTPD and Dovecot, each as the sending server and as the next hop (Dovecot: next hop by LMTP)

A sender takes mail on 127.0.0.1:2525 and gives it to the gateway, from the address that SPF allows.  A store listens on the
next hop's address and delivers every recipient of inside.example to one Maildir.
"""
import os
import subprocess
import time

from roots import Root
from world import GATEWAY, GOOD, MASTER_CF, NEXT_HOP, World, certificate, certificates, wait_for

SUBMIT = 2525
MAILDIR = "var/mail/store"
OCTETS_MAX = 60000000


def listens(port):
    return bool(subprocess.run(["ss", "-Hltn", "sport", "=", f":{port}"], capture_output=True, check=False).stdout)


class Mta:
    """A mail server in a root of its own; subclasses say how it is configured and started."""
    package = None
    logs = ()
    smtputf8 = True
    lmtp = False
    store_port = 25
    key_owner = "root"
    starttls = True  # as a store

    def __init__(self, role, tls=None):
        """@tls: of a sender: whether it must use STARTTLS; of a store: certificate and key with which it offers it, or None."""
        self.role, self.tls = role, tls
        self.port = SUBMIT if role == "sender" else self.store_port
        self.root = Root(self.package)
        try:
            self.root.folder_of(MAILDIR, "vmail", 0o700)
            if role == "store" and tls:
                self.write_certificate()
            self.configure()
            self.begin()
            wait_for(lambda: listens(self.port), 20, f"{type(self).__name__} listens")
        except BaseException:
            print(self.log())
            self.close()
            raise

    @classmethod
    def gateway(cls, tls=False):
        """A world whose gateway relays to a store of this kind: w.store_tls is for it.  @tls: by STARTTLS, and verified."""
        protocol = ' protocol = "lmtp"; recipients_max = 1000;' if cls.lmtp else ""
        w = World(next_hop="none")
        w.store_tls = certificate(w.folder, "store", ["store.inside.example"]) if tls else None
        verified = f' tls = "require"; tls_ca_file = "{w.store_tls[0]}"; tls_name = "store.inside.example";' if tls else ""
        w.hop_text = f'{{ address = "{NEXT_HOP}"; port = {cls.store_port};{protocol}{verified} }}'
        w.sections["tls"] = {"certificates": certificates(certificate(w.folder, "mx", ["mx.inside.example"], ecdsa=True))}
        return w

    def write_certificate(self):
        """Where the configurations below name it; each server wants its key for itself."""
        for source, name in zip(self.tls, ("etc/store.pem", "etc/store.key")):
            with open(source) as f:
                self.root.write(name, f.read(), self.key_owner, 0o400)

    def configure(self):
        raise NotImplementedError

    def begin(self):
        raise NotImplementedError

    def log(self):
        return self.root.log(*self.logs)

    def stored(self):
        """Names of all messages in the Maildir."""
        found = []
        for folder, _, names in os.walk(self.root.inside(MAILDIR)):
            if os.path.basename(folder) == "new":
                found += [os.path.join(folder, name) for name in names]
        return found

    def close(self):
        self.root.close()


class Postfix(Mta):
    logs = ("var/log/mail.log",)

    def configure(self):
        sender = self.role == "sender"
        common = f"""compatibility_level = 3.6
mydestination =
mynetworks = 127.0.0.0/8
maillog_file = /var/log/mail.log
alias_maps =
message_size_limit = {OCTETS_MAX}
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 1000
smtpd_client_connection_rate_limit = 0
smtp_dns_support_level = disabled
"""
        vmail = self.root.uid("vmail")
        self.root.write("etc/postfix/main.cf", common + (f"""myhostname = mail.good.example
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
relayhost = [{GATEWAY}]:25
smtp_bind_address = {GOOD}
smtp_tls_security_level = {'encrypt' if self.tls else 'none'}
smtp_destination_recipient_limit = 1000
minimal_backoff_time = 1s
queue_run_delay = 2s
""" if sender else f"""myhostname = store.inside.example
inet_interfaces = all
inet_protocols = all
smtpd_relay_restrictions = reject_unauth_destination
virtual_mailbox_domains = inside.example
virtual_mailbox_base = /{MAILDIR}
virtual_mailbox_maps = static:all/
virtual_mailbox_limit = 0
virtual_uid_maps = static:{vmail}
virtual_gid_maps = static:{vmail}
smtpd_tls_security_level = {'encrypt' if self.tls else 'none'}
smtpd_tls_cert_file = /etc/store.pem
smtpd_tls_key_file = /etc/store.key
"""))
        self.root.write("etc/postfix/master.cf", MASTER_CF if not sender else
                        MASTER_CF.replace("smtp inet n - n - 100 smtpd\n", f"{SUBMIT} inet n - n - 10 smtpd\n"))

    def begin(self):
        self.root.spawn("postfix", "start-fg")


class Exim(Mta):
    package = "exim4-daemon-light"
    logs = ("var/spool/exim4/log/mainlog", "var/spool/exim4/log/paniclog")
    key_owner = "Debian-exim"

    def configure(self):
        sender = self.role == "sender"
        vmail = self.root.uid("vmail")
        for name in ("", "/log", "/db", "/input", "/msglog"):
            self.root.folder_of("var/spool/exim4" + name, "Debian-exim", 0o750)
        common = f"""exim_user = Debian-exim
log_file_path = /var/spool/exim4/log/%slog
host_lookup =
rfc1413_query_timeout = 0s
message_size_limit = {OCTETS_MAX}
smtp_accept_max = 200
smtp_accept_queue_per_connection = 0
smtp_accept_reserve = 0
smtputf8_advertise_hosts = *
accept_8bitmime = true
recipients_max = 5000
acl_smtp_rcpt = acl_rcpt
never_users =
"""
        self.root.write("etc/exim4/exim4.conf", common + (f"""primary_hostname = mail.good.example
local_interfaces = 127.0.0.1
daemon_smtp_ports = {SUBMIT}
tls_advertise_hosts =
begin acl
acl_rcpt:
  accept
begin routers
all:
  driver = manualroute
  route_list = * {GATEWAY}
  transport = out
begin transports
out:
  driver = smtp
  interface = {GOOD}
  hosts_try_dane =
  max_rcpt = 1000
  {'hosts_require_tls = *' if self.tls else 'hosts_avoid_tls = *'}
  tls_verify_certificates =
  tls_try_verify_hosts =
begin retry
* * F,1h,2s
""" if sender else f"""primary_hostname = store.inside.example
local_interfaces = {NEXT_HOP}
daemon_smtp_ports = 25
chunking_advertise_hosts = *
dsn_advertise_hosts = *
tls_advertise_hosts = {'*' if self.tls else ''}
tls_certificate = /etc/store.pem
tls_privatekey = /etc/store.key
begin acl
acl_rcpt:
  accept domains = inside.example
  deny message = relay not permitted
begin routers
all:
  driver = accept
  domains = inside.example
  transport = store
begin transports
store:
  driver = appendfile
  directory = /{MAILDIR}/all
  maildir_format
  create_directory
  user = {vmail}
  group = {vmail}
  mode = 0600
  delivery_date_add = false
"""))

    def begin(self):
        self.root.spawn("exim4", "-bdf", "-q2s")


class OpenSMTPD(Mta):
    package = "opensmtpd"
    logs = ("var/log/mail.log",)
    smtputf8 = False
    starttls = False  # Debian 12's 6.8.0p2 fails every handshake as a server, also that of openssl s_client: "EVP lib"

    def configure(self):
        self.root.folder_of("var/lib/opensmtpd/empty", "root", 0o755)
        os.makedirs(self.root.inside("var/spool/smtpd"), exist_ok=True)
        os.chmod(self.root.inside("var/spool/smtpd"), 0o711)
        self.root.write("etc/aliases", "")
        self.root.write("etc/mailname", "mail.good.example\n")
        common = f"smtp max-message-size \"{OCTETS_MAX}\"\nqueue ttl 1h\n"
        if self.role == "sender":
            scheme = "smtp+tls" if self.tls else "smtp+notls"
            self.root.write("etc/smtpd.conf", common + f"""listen on 127.0.0.1 port {SUBMIT} hostname mail.good.example
action "out" relay host "{scheme}://{GATEWAY}" src {GOOD} helo mail.good.example{' tls no-verify' if self.tls else ''}
match from any for any action "out"
""")
        else:
            self.root.write("etc/smtpd.conf", common + f"""table vmail {{ "@" = "vmail" }}
listen on {NEXT_HOP} port 25 hostname store.inside.example
action "store" maildir "/{MAILDIR}/all" virtual <vmail>
match from any for domain "inside.example" action "store"
""")

    def begin(self):
        self.root.spawn("smtpd", "-d")


class Dovecot(Mta):
    logs = ("var/log/dovecot.log",)
    smtputf8 = False
    lmtp = True
    store_port = 24

    def configure(self):
        ssl = "ssl = yes\nssl_cert = </etc/store.pem\nssl_key = </etc/store.key\n" if self.tls else "ssl = no\n"
        vmail = self.root.uid("vmail")
        self.root.write("etc/dovecot/dovecot.conf", f"""protocols = lmtp
log_path = /var/log/dovecot.log
base_dir = /run/dovecot-store
{ssl}mail_location = maildir:/{MAILDIR}/all
first_valid_uid = 1
userdb {{
  driver = static
  args = uid={vmail} gid={vmail} home=/{MAILDIR} allow_all_users=yes
}}
passdb {{
  driver = static
  args = nopassword=y
}}
service lmtp {{
  inet_listener lmtp {{
    address = {NEXT_HOP}
    port = 24
  }}
}}
protocol lmtp {{
  mail_plugins =
}}
""")

    def begin(self):
        self.root.spawn("dovecot", "-F", "-c", "/etc/dovecot/dovecot.conf")


STORES = [Postfix, Exim, OpenSMTPD, Dovecot]


def settled(store, count, seconds):
    """Waits until the store has @count messages, or nothing comes for a while; how many it has."""
    end = time.monotonic() + seconds
    seen = len(store.stored())
    quiet = time.monotonic()
    while seen < count and time.monotonic() < end and time.monotonic() - quiet < 15:
        time.sleep(0.1)
        now = len(store.stored())
        if now != seen:
            seen, quiet = now, time.monotonic()
    return seen
