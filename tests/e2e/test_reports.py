# SPDX-License-Identifier: MIT
"""test_reports.py - aggregate reports: counts that add up, schema, signature, destinations, crashes (RFC 9990)"""
import email
import gzip
import json
import os
import random
import signal
import smtplib
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as xml

import authheaders
import dkim
import dns.resolver

from traffic import send
from world import BIN, FORGER, GATEWAY, GOOD, NEXT_HOP, ROOT, Checks, World, message, port_open, wait_for

NS = "{urn:ietf:params:xml:ns:dmarc-2.0}"
SCHEMA = os.path.join(ROOT, "tests/unit/report/rfc9990.xsd")
ZONE = """rua.example. IN TXT "v=spf1 ip4:192.0.2.10 -all"
_dmarc.rua.example. IN TXT "v=DMARC1; p=reject; rua=mailto:own@rua.example,mailto:agg@willing.example!10m,mailto:agg@unwilling.example"
rua.example._report._dmarc.willing.example. IN TXT "v=DMARC1"
ruf.example. IN TXT "v=spf1 ip4:192.0.2.10 -all"
_dmarc.ruf.example. IN TXT "v=DMARC1; p=reject; rua=mailto:own@ruf.example; ruf=mailto:fail@ruf.example,mailto:x@unwilling.example"
ruf-only.example. IN TXT "v=spf1 ip4:192.0.2.10 -all"
_dmarc.ruf-only.example. IN TXT "v=DMARC1; p=reject; ruf=mailto:fail@ruf-only.example"
*.many.example. IN TXT "v=spf1 ip4:192.0.2.10 -all"
_dmarc.many.example. IN TXT "v=DMARC1; p=reject; rua=mailto:own@many.example"
mild-rua.example. IN TXT "v=spf1 ip4:192.0.2.20 -all"
_dmarc.mild-rua.example. IN TXT "v=DMARC1; p=quarantine; rua=mailto:own@mild-rua.example"
mx.inside.example. IN TXT "v=spf1 a -all"
_dmarc.mx.inside.example. IN TXT "v=DMARC1; p=reject; rua=mailto:own@mx.inside.example"
"""


class Reports(World):
    """The gateway with reports, and a sink that takes whatever they are sent to."""

    def __init__(self, **settings):
        super().__init__(next_hop="none", zone=ZONE, sections={"relay": {"final_timeout_s": "5"}})
        key = self.path("report.pem")
        p = subprocess.run([os.path.join(BIN, "sekishoctl"), "--json", "report", "keygen", key, "r1", "mx.inside.example"],
                           capture_output=True, text=True, check=True)
        made = json.loads(p.stdout)
        self.record = made["record"]
        text = " ".join(f'"{self.record[i:i + 200]}"' for i in range(0, len(self.record), 200))
        self.zone_extra += f"{made['name']}. IN TXT {text}\n"
        self.sections["report"] = {"store": f'"{self.path("reports.db")}"', "key_file": f'"{key}"', "selector": '"r1"',
                                   "retry_s": "1", **settings}
        self.folder_sink = self.path("sink")
        os.makedirs(self.folder_sink)

    def sink(self, behaviour="good"):
        p = self.spawn("sink", sys.executable, os.path.join(os.path.dirname(__file__), "sink.py"), NEXT_HOP,
                       self.folder_sink, behaviour)
        wait_for(lambda: port_open(NEXT_HOP, 25), 5, "the sink listens")
        return p

    def restart(self):
        if self.gateway.poll() is None:
            self.gateway.send_signal(signal.SIGKILL)
        self.gateway.wait()
        self.start_gateway()
        wait_for(lambda: port_open(GATEWAY, 25), 10, "the gateway answers on port 25")

    def report(self, *words):
        p = self.ctl("--json", "report", *words)
        if p.returncode:
            raise RuntimeError(p.stderr)
        return json.loads(p.stdout)

    def periods(self, domain):
        return [p for p in self.report("list")["periods"] if p["domain"] == domain]

    def wait_messages(self, domain, n):
        """Rows go by a ledger and a thread of its own."""
        wait_for(lambda: sum(p["messages"] for p in self.periods(domain)) >= n, 5, f"{n} messages of {domain} are counted")

    def wait_done(self, domain):
        wait_for(lambda: all(p["state"] == "done" for p in self.periods(domain)), 20, f"reports on {domain} are done")

    def sent(self):
        return [data for data in self.stored_by_sink() if b"\r\nSubject: Report Domain:" in data]

    def stored_by_sink(self):
        """Oldest first: each sink names its own by its pid."""
        found = []
        paths = [os.path.join(self.folder_sink, name) for name in os.listdir(self.folder_sink)]
        for path in sorted(paths, key=lambda p: os.stat(p).st_mtime_ns):
            if path.endswith(".eml"):
                with open(path, "rb") as f:
                    found.append(f.read())
        return found


def feedback(data):
    """File name and XML of a report mail."""
    for part in email.message_from_bytes(data).walk():
        if part.get_content_type() == "application/gzip":
            return part.get_filename(), gzip.decompress(part.get_payload(decode=True))
    return None, b""


def counts(data):
    root = xml.fromstring(feedback(data)[1])
    return {(r.findtext(f"{NS}row/{NS}source_ip"), r.findtext(f"{NS}row/{NS}policy_evaluated/{NS}disposition")):
            int(r.findtext(f"{NS}row/{NS}count")) for r in root.iter(NS + "record")}


def recipient(data):
    return email.message_from_bytes(data)["To"]


def sending(c, w):
    for i in range(3):
        send(message("a@rua.example", f"honest {i}"), sender="a@rua.example")
    for i in range(2):
        code, _ = send(message("a@rua.example", f"forged {i}"), sender="x@elsewhere.example", source=FORGER)
    c.ok(code == 550, "a forgery is refused")
    send(message("boss@mild-rua.example", "spoof"), sender="boss@mild-rua.example", source=FORGER)
    send(w.signers["good.example"].sign(message("a@good.example", "no rua")))
    w.wait_messages("rua.example", 5)
    w.wait_messages("mild-rua.example", 1)
    c.ok(not w.periods("good.example"), "of a domain that asks for no reports none are kept")
    p = w.ctl("report", "preview", "rua.example")
    c.ok(p.returncode == 0 and "<count>3</count>" in p.stdout, "report preview shows what would be sent", p.stdout + p.stderr)
    shown = w.report("show", "rua.example")
    c.ok(sorted(r["count"] for r in shown["record"]) == [2, 3], "report show has the rows", shown)
    c.ok(w.report("send")["due"] == 2, "report send ends both periods")
    w.wait_done("rua.example")
    w.wait_done("mild-rua.example")
    sent = w.sent()
    c.ok(sorted(map(recipient, sent)) == ["agg@willing.example", "own@mild-rua.example", "own@rua.example"],
         "reports go to the domain's own addresses and to the host that agreed, and to no other", list(map(recipient, sent)))
    c.ok(all(counts(m) == {(GOOD, "pass"): 3, (FORGER, "reject"): 2} for m in sent if "mild" not in recipient(m)),
         "the counts add up exactly", list(map(counts, sent)))
    c.ok(counts([m for m in sent if "mild" in recipient(m)][0]) == {(FORGER, "quarantine"): 1}, "a report for each domain")
    for m in sent:
        name, data = feedback(m)
        with open(w.path("report.xml"), "wb") as f:
            f.write(data)
        p = subprocess.run(["xmllint", "--noout", "--schema", SCHEMA, w.path("report.xml")], capture_output=True, text=True,
                           check=False)
        c.ok(p.returncode == 0, f"to {recipient(m)}: valid by the schema of RFC 9990", p.stderr)
        root = xml.fromstring(data)
        parts = name.split("!")
        c.ok(len(parts) == 5 and parts[0] == "mx.inside.example" and parts[1] == root.findtext(f"{NS}policy_published/{NS}domain")
             and name.endswith(".xml.gz"), "its file name is receiver!domain!begin!end!id.xml.gz", name)
        c.ok(dkim.verify(m, dnsfunc=lambda name, timeout=5: w.record.encode() if name.startswith(b"r1._domainkey.mx.inside.example")
                         else b""), "its signature verifies", m[:2000])
    return sent


def verified(c, w, report):
    """By our own verifier, and by another: authheaders, with pyspf and dkimpy behind it."""
    with open(w.path("sent.eml"), "wb") as f:
        f.write(report)
    p = subprocess.run([os.path.join(BIN, "sekisho-check"), "--json", "--ip", GATEWAY, "--helo", "mx.inside.example", "--mail-from",
                        "dmarc-reports@mx.inside.example", "--resolver", "127.0.0.1@5353", w.path("sent.eml")],
                       capture_output=True, text=True, check=False, timeout=20)
    ours = json.loads(p.stdout) if p.returncode == 0 else {"error": p.stderr}
    c.ok(ours.get("spf", {}).get("result") == "pass" and [d["result"] for d in ours["dkim"]] == ["pass"] and
         ours["dmarc"]["result"] == "pass" and ours["dmarc"]["spf_aligned"] and ours["dmarc"]["dkim_aligned"],
         "our own verifier: SPF, DKIM and DMARC pass", ours)
    nsd = dns.resolver.Resolver(configure=False)
    nsd.nameservers, nsd.port = ["127.0.0.1"], 5353
    dns.resolver.default_resolver = nsd
    theirs = authheaders.authenticate_message(report, "test", spf=True, ip=GATEWAY, mail_from="dmarc-reports@mx.inside.example",
                                              helo="mx.inside.example")
    c.ok(all(word in theirs for word in ("spf=pass", "dkim=pass", "dmarc=pass")), "and so by authheaders", theirs)


def loop_guard(c, w, sent):
    """A report that comes back: it passes, by our own signature, and must not be reported on."""
    code, text = send(sent[0], sender="dmarc-reports@mx.inside.example")
    c.ok(code == 250, "a report that comes back passes", text)
    code, text = send(message("a@mx.inside.example", "Report Domain: x Submitter: y"), sender="a@mx.inside.example", source=FORGER)
    c.ok(code == 550, "a forgery with a report's subject is refused", text)
    w.wait_messages("mx.inside.example", 1)
    time.sleep(0.5)
    c.ok(sum(p["messages"] for p in w.periods("mx.inside.example")) == 1,
         "no report tells of a report; but of a forgery that looks like one", w.periods("mx.inside.example"))


def failures(c):
    """Failure reports (RFC 9991), which a setting allows: redacted, signed, no more than so many, and none about a bounce."""
    with Reports(failures="true", failures_per_hour="2") as w:
        w.sink()
        send(message("a@ruf.example", "honest"), sender="a@ruf.example")
        send(message("a@ruf.example", "bounce"), sender="", source=FORGER)
        for i in range(4):
            send(message("boss.name@ruf.example", f"forged {i}"), sender="x.name@elsewhere.example", source=FORGER)
        send(message("a@ruf-only.example", "forged"), sender="x@elsewhere.example", source=FORGER)

        def mails():
            return [m for m in w.stored_by_sink() if b"\r\nSubject: DMARC failure report" in m]
        wait_for(lambda: b"To: fail@ruf-only.example" in b"".join(mails()), 10, "failure reports arrive")
        got = [m for m in mails() if recipient(m) != "fail@ruf-only.example"]
        c.ok(len(mails()) == len(got) + 1 and not w.periods("ruf-only.example"),
             "a domain that names ruf and no rua gets failure reports, and no others", w.report("list"))
        c.ok([recipient(m) for m in got] == ["fail@ruf.example"] * 2, "failure reports: to the domain's own address, as many as may be", got)
        parts = email.message_from_bytes(got[0])
        kinds = [p.get_content_type() for p in parts.walk()]
        c.ok(kinds[0] == "multipart/report" and "message/feedback-report" in kinds and "text/rfc822-headers" in kinds,
             "each is a feedback report", kinds)
        c.ok(b"Source-IP: 192.0.2.66" in got[0] and b"Reported-Domain: ruf.example" in got[0] and b"boss.name" not in got[0] and
             b"x.name" not in got[0] and b"Subject: forged" not in got[0], "with results, and nothing of a person", got[0])
        c.ok(dkim.verify(got[0], dnsfunc=lambda name, timeout=5: w.record.encode()), "and a signature that verifies", got[0])
        listed = w.report("list")
        c.ok(listed["failure_reports_sent"] == 3 and listed["failure_reports_limited"] == 2, "the others are counted", listed)


def dead_address(c, w, sink):
    w.end(sink)
    sink = w.sink("rcpt:5xx")
    send(message("boss@mild-rua.example", "spoof"), sender="boss@mild-rua.example", source=FORGER)
    w.wait_messages("mild-rua.example", 2)
    w.report("send", "mild-rua.example")
    w.wait_done("mild-rua.example")
    dead = w.report("suppressed")["suppressed"]
    c.ok([d["address"] for d in dead] == ["own@mild-rua.example"], "an address that refuses is suppressed", dead)
    w.end(sink)
    sink = w.sink()
    before = len(w.sent())
    send(message("boss@mild-rua.example", "spoof"), sender="boss@mild-rua.example", source=FORGER)
    w.wait_messages("mild-rua.example", 3)
    w.report("send", "mild-rua.example")
    w.wait_done("mild-rua.example")
    c.ok(len(w.sent()) == before and w.periods("mild-rua.example")[0]["note"] == "every address is suppressed",
         "and is not written to again", w.periods("mild-rua.example")[0])
    c.ok(w.ctl("report", "unsuppress", "own@mild-rua.example").returncode == 0 and not w.report("suppressed")["suppressed"],
         "until the operator says so")
    return sink


def killed(c, w, sink):
    """kill -9 while reports are built and sent: none is lost, and one that comes twice is known by its Message-ID."""
    w.end(sink)
    sink = w.sink("dot:hang")
    send(message("a@rua.example", "before the crash"), sender="x@elsewhere.example", source=FORGER)
    w.wait_messages("rua.example", 6)
    before = len(w.sent())
    w.report("send", "rua.example")
    wait_for(lambda: any(d["state"] == "sending" for d in w.report("show", "rua.example")["deliveries"]), 10, "a report is on its way")
    w.end(sink, signal.SIGKILL)
    w.gateway.kill()
    w.gateway.wait()
    w.restart()  # the port, and with it the sink's address, is gone until then
    sink = w.sink()
    w.wait_done("rua.example")
    sent = w.sent()[before:]
    c.ok(sorted(map(recipient, sent)) == ["agg@willing.example", "own@rua.example"],
         "killed before the final dot was answered: each is sent once after the restart", list(map(recipient, sent)))

    before, rng, expected = len(w.sent()), random.Random(9), set()
    for i in range(5):
        send(message("a@rua.example", f"round {i}"), sender="x@elsewhere.example", source=FORGER)
        w.wait_messages("rua.example", 7 + i)
        w.report("send", "rua.example")
        time.sleep(rng.random() * 0.03)
        w.restart()
    w.wait_done("rua.example")
    expected = {p["id"] for p in w.periods("rua.example")}
    sent = w.sent()[before:]
    ids = [email.message_from_bytes(m)["Message-ID"] for m in sent]
    reports = {(recipient(m), xml.fromstring(feedback(m)[1]).findtext(f"{NS}report_metadata/{NS}report_id")) for m in sent}
    c.ok(len(reports) == 2 * 5 and len(set(ids)) == 10, "killed at random five times: ten reports, none is missing", ids)
    c.ok(all(ids.count(i) <= 2 for i in ids) and len(expected) == 7, "one that was on its way comes at most once more", ids)
    print(f"# killed at random: {len(ids) - len(set(ids))} of 10 came twice, under the same Message-ID")
    total = sum(n for m in {email.message_from_bytes(m)["Message-ID"]: m for m in w.sent()}.values()
                if recipient(m) == "own@rua.example" for n in counts(m).values())
    c.ok(total == 11, "all reports together count every message once", total)
    return sink


class Crowd:
    """Clients that send without a pause, each message of a domain of its own and only once."""

    def __init__(self, n):
        self.replies, self.unsure, self.stop, self.lock = {}, set(), threading.Event(), threading.Lock()
        self.threads = [threading.Thread(target=self.client, args=(i,)) for i in range(n)]
        for t in self.threads:
            t.start()

    def client(self, i):
        n = 0
        while not self.stop.is_set():
            n += 1
            name = f"m{i}-{n}.many.example"
            try:
                with smtplib.SMTP(GATEWAY, 25, local_hostname="mail.good.example", timeout=2,
                                  source_address=(FORGER if n % 2 else GOOD, 0)) as s:
                    s.ehlo()
                    s.mail(f"a@{name}")
                    s.rcpt("user@inside.example")
                    code = s.data(message(f"a@{name}", name))[0]
            except (OSError, smtplib.SMTPException):
                code = None
                time.sleep(0.05)
            with self.lock:
                if code:
                    self.replies[name] = code
                else:
                    self.unsure.add(name)

    def end(self):
        self.stop.set()
        for t in self.threads:
            t.join(30)


def killed_under_traffic(c, w, sink):
    """kill -9 at any moment: each verdict that a client heard is in the report, once."""
    rng, crowd = random.Random(8), Crowd(6)
    for _ in range(4):
        before = len(crowd.replies)
        wait_for(lambda: len(crowd.replies) >= before + 30, 20, "clients get replies")
        time.sleep(rng.random() * 0.5)
        w.end(sink, signal.SIGKILL)
        w.restart()
        sink = w.sink()
    crowd.end()
    final = [name for name, code in crowd.replies.items() if code in (250, 550)]
    wait_for(lambda: sum(p["messages"] for p in w.periods("many.example")) >= len(final), 5, "rows are counted")
    root = xml.fromstring(w.ctl("report", "preview", "many.example").stdout)
    rows = {}
    for r in root.iter(NS + "record"):
        name = r.findtext(f"{NS}identifiers/{NS}header_from")
        rows[name] = rows.get(name, 0) + int(r.findtext(f"{NS}row/{NS}count"))
    lost = [name for name in final if name not in rows]
    c.ok(len(final) > 150 and {250, 550} <= set(crowd.replies.values()) and not lost,
         f"killed four times under traffic: of {len(final)} verdicts that clients heard none is missing", lost)
    c.ok(all(n == 1 for n in rows.values()), "none is counted twice", [r for r in rows.items() if r[1] > 1])
    c.ok(set(rows) - set(final) <= crowd.unsure, "and the rest are verdicts whose clients were cut off before they heard them",
         set(rows) - set(final) - crowd.unsure)
    print(f"# {len(final)} verdicts heard, {len(rows)} rows, {len(crowd.unsure)} messages without a reply")
    return sink


def main():
    c = Checks()
    with Reports() as w:
        sink = w.sink()
        sent = sending(c, w)
        verified(c, w, sent[0])
        loop_guard(c, w, sent)
        sink = dead_address(c, w, sink)
        sink = killed(c, w, sink)
        killed_under_traffic(c, w, sink)
        c.ok(w.gateway.poll() is None, "the gateway is still up")
    failures(c)
    c.done()


main()
