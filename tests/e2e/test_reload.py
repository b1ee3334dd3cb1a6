# SPDX-License-Identifier: MIT
"""test_reload.py - other settings while mail flows: reload, rollback, SIGHUP, and files that are wrong"""
import copy
import json
import os
import re
import signal
import smtplib
import sys
import threading
import time

from traffic import send
from world import FORGER, GATEWAY, GOOD, NEXT_HOP, Checks, World, certificate, message, port_open, wait_for


class Reloads:
    """The gateway's file, otherwise by a setting or two: section, name and value each."""

    def __init__(self, w):
        self.w, self.sections = w, w.sections

    def write(self, *changes):
        self.w.sections = copy.deepcopy(self.sections)
        for section, name, value in changes:
            self.w.sections.setdefault(section, {})[name] = value
        self.w.write_conf()

    def reload(self, *changes):
        self.write(*changes)
        return self.w.ctl("reload", "--json")


def session():
    s = smtplib.SMTP(GATEWAY, 25, local_hostname="mail.good.example", timeout=20, source_address=(GOOD, 0))
    s.ehlo()
    return s


def version(w):
    return json.loads(w.ctl("status", "--json").stdout)["config_version"]


def good_files(c, w, file):
    old = session()
    p = file.reload(("smtp", "recipients_max", "1"), ("relay", "domains", '[ "inside.example", "elsewhere.example" ]'))
    c.ok(p.returncode == 0 and json.loads(p.stdout) ==
         {"version": 2, "changed": ["smtp.recipients_max", "relay.domains"], "restart": [], "workers_silent": 0},
         "reload answers with the version and what changed", p.stdout + p.stderr)
    new = session()
    for s, domain, second in ((old, 550, 250), (new, 250, 452)):
        which = "an open session keeps the old" if s is old else "a new session has the new"
        s.mail("a@good.example")
        c.ok(s.rcpt("user@elsewhere.example")[0] == domain, which + " list of domains")
        s.rset()
        s.mail("a@good.example")
        s.rcpt("user@inside.example")
        c.ok(s.rcpt("second@inside.example")[0] == second, which + " limit")
        c.ok(s.data(w.signers["good.example"].sign(message("a@good.example", f"limit {second}")))[0] == 250, "and brings its mail")
        s.quit()
    p = file.reload(("server", "first_core", "1"), ("smtp", "hops_max", "40"))
    c.ok(p.returncode == 0 and json.loads(p.stdout)["restart"] == ["server.first_core"], "reload says what needs a restart",
         p.stdout + p.stderr)
    limits = {r["setting"]: r["value"] for r in json.loads(w.ctl("show", "limits", "--json").stdout)["limits"]}
    c.ok((limits["server.first_core"], limits["smtp.hops_max"]) == (0, 40), "show limits tells what is in force")
    p = w.ctl("reload")
    c.ok("version 4 is in force" in p.stdout and "not in force before a restart: server.first_core" in p.stdout, "and for people",
         p.stdout + p.stderr)


def bad_files(c, w, file):
    before = version(w)
    p = file.reload(("smtp", "hops_max", "0"), ("smtp", "colour", '"red"'))
    lines = p.stderr.splitlines()
    name = re.escape(w.path("sekisho.conf"))
    c.ok(p.returncode == 2 and len(lines) == 2 and
         re.match(rf"sekishoctl: {name}:\d+: smtp.hops_max must be 1 to 1000, is 0", lines[0]) and
         re.match(rf"sekishoctl: {name}:\d+: there is no setting smtp.colour; ", lines[1]),
         "a bad file: every fault with file, line and remedy", p.stderr)
    c.ok(version(w) == before, "and nothing is changed")
    file.write(("smtp", "hops_max", ""))
    w.gateway.send_signal(signal.SIGHUP)
    wait_for(lambda: "nothing is changed" in w.log("sekishod"), 5, "SIGHUP with a bad file is told")
    c.ok(version(w) == before and w.gateway.poll() is None, "SIGHUP with a bad file changes nothing")
    c.ok(send(w.signers["good.example"].sign(message("a@good.example", "after a bad file")))[0] == 250, "and mail goes on")
    file.write(("policy", "dmarc_reject", '"quarantine"'))
    w.gateway.send_signal(signal.SIGHUP)
    wait_for(lambda: version(w) == before + 1, 5, "SIGHUP reloads")
    c.ok(send(message("a@good.example", "mild"), source=FORGER)[0] == 250, "SIGHUP with a good file: its policy is in force")
    p = w.ctl("rollback", "--json")
    answer = json.loads(p.stdout or "{}")
    c.ok((answer.get("version"), answer.get("back_to")) == (before + 2, before), "rollback goes back, as a new version", p.stdout + p.stderr)
    c.ok(send(message("a@good.example", "stern"), source=FORGER)[0] == 550, "the policy before is in force again")


def while_mail_flows(c, w, file):
    """Forty reloads under a stream of mail: not a message is lost, and none is judged by half of something."""
    codes, stop = [], threading.Event()

    def stream(n):
        data = w.signers["good.example"].sign(message("a@good.example", f"stream {n}"))
        while not stop.is_set():
            codes.append(send(data)[0])
    threads = [threading.Thread(target=stream, args=(n,)) for n in range(2)]
    for t in threads:
        t.start()
    refused = 0
    for i in range(40):
        p = file.reload(("smtp", "hops_max", f"{30 + i}"), ("relay", "idle_s", f"{20 + i}"))
        refused += p.returncode != 0
        time.sleep(0.05)
    stop.set()
    for t in threads:
        t.join(30)
    c.ok(refused == 0, "forty reloads while mail flows", refused)
    c.ok(len(codes) > 20 and set(codes) == {250}, "every message is taken", (len(codes), set(codes)))
    kept = [session()]
    for i in range(9):
        p = file.reload(("smtp", "hops_max", f"{80 + i}"))
        if p.returncode:
            break
        kept.append(session())
    c.ok(p.returncode == 1 and "sessions still use too many earlier versions" in p.stderr,
         "versions that sessions keep are bounded: reload says so", p.stderr)
    for s in kept:
        s.quit()
    wait_for(lambda: w.ctl("reload").returncode == 0, 5, "and goes on when they have ended")


def another_server(c, w, file):
    """The next hop becomes another server, on another port and by TLS that is verified."""
    folder, before = w.path("other"), w.hop_text
    os.makedirs(folder)
    pem, key = certificate(w.folder, "store", ["store.inside.example"], ecdsa=True)
    w.spawn("other", sys.executable, os.path.join(os.path.dirname(__file__), "sink.py"), NEXT_HOP, folder, "good", "2525", pem, key)
    wait_for(lambda: port_open(NEXT_HOP, 2525), 5, "the other server listens")
    data = w.signers["good.example"].sign(message("a@good.example", "to another server"))
    with session() as s:
        s.mail("a@good.example")
        s.rcpt("user@inside.example")
        w.hop_text = f'{{ address = "{NEXT_HOP}"; port = 2525; tls = "require"; tls_ca_file = "{pem}"; tls_name = "store.inside.example"; }}'
        p = file.reload()
        c.ok(p.returncode == 0 and "next_hops" in json.loads(p.stdout)["changed"], "another next hop by reload", p.stdout + p.stderr)
        reply = s.data(data)
        c.ok(reply[0] == 451, "a message that was under way to the one before is the client's again", reply)
        s.mail("a@good.example")
        s.rcpt("user@inside.example")
        reply = s.data(data)
        c.ok(reply[0] == 250, "its second attempt is taken", reply)
    c.ok(send(data)[0] == 250 and len([name for name in os.listdir(folder) if name.endswith(".eml")]) == 2,
         "by the new one, as is the next message", os.listdir(folder))
    hop = json.loads(w.ctl("show", "nexthops", "--json").stdout)["next_hops"][0]
    c.ok((hop["port"], hop["tls"], hop["known_by"], hop["accepted"]) == (2525, "require", "ca", 2), "which show nexthops knows", hop)
    w.hop_text = before
    c.ok(file.reload().returncode == 0 and send(data)[0] == 250 and len(os.listdir(folder)) == 3, "and back")


def main():
    c = Checks()
    with World() as w:
        file = Reloads(w)
        for part in (good_files, bad_files, while_mail_flows, another_server):
            part(c, w, file)
    c.done()


main()
