# SPDX-License-Identifier: MIT
"""try.py - leaves the gateway up and says how to send it a mail"""
import os
import time

from world import BIN, FORGER, GATEWAY, GOOD, World, message

with World() as w:
    with open(w.path("signed.eml"), "wb") as f:
        f.write(w.signers["good.example"].sign(message("a@good.example", "signed")))
    name = os.path.basename(os.popen("ip netns identify").read().strip()) or "NAMESPACE"
    into = f"ip netns exec {name}"
    print(f"""The gateway is up at {GATEWAY} port 25, in network namespace {name}.  From another terminal, as root:

  a signed mail, accepted:
    {into} swaks --server {GATEWAY} --local-interface {GOOD} --from a@good.example --to user@inside.example --data @{w.path('signed.eml')}
  a forged one, refused:
    {into} swaks --server {GATEWAY} --local-interface {FORGER} --from a@good.example --to user@inside.example
  what arrived:
    ls {w.maildir}
  what the gateway says:
    {BIN}/sekishoctl --socket {w.path('control')} status
    {BIN}/sekishoctl --socket {w.path('control')} trace

Ctrl-C ends it all.""", flush=True)
    try:
        while w.gateway.poll() is None:
            time.sleep(0.5)
    except KeyboardInterrupt:
        pass
