# SPDX-License-Identifier: MIT
"""test_operator.py - the gateway in its operator's hands: every command, every signal, and what goes wrong"""
import calendar
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time

from traffic import send
from world import BIN, FORGER, GATEWAY, GOOD, ROOT, Checks, World, message, wait_for

KEYS = ("time id session client_ip client_port helo tls mail_from rcpt size spf dkim arc dmarc action rule reply nexthop "
        "nexthop_reply dns_ms crypto_us total_ms iprev from_domain authentication_results").split()
DAEMON, CTL, CHECK = (os.path.join(BIN, name) for name in ("sekishod", "sekishoctl", "sekisho-check"))


def program(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=20, **options)


class Client:
    """An SMTP client that does one thing after the other."""

    def __init__(self):
        self.socket = socket.create_connection((GATEWAY, 25), timeout=10, source_address=(GOOD, 0))
        self.file = self.socket.makefile("rwb", buffering=0)

    def reply(self):
        while True:
            line = self.file.readline()
            if line[3:4] != b"-":
                return line.decode().rstrip()

    def say(self, line):
        self.file.write(line.encode() + b"\r\n")
        return self.reply()

    def until_data(self):
        self.reply()
        for line in ("EHLO mail.good.example", "MAIL FROM:<a@good.example>", "RCPT TO:<user@inside.example>", "DATA"):
            last = self.say(line)
        return last

    def close(self):
        self.file.close()
        self.socket.close()


def wrong_usage(c):
    """Needs no daemon: exit status 2, and one line `program: what is wrong; what to do`."""
    cases = [(DAEMON,), (DAEMON, "-x"), (DAEMON, "--sing"), (DAEMON, "-c"), (DAEMON, "-c", "f", "g"), (DAEMON, "-c", "/nonexistent"),
             (DAEMON, "-c", "/"), (CTL,), (CTL, "-xy", "status"), (CTL, "--sing"), (CTL, "--socket"), (CTL, "sing"), (CTL, "show"),
             (CTL, "show", "songs"), (CTL, "status", "now"), (CTL, "status", "--all"), (CTL, "explain"), (CTL, "dns", "lookup", "a"),
             (CTL, "trace", "--count", "x"), (CTL, "check", "/nonexistent"), (CHECK,), (CHECK, "-x"), (CHECK, "--ip"),
             (CHECK, "--ip", "192.0.2"), (CHECK, "--sing"), (CHECK, "--ip", "192.0.2.1", "--dmarc-mode", "1"),
             (CHECK, "--jsonl", "--mail-from", "a@b.example"), (CHECK, "--ip", "192.0.2.1", "a", "b")]
    for command in cases:
        p = program(*command)
        name = os.path.basename(command[0])
        lines = p.stderr.splitlines()
        good = p.returncode == 2 and p.stdout == "" and len(lines) == 1 and re.fullmatch(name + ": [^;]+; .+", lines[0])
        c.ok(good, f"wrong usage: {name} {' '.join(command[1:])}", (p.returncode, p.stdout, p.stderr))
    for command in ((DAEMON, "--print-sample"), (CTL, "--help"), (CHECK, "--help")):
        with open("/dev/full", "w") as full:
            p = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        c.ok(p.returncode == 1 and "; " in p.stderr, f"{os.path.basename(command[0])} tells that its output went nowhere", p.stderr)
    script = subprocess.run(["bash", "-c", f'source <({CTL} --completion); COMP_WORDS=(sekishoctl --json show l); COMP_CWORD=3; '
                             '_sekishoctl; echo "${COMPREPLY[@]}"; COMP_WORDS=(sekishoctl r); COMP_CWORD=1; _sekishoctl; echo "${COMPREPLY[@]}"; '
                             'COMP_WORDS=(sekishoctl stats --); COMP_CWORD=2; _sekishoctl; echo "${COMPREPLY[@]}"'],
                            capture_output=True, text=True, check=False)
    c.ok(script.stdout.splitlines() == ["limits latency", "resume reload rollback report", "--json --prometheus --all"] and not script.stderr,
         "completion for bash, from the table of commands", script.stdout + script.stderr)
    p = program(CTL, "--socket", "/nonexistent/control", "status")
    c.ok(p.returncode == 1 and "start it" in p.stderr, "no daemon: exit status 1, and what to do", p.stderr)


def bad_file(c, w):
    name = w.path("bad.conf")
    with open(name, "w") as f:
        f.write("""ports = ( { device = "net_tap0,iface=sk0"; addresses = [ "192.0.2.25/24" ]; mtu = 100; } );
next_hops = ( { address = "192.0.2.300"; } );
server : {
	hostname = "two words";
	workers = 0;
	colour = "red"; };
smtp : { port = 70000;
	message_max = "big"; };
policy : { dmarc_reject = "maybe"; };
music : { volume = 11; };
relay : { idle_s = 1.5; };
""")
    wanted = {(1, "mtu"), (2, "address"), (4, "hostname"), (5, "workers"), (6, "colour"), (7, "port"), (8, "message_max"),
              (9, "dmarc_reject"), (10, "music"), (11, "idle_s")}

    def told(lines):
        found = (re.match(re.escape(name) + r":(\d+): (?:there is no setting )?\S*?(\w+)[ ;]", line) for line in lines)
        return {(int(m.group(1)), m.group(2)) for m in found if m}
    for command in ((CTL, "check", name), (DAEMON, "-t", "-c", name), (DAEMON, "-c", name)):
        p = program(*command)
        lines = [line.split(": ", 1)[1] for line in p.stderr.splitlines()]
        c.ok(p.returncode == 2 and told(lines) == wanted, f"ten faults, each with its line: {os.path.basename(command[0])}", p.stderr)
    p = program(CTL, "check", name, "--json")
    answer = json.loads(p.stdout)
    c.ok(p.returncode == 2 and not answer["good"] and told(answer["errors"]) == wanted, "and as JSON", p.stdout)
    p = program(CTL, "check", w.path("sekisho.conf"), "--json")
    c.ok(p.returncode == 0 and json.loads(p.stdout) == {"file": w.path("sekisho.conf"), "good": True, "errors": []},
         "the file in force is good", p.stdout + p.stderr)
    listed = w.path("listed")
    with open(listed, "w") as f:
        f.write("deny prefix 192.0.2.0/24\ndeny prefix 192.0.2.0/33\n")
    with open(w.path("sekisho.conf")) as f, open(name, "w") as out:
        out.write(f.read() + f'lists : {{ file = "{listed}"; }};\n')
    p = program(CTL, "check", name)
    c.ok(p.returncode == 2 and f"{listed}:2: " in p.stderr, "check reads the lists that a file names", p.stderr)


def records(w):
    with open(w.path("records")) as f:
        return [json.loads(line) for line in f]


def with_record(w, act):
    """What act() returns, and the record that comes of it, which may be written a little later than the reply is sent."""
    n = len(records(w))
    result = act()
    wait_for(lambda: len(records(w)) > n, 5, "a record is written")
    return result, records(w)[n]


def compare_record(c, w):
    """One slow message, and everything that its record says of it."""
    data = w.signers["good.example"].sign(message("a@good.example", "slow"))
    client = Client()
    client.until_data()
    time.sleep(0.3)
    client.file.write(data + b".\r\n")
    reply = client.reply()
    port = client.socket.getsockname()[1]
    client.close()
    wait_for(lambda: records(w), 5, "a record is written")
    r = records(w)[0]
    stored = w.stored(1)[0].decode().replace("\r\n", "\n")
    field = re.search(r"^Authentication-Results: (.*(?:\n[ \t].*)*)", stored, re.M).group(1)
    c.ok(list(r) == KEYS, "a record has exactly its keys, in order", list(r))
    moment = time.strptime(r["time"].split(".")[0], "%Y-%m-%dT%H:%M:%S")
    c.ok(abs(calendar.timegm(moment) - time.time()) < 5, "record: time", r["time"])
    c.ok(re.search(rf"\bid {r['id']}\b", stored) and r["session"] not in ("", r["id"]), "record: id is that of Received", r)
    wanted = {"client_ip": GOOD, "client_port": port, "helo": "mail.good.example", "tls": "", "mail_from": "a@good.example",
              "rcpt": ["user@inside.example"], "size": len(data), "spf": "pass", "dkim": "pass", "arc": "none", "dmarc": "pass",
              "action": "accept", "rule": "default", "reply": reply, "nexthop": "192.0.2.1:25", "nexthop_reply": reply,
              "from_domain": "good.example", "authentication_results": re.sub(r"\n[ \t]+", " ", field)}
    for key, value in wanted.items():
        c.ok(r[key] == value, f"record: {key} is what happened", (r[key], value))
    c.ok(300 <= r["total_ms"] < 10000 and 0 <= r["dns_ms"] < r["total_ms"], "record: total_ms counts from DATA", r)


def verdicts(c, w):
    """A message of each kind; explain tells why."""
    kinds = (("reject", 550, "a@good.example", "dmarc.reject"), ("quarantine", 250, "a@mild.example", "dmarc.quarantine"),
             ("defer", 451, "a@late.example", "temperror"))
    for action, code, sender, rule in kinds:
        if action == "defer":
            w.stop_dns()
        (got, _), r = with_record(w, lambda: send(message(sender, action), source=FORGER, sender=sender))
        c.ok(got == code and r["action"] == action and rule in r["rule"] and r["reply"].startswith(str(code)), f"{action}: {code}", r)
        p = w.ctl("explain", r["id"])
        c.ok(p.returncode == 0 and f"verdict   {action}, by rule {r['rule']}" in p.stdout and r["reply"] in p.stdout and
             r["authentication_results"] in p.stdout, f"explain of a message: {action}", p.stdout + p.stderr)
        p = w.ctl("explain", r["session"], "--json")
        whole = json.loads(p.stdout)
        c.ok(all(whole[key] == r[key] for key in KEYS) and {"rcpt_total", "duplicate_possible", "fields"} <= set(whole),
             "explain by session, as JSON: all of the record and more", p.stdout)
        steps = whole["steps"] or [""]
        c.ok(any(s.startswith("dns: ") for s in steps) and any(s.startswith("spf: ") for s in steps) and
             steps[-1].startswith(f"policy: {action} by "), f"explain: the steps of a message: {action}", steps)
    w.start_dns()


def read_commands(c, w):
    for words in ("status", "stats", "stats --all", "show sessions", "show sessions --limit 5", "show limits --all", "show ports", "show dns",
                  "show dns --all", "show nexthops", "show limits", "dns lookup good.example TXT", "log level"):
        p = w.ctl(*words.split())
        c.ok(p.returncode == 0 and p.stdout and not p.stderr, f"sekishoctl {words}", p.stdout + p.stderr)
        p = w.ctl("--json", *words.split())
        c.ok(p.returncode == 0 and isinstance(json.loads(p.stdout), dict), f"sekishoctl --json {words}", p.stdout + p.stderr)
    status = json.loads(w.ctl("status", "--json").stdout)
    c.ok(status["state"] == "running" and status["records"] == status["records_written"] == len(records(w)) and
         status["hostname"] == "mx.inside.example", "status counts the records", status)
    total = json.loads(w.ctl("stats", "--json").stdout)["total"]
    c.ok((total["shard_accepted"], total["shard_quarantined"], total["shard_rejected"], total["shard_deferred"]) == (2, 1, 1, 1),
         "stats count the messages by verdict", total)
    p = w.ctl("stats", "--prometheus")
    c.ok(all(re.fullmatch(r'# (HELP|TYPE) \w+ .+|\w+(\{\w+="[^"]*"\})? \d+(\.\d+)?', line) for line in p.stdout.splitlines()) and
         "\nsekisho_shard_rejected_total 1\n" in p.stdout, "stats for Prometheus", p.stdout[:500])
    with open(os.path.join(ROOT, "conf/grafana/sekisho.json")) as f:
        shown = set(re.findall(r"sekisho_\w+", " ".join(t["expr"] for panel in json.load(f)["panels"] for t in panel["targets"])))
    missing = {name for name in shown if f"# TYPE {name} " not in p.stdout and "policy_rule" not in name}
    c.ok(len(shown) > 15 and not missing, "the dashboard for Grafana asks for what there is", missing)
    if shutil.which("promtool"):
        lint = subprocess.run(["promtool", "check", "metrics"], input=p.stdout, capture_output=True, text=True, check=False)
        # Our names end in the unit of their setting or counter, as _us; of all else there is nothing to say.
        said = [line for line in lint.stderr.splitlines() if "abbreviated units" not in line]
        c.ok(lint.returncode in (0, 3) and not said, "promtool finds nothing in them", said)
    use = {r["name"]: r for r in json.loads(w.ctl("show", "limits", "--json").stdout)["use"]}
    c.ok(use["limits.sessions_max"]["most"] >= 1 and use["limits.transactions_max"]["most"] >= 1 and
         use["limits.transactions_max"]["limit"] == 300, "show limits: how full, and at worst", use)
    port = json.loads(w.ctl("show", "ports", "--json").stdout)["ports"][0]
    c.ok(port["link"] == "up" and port["rx_packets"] > 10 and "192.0.2.25/24" in port["addresses"], "show ports", port)
    hop = json.loads(w.ctl("show", "nexthops", "--json").stdout)["next_hops"][0]
    c.ok("shard_relay_down" in json.loads(w.ctl("show", "nexthops", "--json").stdout)["counters"] and hop["recent_messages"] == 2 and hop["last_reply"].startswith("250 "), "show nexthops", hop)
    for words, status in (("explain nothing", 1), ("rollback", 1), ("dns lookup a..b A", 2), ("dns lookup a.example XYZ", 2),
                          ("log level loud", 2), ("trace --ip x", 2), ("show sessions --limit 0", 2), ("dns flush a..b", 2)):
        p = w.ctl(*words.split())
        c.ok(p.returncode == status and re.fullmatch("sekishoctl: [^;]+; .+\n", p.stderr), f"sekishoctl {words}: {status}", p)
    c.ok("level  debug" in re.sub(" +", "  ", w.ctl("log", "level", "debug").stdout), "log level debug")
    c.ok("control: log level debug, by user 0" in w.log("sekishod"), "who changed what is logged", w.log("sekishod")[-500:])
    w.ctl("log", "level", "info")


def dns_commands(c, w):
    def dns():
        return json.loads(w.ctl("show", "dns", "--json").stdout)
    w.ctl("dns", "flush")
    c.ok(dns()["cache_entries"] == 0, "dns flush empties the cache")
    p = w.ctl("dns", "lookup", "Good.Example.", "mx")
    c.ok(p.stdout.startswith("good.example MX: NOERROR, kept for ") and "10 mail.good.example" in p.stdout, "dns lookup", p.stdout)
    misses = dns()["cache_misses"]
    w.ctl("dns", "lookup", "good.example", "MX")
    c.ok(dns()["cache_misses"] == misses, "the second lookup is answered by the cache")
    p = w.ctl("dns", "flush", "good.example", "--json")
    c.ok(json.loads(p.stdout) == {"version": 1, "flushed": 1}, "dns flush of a name", p.stdout)
    p = w.ctl("dns", "lookup", "nothing.example", "A", "--json")
    answer = json.loads(p.stdout)
    c.ok(p.returncode == 0 and answer["rcode"] == "NXDOMAIN" and answer["records"] == [], "a name that is not", p.stdout)


def traces(c, w):
    base = [CTL, "--socket", w.path("control"), "--json", "trace"]
    of_forger = subprocess.Popen(base + ["--ip", FORGER + "/32", "--count", "1"], stdout=subprocess.PIPE, text=True)
    of_domain = subprocess.Popen(base + ["--domain", "EXAMPLE", "--count", "2"], stdout=subprocess.PIPE, text=True)
    of_none = subprocess.Popen(base + ["--domain", "ood.example"], stdout=subprocess.PIPE, text=True)
    time.sleep(0.3)
    before = len(records(w))
    send(w.signers["good.example"].sign(message("a@good.example", "traced")))
    send(message("a@good.example", "traced too"), source=FORGER)
    first = [json.loads(line) for line in of_forger.communicate(timeout=10)[0].splitlines()]
    second = [json.loads(line) for line in of_domain.communicate(timeout=10)[0].splitlines()]
    c.ok([r["action"] for r in first] == ["reject"] and of_forger.returncode == 0, "trace --ip while mail flows", first)
    c.ok([r["action"] for r in second] == ["accept", "reject"] and list(second[0]) == KEYS, "trace --domain", second)
    wait_for(lambda: len(records(w)) == before + 2, 5, "both records are written")
    c.ok(second == records(w)[before:], "a trace shows what the record file gets")
    of_none.terminate()
    c.ok(of_none.communicate(timeout=10)[0] == "", "a name that only ends alike is not traced")


def drain(c, w):
    busy, idle = Client(), Client()
    c.ok(busy.until_data().startswith("354"), "a session in a transaction")
    idle.reply()
    idle.say("EHLO idle.example")
    rows = json.loads(w.ctl("show", "sessions", "--json").stdout)["sessions"]
    c.ok(sorted((r["helo"], r["mail_from"]) for r in rows) == [("idle.example", ""), ("mail.good.example", "a@good.example")],
         "show sessions shows both", rows)
    p = w.ctl("drain", "--json")
    c.ok(json.loads(p.stdout) == {"version": 1, "draining": True}, "drain answers with the version in force", p.stdout)
    c.ok(idle.reply().startswith("421 ") and idle.file.readline() == b"", "drain: an idle session gets 421")
    idle.close()
    try:
        Client().close()
        c.ok(False, "drain: a new connection is refused")
    except ConnectionRefusedError:
        c.ok(True, "drain: a new connection is refused")
    c.ok(json.loads(w.ctl("status", "--json").stdout)["state"] == "draining", "status says so")
    busy.file.write(w.signers["good.example"].sign(message("a@good.example", "in drain")) + b".\r\n")
    c.ok(busy.reply().startswith("250 ") and busy.reply().startswith("421 "), "drain: a transaction finishes, then 421")
    busy.close()
    wait_for(lambda: json.loads(w.ctl("status", "--json").stdout)["state"] == "drained", 5, "drained")
    c.ok(w.ctl("resume").returncode == 0, "resume")
    c.ok(send(w.signers["good.example"].sign(message("a@good.example", "resumed")))[0] == 250, "resume: mail is taken again")


def rotation(c, w):
    before = json.loads(w.ctl("status", "--json").stdout)["records"]
    wait_for(lambda: len(records(w)) == before, 5, "all records are written")
    os.rename(w.path("records"), w.path("records.1"))
    w.gateway.send_signal(signal.SIGHUP)
    wait_for(lambda: os.path.exists(w.path("records")), 5, "the record file is opened anew")
    send(message("a@good.example", "rotated"), source=FORGER)
    wait_for(lambda: records(w), 5, "a record in the new file")
    with open(w.path("records.1")) as f:
        c.ok(len(records(w)) == 1 and len(f.readlines()) == before, "SIGHUP after a rotation: no record is lost or doubled")
    c.ok(os.stat(w.path("records")).st_mode & 0o777 == 0o640, "others may not read it")


def second_daemon(c, w):
    """What a second one may do to the first: nothing."""
    with open(w.path("sekisho.conf")) as f:
        text = f.read()

    def fails(sentence, message_, *changes):
        changed = text
        for old, new in changes:
            changed = changed.replace(old, new)
        with open(w.path("second.conf"), "w") as f:
            f.write(changed)
        p = program(DAEMON, "-c", w.path("second.conf"))
        last = p.stderr.splitlines()[-1]
        c.ok(p.returncode == 1 and message_ in last and re.match("sekishod: .+[;,] ", last), sentence, p.stderr)
    other = (w.path("control"), w.path("control2"))
    elsewhere = (other, ("iface=sk0", "iface=sk1"))
    fails("a second daemon of the same file", "another sekishod listens there")
    fails("a second daemon with the same interface", "another program has this interface", other)
    fails("a device that is not there", "no such device", other, ("net_tap0,iface=sk0", "net_af_packet0,iface=none"))
    fails("a PCI device that is not there", "not bound to vfio-pci", other, ("net_tap0,iface=sk0", "0000:3b:00.0"))
    fails("a zone file that is not there", "cannot be read: No such file", *elsewhere,
          ('mode = "forward"', 'mode = "zone"; zone_file = "/nonexistent"'))
    fails("a zone file that is a directory", "cannot be read: Is a directory", *elsewhere,
          ('mode = "forward"', 'mode = "zone"; zone_file = "/"'))
    fails("a zone file that is none", "sekisho.conf:1: ", *elsewhere,
          ('mode = "forward"', f'mode = "zone"; zone_file = "{w.path("sekisho.conf")}"'))
    fails("a record file that cannot be", "server.log_file", *elsewhere, (w.path("records"), "/nonexistent/records"))
    fails("a file where the socket should be", "no socket; remove it", (w.path("control"), w.path("records")))
    c.ok(not os.path.exists(w.path("control2")), "a failed start leaves no socket behind")
    c.ok(send(w.signers["good.example"].sign(message("a@good.example", "undisturbed")))[0] == 250, "the first goes on")
    for mode, good in (('"recursive"', 0), ('"forward"', 2), ('"zone"', 2)):
        with open(w.path("second.conf"), "w") as f:
            f.write(re.sub(r"dns: \{.*?\};", f"dns: {{ mode = {mode}; }};", text, flags=re.S))
        p = program(DAEMON, "-t", "-c", w.path("second.conf"))
        c.ok(p.returncode == good, f"dns.mode {mode} with nothing else: {good}", p.stderr)


def ends(c, w):
    """SIGTERM, with nobody, with a message under way, and twice; kill."""
    idle = Client()
    idle.reply()
    begun = time.monotonic()
    w.gateway.send_signal(signal.SIGTERM)
    c.ok(idle.reply().startswith("421 "), "SIGTERM: an idle session gets 421")
    c.ok(w.gateway.wait(5) == 0 and time.monotonic() - begun < 2, "and the end comes at once, with 0, though it keeps its side open")
    idle.close()
    c.ok(not os.path.exists(w.path("control")), "the socket file is gone")

    w.start_gateway()
    data = w.signers["good.example"].sign(message("a@good.example", "under way", "line\r\n" * 2000))
    busy = Client()
    busy.until_data()
    busy.file.write(data[:3000])
    w.gateway.send_signal(signal.SIGTERM)
    wait_for(lambda: json.loads(w.ctl("status", "--json").stdout)["state"] == "draining", 5, "draining")
    p = w.ctl("resume")
    c.ok(p.returncode == 1 and "told to end" in p.stderr, "resume is refused while it ends", p.stderr)
    before = len(records(w))
    busy.file.write(data[3000:] + b".\r\n")
    c.ok(busy.reply().startswith("250 "), "SIGTERM: a message under way is taken to its end")
    c.ok(busy.reply().startswith("421 "), "then the session is ended")
    busy.close()
    c.ok(w.gateway.wait(5) == 0, "and the daemon, with 0")
    c.ok([r["size"] for r in records(w)[before:]] == [len(data)], "its record is written", records(w)[before:])

    w.start_gateway()
    busy = Client()
    busy.until_data()
    begun = time.monotonic()
    w.gateway.send_signal(signal.SIGTERM)
    c.ok(w.gateway.wait(10) == 0 and 1.5 < time.monotonic() - begun < 4, "a client that never ends: server.drain_s, then 0")
    c.ok("sessions are left" in w.log("sekishod"), "and that is told")
    busy.close()

    w.start_gateway()
    busy = Client()
    busy.until_data()
    w.gateway.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    w.gateway.send_signal(signal.SIGTERM)
    c.ok(w.gateway.wait(1.5) == 0, "SIGTERM twice: the end comes at once")
    busy.close()

    w.start_gateway()
    w.gateway.kill()
    w.gateway.wait()
    c.ok(os.path.exists(w.path("control")) and w.ctl("status").returncode == 1, "killed: its socket file is left, nobody answers")
    w.start_gateway()
    code, text = send(w.signers["good.example"].sign(message("a@good.example", "after kill")))
    c.ok(code == 250, "started again: stale socket and TAP device are no hindrance", (code, text))
    w.end(w.gateway)


def full_disk(c, w):
    w.sections["server"]["log_file"] = '"/dev/full"'
    w.start_gateway()
    c.ok(send(message("a@good.example", "full"), source=FORGER)[0] == 550, "a full disk does not stop mail")
    wait_for(lambda: "cannot write message records to /dev/full" in w.log("sekishod"), 5, "a full disk is told")
    status = json.loads(w.ctl("status", "--json").stdout)
    c.ok((status["records"], status["records_written"]) == (1, 0), "status does not count as written what is not", status)
    c.ok(w.end(w.gateway) == 0 and "1 message records are lost" in w.log("sekishod"), "what is lost at the end is told")


def to_syslog(c, w):
    """Records to syslog, within the profile of system calls; syslog is started anew meanwhile."""
    path = w.path("syslog")

    def listen():
        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        s.bind(path)
        os.chmod(path, 0o666)
        s.settimeout(5)
        return s
    syslog = listen()
    w.sections["server"]["log_file"] = f'"syslog:mail:{path}"'
    w.start_gateway()
    send(message("a@good.example", "logged"), source=FORGER)
    line = syslog.recv(65536).decode()
    c.ok(line.startswith("<22>") and json.loads(line.split("]: ", 1)[1])["action"] == "reject", "a record goes to syslog", line)
    syslog.close()
    os.unlink(path)
    send(message("a@good.example", "logged later"), source=FORGER)
    syslog = listen()
    line = syslog.recv(65536).decode()
    c.ok(json.loads(line.split("]: ", 1)[1])["action"] == "reject" and
         json.loads(w.ctl("status", "--json").stdout)["records_dropped"] == 0, "syslog is started anew: none is lost", line)
    w.end(w.gateway)
    syslog.close()


def zone_mode(c, w):
    """The gateway and sekisho-check over one zone file say the same."""
    with open(w.path("zone"), "w") as f:
        f.write('good.example TXT "v=spf1 ip4:192.0.2.10 -all"\n_dmarc.good.example TXT "v=DMARC1; p=reject"\n'
                "late.example TXT !SERVFAIL\n_dmarc.late.example TXT !TIMEOUT\n")
    w.sections["server"]["log_file"] = f'"{w.path("records")}"'
    w.sections["dns"] = {"mode": '"zone"', "servers": "[ ]", "zone_file": f'"{w.path("zone")}"'}
    w.start_gateway()
    data = message("a@good.example", "by zone")
    (code, text), r = with_record(w, lambda: send(data))
    found = r["authentication_results"]
    c.ok(code == 250, "dns.mode zone: a message passes by its SPF", (code, text))
    code, text = send(message("a@late.example", "no answer"), sender="a@late.example")
    c.ok(code == 451, "dns.mode zone: !SERVFAIL defers", (code, text))
    with open(w.path("message.eml"), "wb") as f:
        f.write(data)
    command = (CHECK, "--ip", GOOD, "--helo", "mail.good.example", "--mail-from", "a@good.example", "--zone", w.path("zone"),
               "--authserv-id", "mx.inside.example", w.path("message.eml"))
    p = program(*command)
    c.ok(p.returncode == 0 and re.sub(r"\n[ \t]+", " ", p.stdout).strip() == f"Authentication-Results: {found}",
         "sekisho-check prints the field that the gateway added", p.stdout + found)
    answer = json.loads(program(*command, "--json").stdout)
    c.ok(answer["authentication_results"] == found and answer["action"] == "accept" and answer["dmarc"]["result"] == "pass",
         "and the same as JSON", answer)
    p = program(*command, "--explain")
    told = json.loads(program(*command, "--explain", "--json").stdout)["explain"]
    c.ok("dns: good.example TXT -> " in p.stdout and told[-1].startswith("policy: accept by ") and
         p.stdout.startswith("\n".join(told) + "\n"), "--explain tells each question and the policy, as text and as JSON", p.stdout)
    case = {"id": 7, "ip": GOOD, "helo": "mail.good.example", "mail_from": "a@good.example", "zone": [], "message_b64": "eA=="}
    p = program(CHECK, "--jsonl", input=json.dumps(case) + "\nno case\n" + json.dumps(case) + "\n")
    answers = [json.loads(line) for line in p.stdout.splitlines()]
    c.ok(p.returncode == 0 and len(answers) == 3 and "error" in answers[1] and answers[2]["spf"]["result"] == "none",
         "--jsonl goes on behind a bad case", p.stdout + p.stderr)
    w.end(w.gateway)


def many_workers(c, w):
    w.sections["server"]["workers"] = "6"
    w.sections["limits"] = {"transactions_max": "30", "sessions_max": "100", "body_blocks": "3200", "mbufs": "512"}
    w.start_gateway()
    codes = [send(message("a@good.example", f"worker {i}"))[0] for i in range(12)]
    c.ok(codes == 12 * [250], "more workers than a TAP device has queues: mail passes through each", codes)
    rows = json.loads(w.ctl("stats", "--json").stdout)["workers"]
    c.ok(len(rows) == 6 and sum(r["smtp_messages"] > 0 for r in rows) > 1, "and stats tell of each", rows)
    w.end(w.gateway)


def main():
    c = Checks()
    wrong_usage(c)
    with World(sections={"server": {"drain_s": "2"}, "dns": {"timeout_ms": "500"}}) as w:
        for part in (bad_file, compare_record, verdicts, read_commands, dns_commands, traces, drain, rotation, second_daemon, ends,
                     full_disk, to_syslog, zone_mode, many_workers):
            part(c, w)
    c.done()


main()
