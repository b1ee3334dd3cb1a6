# SPDX-License-Identifier: MIT
"""test_crypto.py - signatures by an engine that works, fails, falls silent and comes back, while mail passes"""
import json
import os
import smtplib
import ssl
import threading

from traffic import send
from world import GATEWAY, GOOD, ROOT, Checks, World, certificate, certificates, message, wait_for

ENGINE = os.path.join(ROOT, "build/release/tests/engine/test_engine.so")
PROVIDER = os.path.join(ROOT, "build/release/tests/engine/test_provider.so")
SIGNATURES = 8  # of one message
MODES = ("ok", "error", "ok", "never", "ok", "flip", "late", "ok")
# How show crypto tells that a mode has come through, however slow the machine is.
SEEN = {"ok": lambda shown: shown["device"] == "works",
        "error": lambda shown: shown["device"] == "rests after faults",
        "never": lambda shown: shown["device"] == "rests after faults",
        "flip": lambda shown: shown["counters"]["crypto_device_confirmed"] > 0}


def crypto(w):
    return json.loads(w.ctl("--json", "show", "crypto").stdout)


class Traffic:
    """Messages of several signatures each, some forged, from three clients at once; they go on until told to end."""

    def __init__(self, w):
        self.accepted, self.wrong, self.n = [], [], 0
        self.lock, self.stop = threading.Lock(), False
        good = message("a@good.example", "signed")
        for _ in range(SIGNATURES):
            good = w.signers["good.example"].sign(good)
        # the author's domain is another one, whose signatures alone would align: forged, and refused by DMARC
        self.good, self.forged = good, good.replace(b"Two lines", b"Two LINES")
        self.threads = [threading.Thread(target=self.run, args=(i,)) for i in range(3)]

    def run(self, which):
        while not self.stop:
            with self.lock:
                self.n += 1
                name = f"m{self.n}"
                forged = self.n % 4 == 0
            data = self.forged if forged else self.good
            try:
                code, text = send(f"X-Name: {name}\r\n".encode() + data, sender="a@good.example" if not forged else "b@late.example",
                                  source=GOOD)
            except smtplib.SMTPException as e:
                code, text = 0, str(e)
            with self.lock:
                if not forged and code == 250:
                    self.accepted.append(name)
                elif forged and code == 250 or not forged:
                    self.wrong.append((name, forged, code, text))

    def count(self):
        with self.lock:
            return self.n


def handshakes(c, w):
    """STARTTLS with an RSA certificate, whose key is the engine's; the engine works."""
    lax = ssl._create_unverified_context()
    for _ in range(5):
        with smtplib.SMTP(GATEWAY, source_address=(GOOD, 0), timeout=20) as s:
            s.starttls(context=lax)
            s.ehlo()
    stats = json.loads(w.ctl("--json", "stats").stdout)["total"]
    c.ok(stats["tls_handshakes"] == 5 and stats["tls_engine_signatures"] == 5 and stats["tls_engine_faults"] == 0,
         "handshakes are signed by the engine", {k: v for k, v in stats.items() if k.startswith("tls_")})


def other_device(c, name, sections):
    with World(sections={"crypto": sections}) as w:
        good = message("a@good.example", "signed")
        for _ in range(SIGNATURES):
            good = w.signers["good.example"].sign(good)
        c.ok(send(good)[0] == 250, f"{name}: a signed message is accepted")
        shown = crypto(w)
        c.ok(shown["device"] == "works" and shown["counters"]["crypto_device_ops"] == SIGNATURES and
             shown["counters"]["crypto_device_errors"] == 0, f"{name}: the device verified it", shown)
        w.end(w.gateway, seconds=30)
        c.ok(w.gateway.returncode == 0, f"{name}: the gateway ends as it should", w.log("sekishod"))


def main():
    c = Checks()
    modes = os.path.join("/tmp", f"sekisho-engine-{os.getpid()}")

    def tell(mode):
        with open(modes + ".new", "w") as f:
            f.write(mode + "\n")
        os.rename(modes + ".new", modes)

    tell("ok")
    os.environ["SEKISHO_TEST_ENGINE"] = modes
    sections = {"crypto": {"backend": '"engine"', "engine": f'"{ENGINE}"', "device_timeout_ms": "50"}}
    w = World(sections=sections)
    w.sections["tls"] = {"certificates": certificates(certificate(w.folder, "mx", ["mx.inside.example"]))}
    with w:
        traffic = Traffic(w)
        for t in traffic.threads:
            t.start()
        states = []
        for mode in MODES:
            tell(mode)
            before = traffic.count()
            wait_for(lambda n=before: traffic.count() > n + 5, 60, f"mail while the engine does {mode}")
            wait_for(lambda m=mode: SEEN.get(m, lambda shown: True)(crypto(w)), 60, f"the gateway sees that the engine does {mode}")
            states.append(crypto(w)["device"])
        shown = crypto(w)
        wait_for(lambda: crypto(w)["device"] == "works" and crypto(w)["counters"]["crypto_device_closed"] > 0, 60,
                 "an engine that works again is used again")
        traffic.stop = True
        for t in traffic.threads:
            t.join()
        counters = crypto(w)["counters"]
        c.ok(not traffic.wrong, "whatever the engine does, each signed message is accepted and each forged one refused",
             traffic.wrong[:3])
        stored = b"".join(w.stored(len(traffic.accepted), seconds=60))
        lost = [name for name in traffic.accepted if f"X-Name: {name}\n".encode() not in stored]
        c.ok(not lost and len(traffic.accepted) > 20, "none of them is lost", lost[:5])
        c.ok(shown["mean_fill"] > 4, f"mean fill of {shown['mean_fill']}: the signatures of a message go as a batch", shown)
        c.ok(states[1] == states[3] == "rests after faults" and states[0] == "works", "show crypto tells how the engine is", states)
        c.ok(counters["crypto_device_ops"] > 50 and counters["crypto_device_opened"] >= 2 and
             counters["crypto_device_errors"] > 0 and counters["crypto_device_timeouts"] > 0 and
             counters["crypto_device_confirmed"] > 0, "and what it did", counters)
        handshakes(c, w)
        c.ok(sum(row["steps"] for row in shown["steps"]) > 0, "and how long its steps held the worker", shown["steps"])
        row = shown["classes"][2]
        c.ok(row["backend"] == "engine" and row["openssl_ns"] > 0 and row["device_ns"] > 0, "with what it costs", row)
        w.end(w.gateway, seconds=30)
        c.ok(w.gateway.returncode == 0, "the gateway ends as it should", w.log("sekishod"))
    os.unlink(modes)
    # DPDK's virtual device is made of OpenSSL
    other_device(c, "cryptodev", {"backend": '"cryptodev"', "device": '"crypto_openssl"'})
    other_device(c, "provider", {"backend": '"engine"', "engine": f'"provider:{PROVIDER}"'})
    c.done()


main()
