# SPDX-License-Identifier: MIT
"""test_strangers.py - greylisting over two workers, and over a restart"""
import copy
import json
import time

from traffic import send
from world import FORGER, Checks, World, message

RULES = '( { name = "grey"; action = "greylist"; } )'


def greylist(c):
    stranger = message("a@plain.example", "stranger")
    with World("veth", sections={"server": {"workers": "2"}, "policy": {"rules": RULES}, "greylist": {"delay_s": "1", "net_passes": "2"}}) as w:
        w.sections = copy.deepcopy(w.sections)
        w.sections["greylist"]["file"] = f'"{w.path("greylist")}"'
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


def main():
    c = Checks()
    greylist(c)
    c.done()


main()
