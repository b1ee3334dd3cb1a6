# SPDX-License-Identifier: MIT
"""peers.py - mail servers that people run, and ours: the same messages, the same DNS, the same driver, the same sink

usage: peers.py [SECONDS [NAME]]     each is driven for SECONDS (5); NAME: those whose figure has that in it

Server and its helpers have one core, driver, sink and DNS the other.  Each is proven to verify before it is timed: a signed
message passes from an address that SPF does not name, a tampered one is refused from there.  Must run in a network and a mount
namespace of its own (tools/bench/peers/run).  Figures go to build/bench/figures.
"""
import json
import os
import re
import smtplib
import subprocess
import sys
import tempfile
import time

from servers import FIRST, SERVER_CORE, SERVERS, SINK, listens
from roots import Unavailable
from world import ROOT, run, wait_for

SECONDS = int(sys.argv[1]) if len(sys.argv) > 1 else 5
ONLY = sys.argv[2] if len(sys.argv) > 2 else ""
OCTETS, MESSAGES = 4096, 400
STRANGER, FRIEND = "192.0.2.66", "10.0.0.7"  # one that load.example's SPF does not name, one that it does


def nsd(folder):
    with open(os.path.join(folder, "zone")) as f:
        records = f.read()
    with open(os.path.join(folder, "root.zone"), "w") as f:
        f.write("$TTL 3600\n. SOA a.invalid. h.invalid. 1 3600 600 86400 60\n. NS a.invalid.\na.invalid. A 127.0.0.1\n"
                "inside.example. MX 10 mx.inside.example.\nmx.inside.example. A 127.0.0.1\n$ORIGIN .\n" + records)
    with open(os.path.join(folder, "nsd.conf"), "w") as f:
        f.write(f"""server:
	ip-address: 127.0.0.1@53
	username: ""
	zonesdir: "{folder}"
	database: ""
	pidfile: "{folder}/nsd.pid"
	xfrdfile: "{folder}/xfrd"
	zonelistfile: "{folder}/zonelist"
	server-count: 1
	minimal-responses: yes
remote-control:
	control-enable: no
zone:
	name: "."
	zonefile: "root.zone"
""")
    return subprocess.Popen(["taskset", "-c", "0", "nsd", "-d", "-c", os.path.join(folder, "nsd.conf")],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def reply_to(data, source):
    """What the server says to @data from @source: 250, or the code of its refusal."""
    try:
        with smtplib.SMTP("127.0.0.1", 25, local_hostname="load.example", timeout=60, source_address=(source, 0)) as s:
            s.sendmail("a@load.example", ["user@inside.example"], data)
            return 250
    except smtplib.SMTPDataError as e:
        return e.smtp_code
    except smtplib.SMTPException as e:
        return repr(e)


def proof(folder, sink, spf):
    """Empty, or how the server shows that it does not verify."""
    with open(os.path.join(folder, "mail/0.eml"), "rb") as f:
        good = f.read()
    tampered = good.replace(b"\r\n\r\n", b"\r\n\r\nOne line more.\r\n", 1)
    with subprocess.Popen([sink, str(SINK)]) as p:
        try:
            wait_for(lambda: listens(SINK), 10, "the sink listens")
            for what, data, source, wanted in (("signed, SPF fails", good, STRANGER, 2), ("tampered, SPF fails", tampered, STRANGER, 5),
                                               ("tampered, SPF passes", tampered, FRIEND, 2 if spf else 5)):
                code = reply_to(data, source)
                if not isinstance(code, int) or code // 100 != wanted:
                    return f"{what}: {code}"
        finally:
            p.terminate()
    return ""


def drive(folder, sink=True):
    """Messages a second, the share of them that came to the sink meanwhile, and how many replies were not 2yz."""
    out = os.path.join(folder, "result.json")
    run(*FIRST, os.path.join(ROOT, "build/bin/sekisho-load"), "--kernel", "--target", "127.0.0.1:25", "--core", "0", "--connections", "50",
        "--messages", "10", "--corpus", os.path.join(folder, "mail"), "--mail-from", "a@load.example", "--rcpt-to", "user@inside.example",
        "--helo", "load.example", "--warm-up", "3", "--seconds", str(SECONDS), "--json", out, *(["--sink", str(SINK)] if sink else []))
    with open(out) as f:
        r = json.load(f)
    odd = r["odd_replies"] + r["failed"] + sum(r["replies"][c] for c in ("3xx", "4xx", "5xx"))
    return r["messages_per_s"], r["sunk"] / max(1, r["message_us"]["n"]), odd


def ours(folder):
    """Our gateway by its own bench, over memif, with the DNS of the others."""
    p = subprocess.run([*FIRST, os.path.join(ROOT, "tools/bench/gateway"), str(SECONDS), str(OCTETS)], check=True, capture_output=True, text=True,
                       cwd=ROOT, env={**os.environ, "SEKISHO_GATEWAY_INSIDE": "yes", "KEEP": folder,
                                      "GATEWAY_DNS": 'mode = "forward"; servers = [ "127.0.0.1:53" ];'})
    return float(re.search(r"^messages_per_s +(\d+)", p.stdout, re.M).group(1))


def ticks_of(root):
    """Clock ticks that the processes in @root have had."""
    total = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/root") == root:
                with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
                    total += sum(map(int, f.read().rsplit(")", 1)[1].split()[11:13]))
        except OSError:
            pass
    return total


def settle(server):
    """Waits until the server has nothing left to do of its own, a minute at most: rspamd compiles expressions when it starts."""
    quiet, before = 0, ticks_of(server.root.path)
    for _ in range(120):
        time.sleep(0.5)
        now = ticks_of(server.root.path)
        quiet = quiet + 1 if now - before <= 5 else 0
        before = now
        if quiet == 4:
            return
    print(f"# {server.name}: still busy after a minute without mail", flush=True)


def measure(kind, folder, sink):
    """Messages a second of @kind; 0, having said why."""
    try:
        server = kind()
    except Unavailable as e:
        print(f"# {kind.name}: not run: {e}")
        return 0
    try:
        wrong = proof(folder, sink, kind.spf_of_private)
        if wrong:
            print(f"# {kind.name}: not timed, it does not verify: {wrong}\n" + server.root.log(*server.logs), flush=True)
            return 0
        print(f"# {kind.name}: signed passes, tampered is refused", flush=True)
        settle(server)
        rate, passed_on, odd = drive(folder)
        print(f"# {kind.name}: {100 * passed_on:.0f} % of what it took was passed on in that time", flush=True)
        if odd:
            print(f"# {kind.name}: {odd} replies or sessions went wrong", flush=True)
        return rate
    finally:
        server.close()


class EpollSink:
    name, figure = "a minimal sink on the kernel's TCP, which verifies nothing", "epoll_sink"


def epoll_sink(folder, sink):
    with subprocess.Popen([*FIRST, "taskset", "-c", SERVER_CORE, sink, "25"]) as p:
        try:
            wait_for(lambda: listens(25), 10, "the sink listens")
            return drive(folder, sink=False)[0]
        finally:
            p.terminate()


def main():
    run("ip", "link", "set", "lo", "up")
    run("ip", "route", "add", "local", "10.0.0.0/8", "dev", "lo")
    run("ip", "addr", "add", STRANGER + "/32", "dev", "lo")
    with tempfile.TemporaryDirectory(prefix="sekisho-peers-") as folder:
        os.chmod(folder, 0o755)
        sink = os.path.join(folder, "epoll_sink")
        run("gcc", "-std=gnu11", "-O2", "-o", sink, os.path.join(ROOT, "tools/bench/peers/epoll_sink.c"))
        run("/usr/bin/python3", os.path.join(ROOT, "tools/bench/corpus.py"), folder, str(MESSAGES), str(OCTETS))
        dns = nsd(folder)
        try:
            rows = []
            for kind in [*SERVERS, EpollSink]:
                if ONLY not in kind.figure:
                    continue
                us, them = ours(folder), measure(kind, folder, sink) if kind in SERVERS else epoll_sink(folder, sink)
                if them:
                    rows.append((kind.name, kind.figure, us, them))
        finally:
            dns.terminate()
            dns.wait()
    # Each beside a run of ours just before it: a machine with other work to do is not the same a minute later.
    print(f"\n{'one core, 4 KiB, one RSA-2048 signature, 10 a connection':<58}{'messages/s':>11}{'ours':>8}{'ours : theirs':>15}")
    for name, _, us, them in rows:
        print(f"{name:<58}{them:>11.0f}{us:>8.0f}{us / them:>15.1f}")
    print("Postfix and Exim without cut-through are counted when they take a message, not when they have passed it on.")
    os.makedirs(os.path.join(ROOT, "build/bench"), exist_ok=True)
    with open(os.path.join(ROOT, "build/bench/figures"), "w") as f:
        for _, figure, us, them in rows:
            f.write(f"peers.{figure}.msgs_per_s {them:.1f} messages_per_s\npeers.{figure}.ratio {us / them:.2f} ratio\n")


main()
