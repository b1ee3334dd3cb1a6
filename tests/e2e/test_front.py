# SPDX-License-Identifier: MIT
"""test_front.py - clients that a peer speaks for: by PROXY protocol and XCLIENT from swaks to us, and from us to Postfix; and stress"""
import json
import re
import smtplib
import socket
import subprocess

from traffic import send
from world import FORGER, GATEWAY, GOOD, MILD, NEXT_HOP, Checks, World, message

PROXY, FRONT = MILD, "192.0.2.21"  # speaks the PROXY protocol; says XCLIENT


def swaks(w, source, data, *more):
    name = w.path("message.eml")
    with open(name, "wb") as f:
        f.write(data)
    p = subprocess.run(["swaks", "--server", GATEWAY, "--local-interface", source, "--from", "a@good.example",
                        "--to", "user@inside.example", "--helo", "mail.good.example", "--data", "@" + name, "--timeout", "20", *more],
                       capture_output=True, text=True, errors="replace", check=False, timeout=60)
    return p.stdout + p.stderr


def proxy(version, client):
    return ["--proxy-version", str(version), "--proxy-family", "TCP4" if version == 1 else "AF_INET",
            "--proxy-source", client, "--proxy-source-port", "40000", "--proxy-dest", GATEWAY, "--proxy-dest-port", "25"]


def record(w, n):
    with open(w.path("records")) as f:
        return json.loads(f.read().splitlines()[n - 1])


def to_postfix(c, identity, line):
    """Who Postfix says that the client is."""
    w = World(hop_text=f'{{ address = "{NEXT_HOP}"; port = 25; identity = "{identity}"; }}')
    w.postfix_extra = line
    with w:
        for n, source in enumerate((GOOD, GOOD, MILD), 1):
            sender = "a@good.example" if source == GOOD else "a@mild.example"
            data = message(sender, f"number {n}")
            if source == GOOD:
                data = w.signers["good.example"].sign(data)
            code = send(data, source=source, sender=sender)
            c.ok(code[0] == 250, f"{identity}: message {n} is taken", code)
        received = [re.search(rb"\(unknown \[([0-9.]+)\]\)", m).group(1).decode() for m in w.stored(3)]
        c.ok(received == [GOOD, GOOD, MILD], f"{identity}: Postfix's Received has the clients", received)
        hop = json.loads(w.ctl("show", "nexthops", "--json").stdout)
        print(f"# {identity}: {hop}")


def under_stress(c):
    """A few who hold their places in vain, where there are few places."""
    with World(next_hop=None, sections={"limits": {"sessions_max": "20"}, "stress": {"percent": "25", "command_timeout_s": "1"}}) as w:
        idle = [socket.create_connection((GATEWAY, 25), timeout=10, source_address=(GOOD, 0)) for _ in range(6)]
        said = [s.makefile("rb").read() for s in idle]
        c.ok(any(b"\r\n421 4.4.2" in text for text in said), "under stress a silent client is sent away after a second", said)
        limits = {row["name"]: row for row in json.loads(w.ctl("show", "limits", "--json").stdout)["use"]}
        c.ok(limits["stress.percent"]["most"] >= 25 and limits["stress.percent"]["refused"] >= 1, "show limits has it",
             limits["stress.percent"])


def main():
    c = Checks()
    under_stress(c)
    to_postfix(c, "xclient", f"smtpd_authorized_xclient_hosts = {GATEWAY}\n")
    to_postfix(c, "proxy", "smtpd_upstream_proxy_protocol = haproxy\n")
    with World(sections={"smtp": {"proxy_from": f'[ "{PROXY}/32" ]', "xclient_from": f'[ "{FRONT}/32" ]',
                                  "proxy_timeout_s": "1"}}) as w:
        subprocess.run(["ip", "addr", "add", FRONT + "/24", "dev", "sk0"], check=True)
        good = w.signers["good.example"].sign(message("a@good.example", "good"))
        forged = message("a@good.example", "forged")
        n = 0
        for version in (1, 2):
            out = swaks(w, PROXY, forged, *proxy(version, GOOD))
            n += 1
            c.ok("<-  250 2.0.0" in out, f"PROXY {version}: SPF is that of the client's address", out[-800:])
            c.ok(record(w, n)["client_ip"] == GOOD and record(w, n)["client_port"] == 40000, "so is the record's", record(w, n))
            out = swaks(w, PROXY, forged, *proxy(version, FORGER))
            n += 1
            c.ok("<** 550 5.7.1" in out, f"PROXY {version}: another client's forged message is refused", out[-800:])
        c.ok("220 " not in swaks(w, PROXY, good), "a proxy without its header is not greeted")
        c.ok("554 5.5.1" in swaks(w, GOOD, good, *proxy(1, FORGER)), "who is no proxy may not send one")

        out = swaks(w, FRONT, forged, "--xclient-addr", GOOD, "--xclient-helo", "mail.good.example")
        n += 1
        c.ok("<-  250 2.0.0" in out and "250-XCLIENT" in out or "250 XCLIENT" in out, "XCLIENT: the client's address", out[-1200:])
        c.ok(record(w, n)["client_ip"] == GOOD, "in the record as well", record(w, n))
        out = swaks(w, FRONT, forged, "--xclient-addr", FORGER)
        n += 1
        c.ok("<** 550 5.7.1" in out, "XCLIENT of a forger", out[-800:])
        with smtplib.SMTP(GATEWAY, 25, "mail.good.example", timeout=20, source_address=(GOOD, 0)) as s:
            s.ehlo()
            c.ok(not s.has_extn("xclient"), "others are not told of XCLIENT")
            code = s.docmd("XCLIENT", f"ADDR={FORGER}")
            c.ok(code[0] == 502, "nor may they say it", code)
        stats = json.loads(w.ctl("stats", "--json").stdout)["total"]
        c.ok(stats["shard_proxy_headers"] == 4 and stats["shard_proxy_late"] + stats["shard_proxy_bad"] >= 1 and
             stats["smtp_xclient"] == 2, "all is counted", {k: v for k, v in stats.items() if "proxy" in k or "xclient" in k})
    c.done()


main()
