# SPDX-License-Identifier: MIT
"""test_top.py - the live screen in a terminal of its own, looked at by tmux while mail flows"""
import os
import subprocess
import time

from traffic import send
from world import BIN, FORGER, Checks, World, message, wait_for


def main():
    c = Checks()
    with World() as w:
        tmux = ["tmux", "-S", w.path("tmux"), "-f", "/dev/null"]
        ctl = f"{os.path.join(BIN, 'sekishoctl')} --socket {w.path('control')} top"
        environment = dict(os.environ, TERM="screen", LC_ALL="C.UTF-8")
        good = w.signers["good.example"].sign(message("a@good.example", "good"))
        send(good)
        send(message("a@good.example", "forged"), source=FORGER)

        def screen():
            return subprocess.run(tmux + ["capture-pane", "-p", "-t", "top"], capture_output=True, text=True, check=False).stdout
        subprocess.run(tmux + ["new-session", "-d", "-s", "top", "-x", "110", "-y", "45", ctl + f"; echo ended $? > {w.path('status')}; sleep 5"],
                       check=True, env=environment)
        try:
            wait_for(lambda: "VERDICTS" in screen(), 10, "the screen is drawn")
            for _ in range(6):
                send(good)
                time.sleep(0.4)
            shown = screen()
            print("# " + shown.rstrip().replace("\n", "\n# "), flush=True)
            lines = {line.split()[0]: line for line in shown.splitlines() if line.split()}
            c.ok("mx.inside.example  running" in shown and "q ends" in shown, "who runs, and how to end")
            c.ok(float(lines["accepted"].split()[2]) >= 6 and float(lines["rejected"].split()[2]) == 1, "verdicts are counted",
                 lines["accepted"])
            c.ok("#" in lines["accepted"] and "%" in lines["accepted"], "with a bar")
            c.ok(any(block in lines["messages/s"] for block in "▁▂▃▄▅▆▇█"), "messages a second as a line of blocks", lines["messages/s"])
            c.ok(float(lines["whole"].split()[1]) > 0, "latency", lines["whole"])
            c.ok("limits.sessions_max" in lines and "jobs in a batch" in shown and "known here" in shown, "limits, crypto and DNS")
            subprocess.run(tmux + ["send-keys", "-t", "top", "q"], check=True)
            wait_for(lambda: os.path.exists(w.path("status")), 5, "q ends it")
            with open(w.path("status")) as f:
                c.ok(f.read() == "ended 0\n", "with 0")
        finally:
            subprocess.run(tmux + ["kill-server"], check=False)
        p = w.ctl("top")
        c.ok(p.returncode == 1 and "needs a terminal; " in p.stderr, "without a terminal it says so", p.stderr)
        p = w.ctl("show", "latency")
        c.ok(p.returncode == 0 and "median" in p.stdout and "crypto" in p.stdout, "show latency", p.stdout + p.stderr)
    c.done()


main()
