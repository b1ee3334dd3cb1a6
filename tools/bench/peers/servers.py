# SPDX-License-Identifier: MIT
"""servers.py - mail servers as people run them, each with its usual verifiers, relaying to the sink

Each takes mail for inside.example at 127.0.0.1:25 and relays it to 127.0.0.1:2525, refuses what DMARC asks to refuse (Exim of
Debian and Haraka have none: what fails both SPF and DKIM), and has nothing else to do: no greylisting, no lists, no content rules.
All run in roots of their own (tests/interop/roots.py), on core SERVER_CORE.
"""
import os
import subprocess
import sys

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../tests", room) for room in ("interop", "e2e")]

# pylint: disable=wrong-import-position
from roots import Root, Unavailable
from world import MASTER_CF, ROOT, wait_for

SERVER_CORE = "1"
# Before whatever else the machine has to do, which is another setting when the kernel has a group for each session.
FIRST = ["sh", "-c", "{ echo -15 >/proc/self/autogroup; } 2>/dev/null; exec nice -n -15 \"$@\"", "sh"]
SINK = 2525
NOBODY_IS_OURS = "203.0.113.1"  # filters do not verify for who is their own


def listens(port):
    return bool(subprocess.run(["ss", "-Hltn", "sport", "=", f":{port}"], capture_output=True, check=False).stdout)


class Server:
    """Subclasses say which packages are unpacked, what is configured, and what is started; each with the port that it opens."""
    packages = None
    logs = ("var/log/mail.log",)
    spf_of_private = True  # whether SPF is looked at for addresses such as those of the driver, which are in 10.0.0.0/8

    def __init__(self):
        self.root = Root(self.packages)
        try:
            resolv = self.root.inside("etc/resolv.conf")
            if os.path.islink(resolv):
                os.unlink(resolv)
            self.root.write("etc/resolv.conf", "nameserver 127.0.0.1\n")
            for port, command in self.begin():
                self.root.spawn(*FIRST, "taskset", "-c", SERVER_CORE, *command)
                wait_for(lambda p=port: listens(p), 30, f"{command[0]} listens at {port}")
        except BaseException:
            print(self.root.log(*self.logs))
            self.close()
            raise

    def begin(self):
        raise NotImplementedError

    def close(self):
        self.root.close()

    def postfix(self, milters):
        """Configures Postfix with @milters; the command that starts it."""
        self.root.write("etc/postfix/main.cf", f"""compatibility_level = 3.6
myhostname = mx.inside.example
mydestination =
mynetworks = {NOBODY_IS_OURS}/32
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
relay_domains = inside.example
relayhost = [127.0.0.1]:{SINK}
smtpd_relay_restrictions = reject_unauth_destination
smtpd_milters = {milters}
milter_default_action = tempfail
milter_protocol = 6
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 0
smtp_dns_support_level = disabled
maillog_file = /var/log/mail.log
alias_maps =
""")
        self.root.write("etc/postfix/master.cf", MASTER_CF)
        return 25, ["postfix", "start-fg"]


class PostfixMilters(Server):
    """Postfix + OpenDKIM + OpenDMARC, which does SPF by itself."""
    name, figure = "Postfix + OpenDKIM + OpenDMARC", "postfix_milters"
    packages = "opendkim+opendmarc"

    def begin(self):
        self.root.write("etc/opendkim.conf", f"""Mode v
Socket inet:8891@127.0.0.1
InternalHosts {NOBODY_IS_OURS}
AuthservID mx.inside.example
Nameservers 127.0.0.1
TemporaryDirectory /tmp
UserID nobody
""")
        self.root.write("etc/opendmarc.conf", """AuthservID mx.inside.example
TrustedAuthservIDs mx.inside.example
Socket inet:8893@127.0.0.1
IgnoreHosts /etc/opendmarc.ignore
RejectFailures true
SPFIgnoreResults true
SPFSelfValidate true
UserID nobody
""")
        self.root.write("etc/opendmarc.ignore", NOBODY_IS_OURS + "\n")
        return [(8891, ["opendkim", "-f", "-x", "/etc/opendkim.conf"]), (8893, ["opendmarc", "-f", "-c", "/etc/opendmarc.conf"]),
                self.postfix("inet:127.0.0.1:8891, inet:127.0.0.1:8893")]


class PostfixRspamd(Server):
    """Postfix + rspamd, of whose modules those that verify are left."""
    name, figure = "Postfix + rspamd", "postfix_rspamd"
    packages = "rspamd"
    logs = ("var/log/mail.log", "var/log/rspamd/rspamd.log")
    OFF = ("antivirus", "arc", "asn", "bayes_expiry", "chartable", "dcc", "dkim_signing", "elastic", "emails", "external_services", "forged_recipients",
           "fuzzy_check", "greylist", "hfilter", "history_redis", "maillist", "metadata_exporter", "mid", "milter_headers", "mime_types",
           "multimap", "mx_check", "neural", "once_received", "p0f", "phishing", "ratelimit", "rbl", "regexp", "replies", "reputation",
           "spamassassin", "spamtrap", "surbl", "trie", "url_redirector", "whitelist", "bimi", "known_senders", "aws_s3", "http_headers")

    def begin(self):
        for name in self.OFF:
            self.root.write(f"etc/rspamd/local.d/{name}.conf", "enabled = false;\n")
        self.root.write("etc/rspamd/local.d/options.inc", f"""dns {{ nameserver = ["127.0.0.1"]; }}
local_addrs = ["{NOBODY_IS_OURS}/32"];
filters = "dkim,spf";
""")
        for name in ("spf", "dkim"):
            self.root.write(f"etc/rspamd/local.d/{name}.conf", "check_local = true;\n")
        self.root.write("etc/rspamd/local.d/dmarc.conf", 'check_local = true;\nactions = { quarantine = "add_header"; reject = "reject"; }\n')
        self.root.write("etc/rspamd/local.d/worker-normal.inc", "enabled = false;\n")
        self.root.write("etc/rspamd/local.d/worker-controller.inc", "enabled = false;\n")
        self.root.write("etc/rspamd/local.d/worker-fuzzy.inc", "enabled = false;\n")
        self.root.write("etc/rspamd/local.d/worker-proxy.inc", """bind_socket = "127.0.0.1:11332";
count = 1;
milter = yes;
upstream "local" { self_scan = yes; default = yes; }
""")
        self.root.write("etc/rspamd/local.d/logging.inc", 'level = "error";\n')
        for name in ("var/log/rspamd", "var/lib/rspamd", "run/rspamd"):
            self.root.folder_of(name, "root")
        return [(11332, ["rspamd", "-f", "-i"]), self.postfix("inet:127.0.0.1:11332")]


class Exim(Server):
    """Exim with its own DKIM and SPF; what it takes goes through its queue."""
    name, figure = "Exim", "exim_queue"
    packages = "exim4-daemon-heavy"
    logs = ("var/spool/exim4/log/mainlog", "var/spool/exim4/log/paniclog")
    cut_through = False

    def begin(self):
        for name in ("", "/log", "/db", "/input", "/msglog"):
            self.root.folder_of("var/spool/exim4" + name, "Debian-exim", 0o750)
        self.root.write("etc/exim4/exim4.conf", f"""exim_user = Debian-exim
primary_hostname = mx.inside.example
log_file_path = /var/spool/exim4/log/%slog
local_interfaces = 127.0.0.1
daemon_smtp_ports = 25
host_lookup =
rfc1413_query_timeout = 0s
tls_advertise_hosts =
smtp_accept_max = 200
smtp_accept_queue_per_connection = 0
smtp_accept_reserve = 0
queue_run_max = 20
acl_smtp_rcpt = acl_rcpt
acl_smtp_dkim = acl_dkim
acl_smtp_data = acl_data
begin acl
acl_rcpt:
  deny    !domains = inside.example
  warn    set acl_m_spf = bad
  warn    spf = pass
          set acl_m_spf = pass
  accept  {'control = cutthrough_delivery' if self.cut_through else ''}
acl_dkim:
  accept  dkim_status = pass
          set acl_m_dkim = pass
  accept
acl_data:
  deny    condition = ${{if and{{{{!eq{{$acl_m_spf}}{{pass}}}}{{!eq{{$acl_m_dkim}}{{pass}}}}}}}}
          message = neither SPF nor DKIM
  accept  add_header = :at_start:${{authresults {{$primary_hostname}}}}
begin routers
all:
  driver = manualroute
  route_list = * 127.0.0.1
  transport = out
  self = send
begin transports
out:
  driver = smtp
  port = {SINK}
  hosts_avoid_tls = *
  hosts_try_dane =
begin retry
* * F,1h,2s
""")
        return [(25, ["exim4", "-bdf", "-q5s"])]


class EximCutThrough(Exim):
    """... and with delivery while the message arrives."""
    name, figure = "Exim, cut-through", "exim"
    cut_through = True


class Haraka(Server):
    """Haraka of npm (tools/bench/peers/run fetches it) with its SPF and DKIM; a plugin of ours refuses what fails both."""
    name, figure = "Haraka", "haraka"
    logs = ()
    spf_of_private = False
    FOLDER = os.path.join(ROOT, "build/peers/haraka/node_modules/Haraka")
    REFUSE = """exports.hook_data_post = (next, connection) => {
    const passes = (name) => connection.transaction.results.get(name)?.pass?.length;
    if (passes('dkim') || passes('spf')) return next();
    next(DENY, 'neither SPF nor DKIM');
};
"""

    def begin(self):
        if not os.path.isdir(self.FOLDER):
            self.close()
            raise Unavailable("npm could not fetch it")
        program = ["node", os.path.join(self.FOLDER, "bin/haraka")]
        self.root.run(*program, "-i", "/etc/haraka")
        for name, text in (("config/plugins", "spf\ndkim\nrcpt_to.in_host_list\nrefuse\nqueue/smtp_forward\n"), ("plugins/refuse.js", self.REFUSE),
                           ("config/smtp.ini", "listen=127.0.0.1:25\n"), ("config/host_list", "inside.example\n"),
                           ("config/me", "mx.inside.example\n"), ("config/log.ini", "[main]\nlevel=ERROR\n"),
                           ("config/smtp_forward.ini", f"host=127.0.0.1\nport={SINK}\n"), ("config/dkim.ini", "[sign]\nenabled=false\n")):
            self.root.write("etc/haraka/" + name, text)
        return [(25, [*program, "-c", "/etc/haraka"])]


SERVERS = [PostfixMilters, PostfixRspamd, Exim, EximCutThrough, Haraka]
