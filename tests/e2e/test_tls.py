# SPDX-License-Identifier: MIT
"""test_tls.py - STARTTLS with the programs that people have, on both sides, and with peers that do it wrong"""
import json
import os
import signal
import smtplib
import socket
import ssl
import subprocess
import time

from traffic import verify
from world import GATEWAY, GOOD, MILD, NEXT_HOP, Checks, World, certificate, certificates, message, port_open, run, wait_for


def with_certificates(w, **tls):
    rsa = certificate(w.folder, "rsa", ["mx.inside.example"])
    ecdsa = certificate(w.folder, "ecdsa", ["mx.inside.example"], ecdsa=True)
    other = certificate(w.folder, "other", ["mx.other.example"], ecdsa=True)
    w.sections["tls"] = {"certificates": certificates(rsa, ecdsa, other), **tls}


def lax():
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def session(source=GOOD):
    return smtplib.SMTP(GATEWAY, 25, local_hostname="mail.good.example", timeout=30, source_address=(source, 0))


def s_client(*arguments, text=b"quit\r\n"):  # capital Q and R at the beginning of a line are s_client's own
    p = subprocess.run(["openssl", "s_client", "-starttls", "smtp", "-connect", f"{GATEWAY}:25", "-bind", f"{GOOD}:0", "-ign_eof", *arguments],
                       input=text, capture_output=True, check=False, timeout=30)
    return p.stdout.decode(errors="replace") + p.stderr.decode(errors="replace")


def stat(w, name):
    return json.loads(w.ctl("stats", "--json").stdout)["total"][name]


# --- what works


def clients(c, w):
    for n, (what, arguments) in enumerate((("TLS 1.3", ["-tls1_3"]), ("TLS 1.2", ["-tls1_2"])), 1):
        out = s_client(*arguments)
        c.ok(f"New, {['', 'TLSv1.3', 'TLSv1.2'][n]}, Cipher is" in out and "221 2.0.0" in out, f"openssl s_client by {what}", out[-2000:])
    c.ok("New, (NONE)" in s_client("-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0"), "not by TLS 1.1")
    c.ok("CN = ecdsa" in s_client("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"), "ECDSA for who has it")
    c.ok("CN = rsa" in s_client("-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"), "RSA for who has not")
    c.ok("CN = other" in s_client("-servername", "mx.other.example"), "by SNI the certificate of the name asked for")
    out = s_client("-tls1_2", text=b"R\nquit\r\n")
    c.ok("renegotiation" in out.lower() and stat(w, "tls_handshakes") >= 5, "renegotiation is refused", out[-600:])
    name = w.path("message.eml")
    data = w.signers["good.example"].sign(message("a@good.example", "by swaks"))
    with open(name, "wb") as f:
        f.write(data)
    p = subprocess.run(["swaks", "--tls", "--server", GATEWAY, "--local-interface", GOOD, "--from", "a@good.example", "--to",
                        "user@inside.example", "--helo", "mail.good.example", "--data", "@" + name], capture_output=True,
                       text=True, errors="replace", check=False, timeout=60)
    c.ok(p.returncode == 0 and "TLS started" in p.stdout, "swaks --tls", p.stdout[-2000:])
    p = subprocess.run(["curl", "-sS", "--ssl-reqd", "-k", "--interface", GOOD, f"smtp://{GATEWAY}/mail.good.example", "--mail-from",
                        "a@good.example", "--mail-rcpt", "user@inside.example", "-T", name], capture_output=True, text=True,
                       check=False, timeout=60)
    c.ok(p.returncode == 0, "curl --ssl-reqd", p.stderr)
    with session() as s:
        s.starttls(context=lax())
        code = s.sendmail("a@good.example", ["user@inside.example"], data)
        c.ok(code == {}, "smtplib", code)
        rows = json.loads(w.ctl("show", "sessions", "--json").stdout)["sessions"]
        c.ok(any(r["tls"].startswith("TLSv1.3 TLS_") for r in rows), "show sessions has it", rows)
    stored = w.stored(3)
    c.ok(all(b"with ESMTPS id" in m and b"\ttls TLS_AES" in m and verify(w.signers, m) for m in stored),
         "all three are stored with ESMTPS and the suite in Received, and verify", stored[-1][:1500])
    with open(w.path("records")) as f:
        c.ok(all(json.loads(line)["tls"].startswith("TLSv1.") for line in f), "and in the records")


def large(c, w):
    data = w.signers["good.example"].sign(message("a@good.example", "large", "A line of a large message.\r\n" * 400000))
    with session() as s:
        s.starttls(context=lax())
        s.sendmail("a@good.example", ["user@inside.example"], data)
    stored = w.stored(4, 30)[-1]
    c.ok(stored.replace(b"\r\n", b"\n").endswith(data.replace(b"\r\n", b"\n")[-20000:]) and len(stored) > 10 << 20,
         "11 MB through TLS", len(stored))


def resumption(c, w):
    for version in ("-tls1_2", "-tls1_3"):
        before = stat(w, "tls_resumed")
        kept = w.path("session" + version)
        # Tickets of TLS 1.3 come behind the handshake: something must be read for them.
        p = subprocess.Popen(["openssl", "s_client", "-starttls", "smtp", "-connect", f"{GATEWAY}:25", version, "-sess_out", kept],
                             stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.5)
        p.communicate(b"QUIT\r\n", timeout=20)
        out = s_client(version, "-sess_in", kept)
        c.ok("Reused, TLS" in out and stat(w, "tls_resumed") == before + 1, f"a session is resumed by its ticket ({version})", out[-800:])
    p = subprocess.run(["posttls-finger", "-c", "-l", "encrypt", "-r", "1", "-o", "smtp_bind_address=" + GOOD, f"[{GATEWAY}]"],
                       capture_output=True, text=True, check=False, timeout=60)
    c.ok("TLS connection established" in p.stdout + p.stderr, "Postfix's client, with a reconnection", p.stdout + p.stderr)


def renewal(c, w):
    with session() as before:
        before.starttls(context=lax())
        before.ehlo()
        fresh = certificate(w.folder, "fresh", ["mx.inside.example"], ecdsa=True)
        for a, b in zip(fresh, ("ecdsa.pem", "ecdsa.key")):
            os.replace(a, w.path(b))
        os.kill(w.gateway.pid, signal.SIGHUP)
        wait_for(lambda: "CN = fresh" in s_client(), 10, "the renewed certificate is shown")
        c.ok(True, "a renewed certificate is shown after SIGHUP")
        c.ok(before.noop()[0] == 250, "and a session of before goes on")
        os.replace(w.path("rsa.key"), w.path("rsa.saved"))
        run("openssl", "genrsa", "-out", w.path("rsa.key"), "2048")
        p = w.ctl("reload")
        c.ok(p.returncode != 0 and "tls.certificates.[0].key does not belong to the certificate" in p.stdout + p.stderr,
             "a key that does not belong is refused by reload", p.stdout + p.stderr)
        os.replace(w.path("rsa.saved"), w.path("rsa.key"))
        c.ok("CN = fresh" in s_client() and before.noop()[0] == 250, "and nothing has changed")


# --- what is wrong on purpose


class Raw:
    """A client that says what it likes."""

    def __init__(self, source=MILD, starttls=True):
        self.s = socket.create_connection((GATEWAY, 25), 10, source_address=(source, 0))
        self.f = self.s.makefile("rb")
        self.reply()
        self.say(b"EHLO x.example\r\n")
        self.offered = b"STARTTLS" in self.reply()
        if starttls:
            self.say(b"STARTTLS\r\n")
            self.reply()

    def say(self, octets):
        self.s.sendall(octets)

    def reply(self):
        out = b""
        while True:
            line = self.f.readline()
            out += line
            if len(line) < 4 or line[3:4] != b"-":
                return out

    def rest(self):
        """All until the end."""
        try:
            return self.f.read()
        except (ConnectionError, socket.timeout) as e:
            return repr(e).encode()


def hostile(c, w):
    r = Raw(starttls=False)
    r.say(b"STARTTLS\r\nEHLO evil.example\r\nMAIL FROM:<a@mild.example>\r\nRSET\r\n")
    c.ok(r.reply().startswith(b"220 "), "commands behind STARTTLS: one reply")
    tls = lax().wrap_socket(r.s)
    tls.sendall(b"RCPT TO:<user@inside.example>\r\n")
    c.ok(tls.recv(1000).startswith(b"503 5.5.1"), "and nothing of them is left behind the handshake")
    tls.sendall(b"STARTTLS\r\n")
    c.ok(tls.recv(1000).startswith(b"503"), "STARTTLS twice: 503")
    tls.close()
    c.ok(stat(w, "smtp_starttls_injected") == 1, "counted")
    r = Raw(starttls=False)
    r.say(b"MAIL FROM:<a@mild.example>\r\nSTARTTLS\r\n")
    c.ok(r.reply().startswith(b"250") and r.reply().startswith(b"503"), "STARTTLS in a transaction: 503")
    r.s.close()
    hello = s_hello()
    for name, octets in (("half a ClientHello, then FIN", hello[:100]), ("nothing, then FIN", b"")):
        r = Raw()
        r.say(octets)
        r.s.shutdown(socket.SHUT_WR)
        c.ok(r.rest() == b"", name + ": the end")
    for name, octets in (("EHLO in place of a ClientHello", b"EHLO x.example\r\n"), ("a record beyond any length", b"\x16\x03\x01\xff\xff" + b"x" * 70000),
                         ("application data first", b"\x17\x03\x03\x00\x10" + b"x" * 16), ("a ClientHello with octets of noise", hello[:60] + os.urandom(len(hello) - 60))):
        r = Raw()
        try:
            r.say(octets)
        except ConnectionError:
            pass
        answer = r.rest()
        c.ok(len(answer) < 4096 and not answer[:1].isdigit(), name + ": an alert at most, and the end", answer[:100])
    silent, half = Raw(), Raw()
    half.say(hello[:20])
    start = time.monotonic()
    c.ok(silent.rest() == b"" and half.rest() == b"" and time.monotonic() - start < 8, "no handshake in time: the end",
         time.monotonic() - start)
    c.ok(stat(w, "tls_handshake_timeouts") == 2 and stat(w, "tls_handshakes_failed") >= 8, "all counted", w.ctl("stats").stdout[-2000:])
    wait_for(lambda: stat(w, "tls_connections") == 0, 10, "no TLS connection is left")
    c.ok(stat(w, "tls_octets") < 1 << 20, "and no memory", stat(w, "tls_octets"))


def s_hello():
    """A ClientHello."""
    out = ssl.MemoryBIO()
    s = lax().wrap_bio(ssl.MemoryBIO(), out)
    try:
        s.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read()


def refusals(c):
    """An address that fails is not offered it again; one that must use it is."""
    w = World(next_hop=None)
    with_certificates(w, handshake_timeout_s="3", required_from=f'[ "{GOOD}/32" ]')
    with w:
        r = Raw()
        r.say(b"nonsense nonsense nonsense")
        r.rest()
        r = Raw(starttls=False)
        c.ok(not r.offered, "an address whose handshake failed is not offered STARTTLS again")
        r.say(b"STARTTLS\r\n")
        c.ok(r.reply().startswith(b"502"), "nor gets it")
        r = Raw(source=GOOD)
        r.say(b"nonsense nonsense nonsense")
        r.rest()
        r = Raw(source=GOOD, starttls=False)
        r.say(b"MAIL FROM:<a@good.example>\r\n")
        c.ok(r.offered and r.reply().startswith(b"530 5.7.0"), "one that must use TLS is, and may not send without")


# --- the next hop


def next_hops(c):
    """One Postfix, met by one gateway after the other."""
    w = World(port="veth")
    w.signed = True
    pem, key = certificate(w.folder, "store", ["store.inside.example"], ecdsa=True)
    wrong, _ = certificate(w.folder, "wrong", ["store.inside.example"], ecdsa=True)
    pin, other_pin = (subprocess.run(f"openssl x509 -in {name} -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst -sha256 -r",
                                     shell=True, capture_output=True, text=True, check=True).stdout[:64] for name in (pem, wrong))
    w.zone_extra = (f"_25._tcp.store.inside.example. IN TLSA 3 1 1 {pin}\n"
                    f"_25._tcp.wrong.inside.example. IN TLSA 3 1 1 {other_pin}\n")
    by_dane = 'tls_dane = true; tls_name = "store.inside.example";'
    w.postfix_extra = (f"smtpd_tls_cert_file = {pem}\nsmtpd_tls_key_file = {key}\nsmtpd_tls_received_header = yes\n"
                       "smtpd_tls_security_level = may\n")
    by_ca = f'tls_ca_file = "{pem}"; tls_name = "store.inside.example";'
    n_stored = 0
    with w:
        for tls, fields, good, sentence in (
                ("may", "", True, "next hop with STARTTLS, tls = may"),
                ("require", by_ca, True, "required, by CA and name"),
                ("require", f'tls_pin = "{pin}";', True, "required, by pin"),
                ("require", by_ca.replace(pem, wrong), False, "required, by another CA"),
                ("require", by_ca.replace('"store.', '"shop.'), False, "required, by another name"),
                ("require", by_dane, True, "required, by the TLSA record of its name"),
                ("require", by_dane.replace("store", "wrong"), False, "required, by the TLSA record of another"),
                ("require", by_dane.replace("store", "bare"), False, "required, by a TLSA record that is not there"),
                ("immediate", by_ca, True, "TLS from the first octet")):
            w.end(w.gateway)
            if tls == "immediate":
                w.stop_postfix()
                w.postfix_extra += "smtpd_tls_wrappermode = yes\n"
                w.start_postfix()
            w.hop_text = f'{{ address = "{NEXT_HOP}"; port = 25; tls = "{tls}"; {fields} }}'
            seen = len(w.log("sekishod"))
            w.start_gateway()
            wait_for(lambda: port_open(GATEWAY, 25), 10, "the gateway answers on port 25")
            if "tls_dane" in fields:
                wait_for(lambda: "TLSA record" in w.log("sekishod")[seen:], 10, "the TLSA record has been asked for")
            data = w.signers["good.example"].sign(message("a@good.example", "onwards"))
            out, reply = w.swaks(data, "a@good.example")
            c.ok(reply.startswith("250" if good else "451"), sentence, out[-1500:])
            n_stored += good
            stored = w.stored(n_stored)
            c.ok(len(stored) == n_stored, sentence + (": stored" if good else ": nothing is stored"))
            if good:
                c.ok(b"(using TLSv1.3" in stored[-1] and verify(w.signers, stored[-1]), sentence + ": by TLS", stored[-1][:800])


def main():
    c = Checks()
    w = World()
    with_certificates(w, handshake_timeout_s="3", failed_ttl_s="0")
    with w:
        clients(c, w)
        large(c, w)
        resumption(c, w)
        renewal(c, w)
        hostile(c, w)
    refusals(c)
    next_hops(c)
    c.done()


main()
