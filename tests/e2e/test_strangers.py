# SPDX-License-Identifier: MIT
"""test_strangers.py - greylisting over two workers and a restart; lists in DNS, limits by domain, early talk, a door that is shut"""
import copy
import json
import os
import signal
import smtplib
import socket
import time

from traffic import send
from world import FORGER, GATEWAY, GOOD, MILD, Checks, World, message, wait_for

RULES = '( { name = "grey"; action = "greylist"; } )'


def greylist(c):
    stranger = message("a@plain.example", "stranger")
    with World("veth", sections={"server": {"workers": "2"}, "policy": {"rules": RULES}, "greylist": {"delay_s": "1", "net_passes": "2"}}) as w:
        w.sections = copy.deepcopy(w.sections)
        w.sections["greylist"]["file"] = f'"{w.path("greylist")}"'
        w.sections["dns"] = {"snapshot_file": f'"{w.path("answers")}"'}
        w.sections["server"]["save_s"] = "1"
        w.end(w.gateway)
        w.start_gateway()

        def sent(source=FORGER, to="user@inside.example"):
            return send(stranger, source=source, sender="a@plain.example", to=(to,))

        def shown():
            return json.loads(w.ctl("show", "greylist", "--json").stdout)
        codes = [sent()[0] for _ in range(4)]
        c.ok(codes == [451] * 4, "greylist: a stranger is deferred, by whichever worker", codes)
        code, text = sent()
        c.ok(text.startswith(b"4.7.1 ") and b"greylisted" in text, "greylist: and told so", (code, text))
        c.ok(shown()["waiting"] == 1, "greylist: one place for all his attempts, as the table is shared", shown())
        time.sleep(1.2)
        codes = [sent()[0] for _ in range(4)]
        c.ok(codes == [250] * 4, "greylist: after the delay he passes, by whichever worker", codes)
        c.ok(send(w.signers["good.example"].sign(message("a@good.example", "good")))[0] == 250,
             "greylist: mail that authenticates does not wait")
        c.ok(sent(to="second@inside.example")[0] == 451, "greylist: another recipient is another triplet")
        time.sleep(1.2)
        c.ok(sent(to="second@inside.example")[0] == 250, "greylist: who comes again passes")
        s = shown()
        c.ok((s["passed"], s["nets"], s["nets_allowed"]) == (2, 1, 1) and s["counters"]["shard_greylist_waits"] == 6,
             "show greylist tells all", s)
        w.end(w.gateway)
        w.start_gateway()
        c.ok(shown()["passed"] == 2 and sent()[0] == 250, "greylist: a restart forgets nobody", shown())
        c.ok("nets_allowed  1" in w.ctl("show", "greylist").stdout,
             "show greylist, for people", w.ctl("show", "greylist").stdout)
        warm_start(c, w, shown)


def warm_start(c, w, shown):
    """After a crash, with no DNS server left."""
    def known():
        return json.loads(w.ctl("dns", "lookup", "good.example", "TXT", "--json").stdout)
    before = known()
    killed = time.time()
    wait_for(lambda: os.path.getmtime(w.path("answers")) > killed + 1, 10, "answers are written while the gateway runs")
    w.end(w.gateway, signal.SIGKILL)
    w.stop_dns()
    w.start_gateway()
    after = known()
    c.ok(before["rcode"] == "NOERROR" and after["records"] == before["records"] and after["ttl_s"] <= before["ttl_s"],
         "warm start: what DNS said before a crash is known after it", (before, after))
    c.ok("answers of DNS are known from" in w.log("sekishod"), "warm start: and told", w.log("sekishod"))
    c.ok(shown()["passed"] == 2, "greylist: a crash forgets nobody who was there at the last save", shown())
    w.end(w.gateway)
    with open(w.path("answers"), "ab") as f:
        f.write(b"x")
    w.start_gateway()
    c.ok("is damaged or was not written to its end; the cache begins empty" in w.log("sekishod"),
         "warm start: a damaged file is told of, and nothing else")
    c.ok(known()["rcode"] in ("SERVFAIL", "TIMEOUT"), "warm start: nothing of it is believed", known())


LISTS = """2.0.0.127.bl.example. IN A 127.0.0.2
66.2.0.192.bl.example. IN A 127.0.0.2
*.all.example. IN A 127.0.0.2
"""


def first_line(source, early=b""):
    with socket.create_connection((GATEWAY, 25), 10, (source, 0)) as s:
        begun = time.monotonic()
        s.sendall(early)
        line = s.makefile("rb").readline()
        return line, time.monotonic() - begun


def door(c):
    sections = {"dnsbl": {"lists": '( { zone = "bl.example"; weight = 5; }, { zone = "all.example"; weight = 9; } )', "test_s": "1"},
                "policy": {"rules": '( { name = "listed"; when : { dnsbl_min = 5; }; action = "reject"; } )'},
                "rates": {"sender_max": "2"}, "lists": {"at_connect": "true"}, "smtp": {"greet_delay_ms": "500"}}
    with World(sections=sections, zone=LISTS) as w:
        def state():
            return {x["zone"]: (x["state"], x["suspended"]) for x in json.loads(w.ctl("show", "dnsbl", "--json").stdout)["lists"]}
        good = w.signers["good.example"].sign(message("a@good.example", "good"))
        wait_for(lambda: state()["all.example"][1], 5, "the lists are tested")
        c.ok(state() == {"bl.example": ("works", False), "all.example": ("lists everything", True)}, "dnsbl: each list is tested", state())
        c.ok("dnsbl: all.example lists everything: it is not asked" in w.log("sekishod"), "dnsbl: a list that is suspended is told")
        c.ok("lists everything" in w.ctl("show", "dnsbl").stdout, "show dnsbl, for people", w.ctl("show", "dnsbl").stdout)
        code, text = send(message("a@plain.example", "listed"), source=FORGER, sender="a@plain.example")
        c.ok((code, text) == (550, b"5.7.1 Your address 192.0.2.66 is listed by bl.example"), "dnsbl: a client that is listed", (code, text))
        c.ok(send(good)[0] == 250, "dnsbl: one that is not, but by the suspended list")
        send(good)
        with smtplib.SMTP(GATEWAY, 25, timeout=30, source_address=(GOOD, 0)) as s:
            s.ehlo()
            code, text = s.mail("a@good.example")
        c.ok(code == 450 and "shard_rate_sender" in w.ctl("stats").stdout, "rates: the third message of a domain in a minute",
             (code, text))
        line, took = first_line(MILD)
        c.ok(line.startswith(b"220 ") and took > 0.4, "greet delay: the greeting waits", (line, took))
        line, took = first_line(MILD, b"EHLO early.example\r\n")
        c.ok(line.startswith(b"554 5.5.1 ") and took < 0.4, "early talk: who talks before it is refused at once", (line, took))
        w.ctl("allow", "add", MILD)
        line, took = first_line(MILD)
        c.ok(line.startswith(b"220 ") and took < 0.4, "greet delay: not for the allow list", (line, took))
        w.ctl("allow", "del", MILD)
        w.ctl("deny", "add", MILD)
        try:
            line, took = first_line(MILD)
        except ConnectionError:
            line = b""
        c.ok(line == b"", "lists.at_connect: who is denied is reset", line)


def main():
    c = Checks()
    greylist(c)
    door(c)
    c.done()


main()
