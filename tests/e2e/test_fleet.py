# SPDX-License-Identifier: MIT
"""test_fleet.py - two gateways, one PostgreSQL: one report with the sum of both, one index of what is held

     192.0.2.25     sk0 ── first gateway  ──┐
                                            ├── PostgreSQL on 127.0.0.1
     198.51.100.25  sk1 ── second gateway ──┘
"""
import email
import gzip
import json
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as xml

from traffic import send
from world import BIN, FORGER, GATEWAY, ROOT, Checks, World, message, port_open, run, wait_for

NS = "{urn:ietf:params:xml:ns:dmarc-2.0}"
SECOND, SECOND_FORGER, SECOND_HOP = "198.51.100.25", "198.51.100.66", "198.51.100.1"
ZONE = """rua.example. IN TXT "v=spf1 ip4:192.0.2.10 -all"
_dmarc.rua.example. IN TXT "v=DMARC1; p=reject; rua=mailto:own@rua.example"
"""


class Fleet(World):
    def __init__(self):
        super().__init__(next_hop="none", zone=ZONE)
        where = "host=localhost user=postgres dbname=postgres"
        self.sections = {"server": {"hostname": '"mx1.inside.example"'},
                         "report": {"store": f'"{self.path("reports.db")}"', "from": '"dmarc@inside.example"', "retry_s": "1"},
                         "quarantine": {"folder": f'"{self.path("held")}"'},
                         "fleet": {"database": f'"{where}"', "forward_s": "1"}}
        run("ip", "link", "set", "lo", "up")
        self.postgres("start")
        os.makedirs(self.path("sink"))

    def postgres(self, verb):
        run(os.path.join(ROOT, "tests/postgres"), verb, self.folder, timeout=60, env={**os.environ, "LISTEN": "127.0.0.1"})

    def start(self):
        super().start()
        with open(self.write_conf()) as f:
            conf = f.read()
        for first, second in (("mx1.", "mx2."), (self.path("control"), self.path("control2")), (self.path("records"), self.path("records2")),
                              (self.path("reports.db"), self.path("reports2.db")), (self.path("held"), self.path("held2")),
                              ("net_tap0,iface=sk0", "net_tap1,iface=sk1"), (GATEWAY, SECOND), ("192.0.2.1\"", SECOND_HOP + "\""),
                              ("2001:db8::25", "2001:db8:1::25")):
            conf = conf.replace(first, second)
        with open(self.path("second.conf"), "w") as f:
            f.write(conf)
        self.second = self.spawn("second", os.path.join(BIN, "sekishod"), "-c", self.path("second.conf"))
        wait_for(lambda: "ready" in self.log("second"), 30, "the second gateway is ready")
        for address in (SECOND_HOP, SECOND_FORGER):
            run("ip", "addr", "add", address + "/24", "dev", "sk1")
        run("ip", "link", "set", "sk1", "up")
        wait_for(lambda: port_open(SECOND, 25), 10, "it answers on port 25")
        self.spawn("sink", sys.executable, os.path.join(os.path.dirname(__file__), "sink.py"), "0.0.0.0", self.path("sink"), "good")
        wait_for(lambda: port_open(SECOND_HOP, 25), 5, "the sink listens")

    def show_logs(self):
        super().show_logs()
        print(self.log("second")[-2000:], file=sys.stderr)

    def ask(self, socket, *words):
        p = subprocess.run([os.path.join(BIN, "sekishoctl"), "--socket", self.path(socket), "--json", *words],
                           capture_output=True, text=True, check=False, timeout=30)
        return json.loads(p.stdout) if p.returncode == 0 else {"error": p.stderr}

    def messages(self, socket="control"):
        periods = self.ask(socket, "report", "list").get("periods", [])
        return sum(p["messages"] for p in periods if p["domain"] == "rua.example")

    def sent(self):
        found = []
        paths = [os.path.join(self.path("sink"), name) for name in os.listdir(self.path("sink"))]
        for path in sorted(paths, key=lambda p: os.stat(p).st_mtime_ns):
            with open(path, "rb") as f:
                data = f.read()
            if b"\r\nSubject: Report Domain:" in data:
                found.append(data)
        return found


def counts(data):
    for part in email.message_from_bytes(data).walk():
        if part.get_content_type() == "application/gzip":
            root = xml.fromstring(gzip.decompress(part.get_payload(decode=True)))
            return {r.findtext(f"{NS}row/{NS}source_ip"): int(r.findtext(f"{NS}row/{NS}count")) for r in root.iter(NS + "record")}
    return {}


def forge(n, server, source):
    return [send(message("a@rua.example", f"forged {i}"), server=server, source=source, sender="x@elsewhere.example")[0]
            for i in range(n)]


def one_report(c, w):
    c.ok(forge(3, GATEWAY, FORGER) + forge(2, SECOND, SECOND_FORGER) == [550] * 5, "forgeries are refused by both")
    wait_for(lambda: w.messages() == 5, 20, "the rows of both are in the database")
    c.ok(w.messages("control2") == 5, "both gateways see the sum")
    w.ask("control", "report", "send")
    w.ask("control2", "report", "send")
    wait_for(lambda: all(p["state"] == "done" for p in w.ask("control", "report", "list")["periods"]), 20, "reports are done")
    time.sleep(1.5)  # for a second one, should there be one
    sent = w.sent()
    c.ok(len(sent) == 1 and counts(sent[0]) == {FORGER: 3, SECOND_FORGER: 2}, "one report, the sum of both", list(map(counts, sent)))
    c.ok(b"Submitter: inside.example" in sent[0].replace(b"\r\n\t", b" "), "by the organisation, whichever gateway made it", sent[0][:800])


def one_index(c, w):
    code, text = send(message("boss@mild.example", "held"), sender="boss@mild.example", source=FORGER)
    c.ok(code == 250, "the first holds a spoof", text)
    rows = w.ask("control2", "quarantine", "list")["messages"]
    c.ok(len(rows) == 1 and rows[0]["gateway"] == "mx1.inside.example", "the second sees it, and where it lies", rows)
    answer = w.ask("control2", "quarantine", "release", rows[0]["id"])
    c.ok("mx1.inside.example" in answer.get("error", ""), "and says who releases it", answer)
    c.ok(w.ask("control", "quarantine", "release", rows[0]["id"]).get("already") is False and
         w.ask("control2", "quarantine", "list")["messages"][0]["state"] == "released", "the first does; both see that")


def without_database(c, w):
    w.postgres("kill")
    before = len(w.sent())
    began = time.monotonic()
    code, _ = send(w.signers["good.example"].sign(message("a@good.example", "honest")))
    c.ok(code == 250 and forge(4, GATEWAY, FORGER) == [550] * 4 and time.monotonic() - began < 10,
         "the database is away: mail passes and is refused as before")
    code, text = send(message("boss@mild.example", "cannot be held"), sender="boss@mild.example", source=FORGER)
    c.ok(code == 451, "what must be held is told to come again", (code, text))
    wait_for(lambda: w.ask("control", "report", "list")["messages_waiting"] == 4, 10, "rows wait in the file")
    answer = w.ask("control", "report", "list")
    c.ok(answer["database"] not in ("up", "file"), "report list says why", answer["database"])
    w.gateway.kill()
    w.gateway.wait()
    w.start_gateway()
    wait_for(lambda: port_open(GATEWAY, 25), 10, "the gateway answers on port 25")
    c.ok(w.ask("control", "report", "list")["messages_waiting"] == 4, "also after kill -9, and it starts without the database")
    w.postgres("start")
    forge(1, SECOND, SECOND_FORGER)
    wait_for(lambda: w.messages() == 10, 75, "the rows of both are in the database")
    w.ask("control2", "report", "send")
    wait_for(lambda: len(w.sent()) > before, 20, "a report is sent")
    c.ok(counts(w.sent()[-1]) == {FORGER: 4, SECOND_FORGER: 1}, "it is back: none of them is lost", list(map(counts, w.sent())))
    code, text = send(message("boss@mild.example", "held again"), sender="boss@mild.example", source=FORGER)
    c.ok(code == 250, "and spoofs are held again", (code, text))


def main():
    c = Checks()
    with Fleet() as w:
        try:
            one_report(c, w)
            one_index(c, w)
            without_database(c, w)
            c.ok(w.gateway.poll() is None and w.second.poll() is None, "both gateways are still up")
        finally:
            w.postgres("kill")
    c.done()


main()
