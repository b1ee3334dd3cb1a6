# SPDX-License-Identifier: MIT
"""dkim_cases.py - messages that dkimpy signs, spoilt after that; and signatures that are strange before they are made

The second sort is what finds differences: the hash covers the odd tag list, so that a verifier that reads it says pass.
A message is text of one code point an octet; its lines end with CRLF, since the gateway lets nothing else in.
"""

import base64
import copy
import hashlib
import re
import types

import dkim
import dkim.crypto
import nacl.encoding
import nacl.signing
from dkim.canonicalization import Relaxed, Simple
from keys import Ed25519Key, RsaKey
from mutate import change_octet, move, several, swap_case

NOW = 1700000000
SIGNS = " \t;:=+/@.,-_abhlvx019AZ\"()<%\u00e9\x00"
FIELDS = [
    ("Received", " from a.example by b.example; Tue, 14 Nov 2023 22:13:20 +0000"),
    ("From", " Ann Example <ann@example.org>"),
    ("To", " bob@example.net,\r\n\tcarol@example.net"),
    ("Subject", "  Figures  of the\tmonth "),
    ("Date", " Tue, 14 Nov 2023 22:13:20 +0000"),
    ("Message-ID", " <1@example.org>"),
    ("X-Empty", ""),
    ("List-Id", " <list.example.org>"),
    ("List-Id", " <second.example.org>"),
]
BODIES = ("", "\r\n", "one line\r\n", "no end", "two  lines \r\n\twith space\t\r\n", "end\r\n\r\n\r\n", " \r\n \r\n", "\r\n\r\ntext\r\n",
          "dots\r\n.\r\n..\r\n", "wide " * 300 + "\r\n", "\u00e9\u00ff 8 bit\r\n")
FOLDS = ("\r\n ", "\r\n\t", "\r\n  \t ", "\r\n \r\n ")
BARE = re.compile(r"\r(?!\n)|(?<!\r)\n")
SPACES = ("", " ", "  ", "\t", "\r\n ", "\r\n\t", " \r\n  ")


class Keys:
    def __init__(self, rng):
        self.by_selector = {"short": RsaKey(rng, 768), "rsa": RsaKey(rng, 1024), "ed": Ed25519Key(rng)}

    def records(self, bare=False):
        return {s: [["v", "DKIM1"], ["k", k.type], ["p", k.bare if bare else k.public]] for s, k in self.by_selector.items()}


def canonical(name):
    return Relaxed if name.strip() == "relaxed" else Simple


def sign_digest(key, digest):
    if key.type == "rsa":
        hasher = types.SimpleNamespace(digest=lambda: digest, name="sha256")
        return dkim.crypto.RSASSA_PKCS1_v1_5_sign(hasher, dkim.crypto.parse_pem_private_key(key.private))
    return nacl.signing.SigningKey(key.private, encoder=nacl.encoding.Base64Encoder).sign(digest).signature


class Subject:
    """A message before it is signed: fields, body, the tags of the signature and of the key."""

    def __init__(self, rng, keys):
        self.keys = keys
        self.fields = [list(f) for f in FIELDS]
        self.body = rng.choice(BODIES)
        self.selector = rng.choice(("rsa", "rsa", "rsa", "ed", "ed", "short"))
        self.key_tags = keys.records(rng.random() < 0.1)[self.selector]
        self.more_keys, self.key_text = [], None
        self.end, self.colon, self.spaces = "", ":", ("", " ")
        alg = "ed25519-sha256" if self.selector == "ed" else "rsa-sha256"
        names = rng.choice(("from:to:subject:date", "From : To : Subject", "from:list-id:list-id", "from:from:subject:x-none",
                            "from:list-id:list-id:list-id", "from", "from:x-empty:message-id", "received:from:subject"))
        self.tags = [["v", "1"], ["a", alg], ["c", rng.choice(("relaxed/relaxed", "relaxed/simple", "simple/relaxed", "simple/simple"))],
                     ["d", "example.org"], ["s", self.selector], ["t", str(NOW - 10)], ["h", names], ["bh", "@BH@"], ["b", "@B@"]]

    def tag(self, name, otherwise=""):
        return next((v for n, v in self.tags if n.strip() == name), otherwise)

    def body_hash(self):
        c = self.tag("c", "simple").split("/")
        octets = canonical(c[1] if len(c) > 1 else "simple").canonicalize_body(self.body.encode("latin-1"))
        length = self.tag("l").strip()
        if length.isascii() and length.isdigit():
            octets = octets[:int(length)]
        return base64.b64encode(hashlib.sha256(octets).digest()).decode()

    def signature(self, value):
        """b= for the field with this value, whose b= is empty."""
        policy = canonical(self.tag("c", "simple").split("/")[0])
        rest = [(n.encode("latin-1"), v.encode("latin-1") + b"\r\n") for n, v in self.fields]
        chosen = []
        for name in self.tag("h").split(":"):
            name = name.strip().lower().encode("latin-1")
            for i in range(len(rest) - 1, -1, -1):
                if rest[i][0].strip().lower() == name:
                    chosen.append(rest.pop(i))
                    break
        own = policy.canonicalize_headers([(b"DKIM-Signature", value.encode("latin-1") + b"\r\n")])[0]
        octets = b"".join(n + b":" + v for n, v in policy.canonicalize_headers(chosen)) + own[0] + b":" + own[1][:-2]
        key = self.keys.by_selector[self.selector]
        return base64.b64encode(sign_digest(key, hashlib.sha256(octets).digest())).decode()

    def finished(self):
        before, after = self.spaces

        def written(tags):
            text = " " + (";" + after).join(n + before + "=" + v for n, v in tags) + self.end
            return text.replace("@BH@", self.body_hash())

        # RFC 6376 3.7: b= counts as empty, "including all surrounding whitespace"
        signature = self.signature(written([(n, "" if n.strip() == "b" else v) for n, v in self.tags]))
        value = written(self.tags).replace("@B@", signature)
        lines = [("DKIM-Signature", value)] + [tuple(f) for f in self.fields]
        text = "".join(f"{n}{self.colon if n == 'Subject' else ':'}{v}\r\n" for n, v in lines) + "\r\n" + self.body
        record = self.key_text or "; ".join("=".join(t) for t in self.key_tags)
        zone = [{"name": f"{self.selector}._domainkey.example.org", "type": "TXT", "data": [r[:250], r[250:]]}
                for r in [record] + self.more_keys]
        return case_of(text, zone)


def case_of(text, zone):
    return {"kind": "dkim", "ip": "192.0.2.1", "helo": "mail.example.org", "mail_from": "ann@example.org", "now": NOW, "zone": zone,
            "message_b64": base64.b64encode(text.encode("latin-1")).decode()}


# Before it is signed.

def set_tag(rng, s, name, values):
    value = rng.choice(values)
    for tag in s.tags:
        if tag[0] == name:
            tag[1] = value
            return
    s.tags.insert(rng.randint(0, len(s.tags)), [name, value])


def tag_order(rng, s):
    s.tags = move(rng, s.tags)


def tag_twice(rng, s):
    s.tags.insert(rng.randint(0, len(s.tags)), list(rng.choice(s.tags)) if rng.random() < 0.5 else ["x", str(NOW + 900)])


def tag_missing(rng, s):
    del s.tags[rng.randrange(len(s.tags))]


def tag_unknown(rng, s):
    s.tags.insert(rng.randint(0, len(s.tags)), rng.choice((["y", "z"], ["y", ""], ["x_1", "a b"], ["1y", "z"], ["y-z", "1"], ["", ""],
                                                           ["y", "a=b"], ["Y", "\u00e9"], ["z", "From:a@b|To:c"], ["_y", "1"])))


def tag_name(rng, s):
    tag = rng.choice(s.tags)
    tag[0] = rng.choice((tag[0].upper(), tag[0] + " ", " " + tag[0], "\r\n " + tag[0], tag[0] + "\t", tag[0] + "x"))


def tag_space(rng, s):
    tag = rng.choice(s.tags)
    tag[1] = rng.choice(SPACES) + tag[1] + rng.choice(SPACES)


def tag_octet(rng, s):
    tag = rng.choice([t for t in s.tags if "@B" not in t[1]] or s.tags)
    if "@B" not in tag[1]:
        tag[1] = change_octet(rng, tag[1], SIGNS)


def tag_separators(rng, s):
    s.spaces = (rng.choice(SPACES), rng.choice(SPACES))


def tag_end(rng, s):
    s.end = rng.choice((";", "; ", ";;", "; ;", ";\r\n ", " ", ";y", ";y=", ";\t"))


def tag_v(rng, s):
    set_tag(rng, s, "v", ("1", "2", "", "01", "1.0", "0.5", "DKIM1", "1 1"))


def tag_a(rng, s):
    set_tag(rng, s, "a", ("rsa-sha256", "RSA-SHA256", "rsa-sha1", "ed25519-sha256", "rsa", "", "rsa-sha512", "rsa -sha256"))


def tag_c(rng, s):
    set_tag(rng, s, "c", ("relaxed", "simple", "relaxed/", "/relaxed", "Relaxed/Simple", "nowsp", "relaxed/relaxed/relaxed", "",
                          "relaxed / relaxed", "simple/relaxed", "relaxed/simple"))


def tag_l(rng, s):
    n = len(s.body)
    set_tag(rng, s, "l", ("0", str(n), str(n + 1), str(max(n - 3, 0)), "007", "-1", "+1", "", "1e3", "9" * 76, "9" * 77, "0" * 80, "0x1", "1 0"))


def tag_q(rng, s):
    set_tag(rng, s, "q", ("dns/txt", "dns", "DNS/TXT", "dns/txt:http/x", "http/x:dns/txt", "dns/txt ", "", "http/x", "dns/*"))


def tag_h(rng, s):
    set_tag(rng, s, "h", ("subject", "", "from:", ":from", "from::to", "FROM", "from : to", "from:\r\n\tto", "From:from:From", "sender:from",
                          "from:dkim-signature", "from:to:to:to", "fr om", "from;to", "from:x y", "from:subject:subject:list-id:list-id", "from,to"))


def tag_i(rng, s):
    set_tag(rng, s, "i", ("@example.org", "ann@example.org", "@sub.example.org", "@EXAMPLE.ORG", "@notexample.org", "@example.net", "example.org", "",
                          "a=20b@example.org", "a=2xb@example.org", "a=3bb@example.org", "a b@example.org", "\"a@b\"@example.org", "@.example.org",
                          "ann=40example.org", "ann@example.org.", "\u00e9@example.org", "a=@example.org"))


def tag_d(rng, s):
    set_tag(rng, s, "d", ("EXAMPLE.org", "example.org.", "sub.example.org", "org", "", "example..org", ".example.org", "exa mple.org", "_x.example.org",
                          "example.com", "-a.org", "example.org/x"))


def tag_s(rng, s):
    set_tag(rng, s, "s", (s.selector.upper(), "a.b", "none", "", s.selector + ".", "." + s.selector, "a_b", "x" * 64, "s p"))


def tag_times(rng, s):
    set_tag(rng, s, "t", (str(NOW), str(NOW + 10), str(NOW + 600), str(NOW + 86400), "0", "-1", "", "1.5", "9" * 13, "9" * 30, "0001", "abc", "1 7"))
    set_tag(rng, s, "x", (str(NOW), str(NOW - 10), str(NOW - 600), str(NOW - 86400), str(NOW + 900), "0", "-1", "", "9" * 13, "9" * 30, "1 7"))


def tag_hashes(rng, s):
    name = rng.choice(("b", "bh"))
    place = "@BH@" if name == "bh" else "@B@"
    set_tag(rng, s, name, (f" {place}", f"\r\n\t{place}", f"{place} \r\n ", f"{place}=", f"{place}==", f"{place}A", f"A{place}", f"{place}!", f"{place}AAAA",
                           "", "=", "AAAA", f"={place}", f"{place}\x00", f"{place[:0]}{place}\u00e9"))


def field_twice(rng, s):
    field = list(rng.choice(s.fields))
    s.fields.insert(rng.randint(0, len(s.fields)), [swap_case(rng, field[0]), rng.choice((field[1], " another"))])


def field_order(rng, s):
    s.fields = move(rng, s.fields)


def field_text(rng, s):
    field = rng.choice(s.fields)
    field[1] = rng.choice((field[1] + " ", field[1] + "\t\r\n ", field[1].strip(), field[1].replace(" ", rng.choice(FOLDS), 2), change_octet(rng, field[1], SIGNS),
                           " \r\n" + (field[1] or " x"), field[1] + "\r\n ", field[1] + "\r\n \r\n end"))


def field_colon(rng, s):
    s.colon = rng.choice((" :", "\t:", ":\r\n ", " : "))


def key_of(rng, s):
    """The key record, tag by tag."""
    add = rng.choice((["h", "sha256"], ["h", "sha1"], ["h", "sha1:sha256"], ["h", "SHA256"], ["h", ""], ["h", "sha256 : x"], ["s", "*"], ["s", "email"], ["s", "other"],
                      ["s", "other:email"], ["s", "tlsrpt"], ["s", ""], ["t", "y"], ["t", "s"], ["t", "y:s"], ["t", "x"], ["n", "a note"], ["g", "*"], ["g", "bob"],
                      ["g", ""], ["n", "\u00e9"], ["1", "x"], ["y", "a=b"], ["", ""]))
    s.key_tags.insert(rng.randint(0, len(s.key_tags)), add)


def key_spoilt(rng, s):
    tag = rng.choice(s.key_tags)
    tag[rng.randrange(2)] = rng.choice(("", tag[1] + " ", " " + tag[1], tag[1][:-1], tag[1] + "=", tag[1].lower(), tag[1].upper(), change_octet(rng, tag[1], SIGNS),
                                        tag[1][:20] + " " + tag[1][20:], "rsa", "DKIM1", "RSA", "ed25519", "DKIM2"))


def key_order(rng, s):
    s.key_tags = move(rng, s.key_tags)


def key_lacks(rng, s):
    if len(s.key_tags) > 1:
        del s.key_tags[rng.randrange(len(s.key_tags))]


def key_twice(rng, s):
    s.key_tags.insert(rng.randint(0, len(s.key_tags)), list(rng.choice(s.key_tags)))


def key_text(rng, s):
    text = "; ".join("=".join(t) for t in s.key_tags)
    s.key_text = rng.choice((text + ";", text + "; ;", ";" + text, text.replace("; ", ";"), text.replace("=", " = "), text.replace("; ", " ;\t"), text + "\r\n ",
                             text + "x", " " + text, text.replace(";", ",", 1), text + ";;"))


def key_more(rng, s):
    text = "; ".join("=".join(t) for t in s.key_tags)
    s.more_keys.append(rng.choice((text, "v=DKIM1; p=", "v=spf1 -all", "some text", "v=DKIM1; k=rsa; p=AAAA", "v=DKIM2; p=AAAA", "k=ed25519; p=" + "A" * 43 + "=")))


BEFORE = (tag_order, tag_order, tag_twice, tag_missing, tag_unknown, tag_name, tag_space, tag_space, tag_octet, tag_octet, tag_separators, tag_end, tag_v, tag_a, tag_c,
          tag_l, tag_q, tag_h, tag_h, tag_i, tag_i, tag_d, tag_s, tag_times, tag_hashes, tag_hashes, field_twice, field_order, field_text, field_text, field_colon,
          key_of, key_of, key_spoilt, key_order, key_lacks, key_twice, key_text, key_more)


# After it was signed, by dkimpy or anybody.

class Signed:
    def __init__(self, case):
        self.case = copy.deepcopy(case)
        text = base64.b64decode(case["message_b64"]).decode("latin-1")
        head, empty, self.body = text.partition("\r\n\r\n")
        self.has_body = bool(empty)
        self.fields = []
        for line in head.split("\r\n"):
            if line[:1] in (" ", "\t") and self.fields:
                self.fields[-1] += "\r\n" + line
            else:
                self.fields.append(line)

    def finished(self):
        text = "\r\n".join(self.fields) + ("\r\n\r\n" + self.body if self.has_body else "\r\n")
        self.case["message_b64"] = base64.b64encode(text.encode("latin-1")).decode()
        return self.case


def spoil_line(rng, field):
    """One octet is another, but line ends stay: no message that came by SMTP has a bare CR or LF."""
    spoilt = change_octet(rng, field, SIGNS)
    return field if BARE.search(spoilt) else spoilt


def any_field(rng, s):
    return rng.randrange(len(s.fields))


def fold_line(rng, s):
    i = any_field(rng, s)
    s.fields[i] = s.fields[i].replace(" ", rng.choice(FOLDS), 1)


def space_line(rng, s):
    i = any_field(rng, s)
    s.fields[i] = rng.choice((s.fields[i] + " ", s.fields[i].replace(" ", "  "), s.fields[i].replace(":", ": ", 1), s.fields[i].replace(":", " :", 1)))


def case_name(rng, s):
    i = any_field(rng, s)
    name, colon, rest = s.fields[i].partition(":")
    s.fields[i] = swap_case(rng, name) + colon + rest


def line_twice(rng, s):
    s.fields.insert(rng.choice((0, len(s.fields), any_field(rng, s))), s.fields[any_field(rng, s)])


def line_moved(rng, s):
    s.fields = move(rng, s.fields)


def line_gone(rng, s):
    if len(s.fields) > 1:
        del s.fields[any_field(rng, s)]


def line_octet(rng, s):
    i = any_field(rng, s)
    s.fields[i] = spoil_line(rng, s.fields[i])


def signature_octet(rng, s):
    mine = [i for i, f in enumerate(s.fields) if f.lower().startswith("dkim-signature:")]
    if mine:
        i = rng.choice(mine)
        s.fields[i] = spoil_line(rng, s.fields[i])


def body_changed(rng, s):
    if s.has_body:
        s.body = rng.choice((s.body + "\r\n", s.body + "more\r\n", s.body.replace(" ", "  "), s.body.replace("\r\n", " \r\n"), s.body.replace("\r\n", "\t\r\n", 1),
                             s.body[:-2] if s.body.endswith("\r\n") else s.body, "\r\n" + s.body, s.body + " ", s.body + "\r\n\r\n", s.body.replace(" ", "\t")))


def key_record(rng, s):
    records = [r for r in s.case["zone"] if r["type"] == "TXT" and "data" in r]
    if records:
        record = rng.choice(records)
        text = "".join(record["data"])
        record["data"] = [change_octet(rng, text, SIGNS)]


def key_unanswered(rng, s):
    if s.case["zone"]:
        lost = rng.choice(s.case["zone"])
        s.case["zone"] = [{"name": lost["name"], "type": lost["type"], "rcode": rng.choice(("SERVFAIL", "TIMEOUT", "NXDOMAIN", "NODATA"))}]


AFTER = (fold_line, fold_line, space_line, case_name, line_twice, line_moved, line_gone, line_octet, signature_octet, signature_octet, body_changed, body_changed,
         key_record, key_unanswered)


def signed_by_dkimpy(rng, keys):
    subject = Subject(rng, keys)
    text = "".join(f"{n}:{v}\r\n" for n, v in subject.fields) + "\r\n" + subject.body
    dkim.time = types.SimpleNamespace(time=lambda: NOW - 10)
    field = dkim.DKIM(text.encode("latin-1")).sign(
        subject.selector.encode(), b"example.org", keys.by_selector[subject.selector].private, signature_algorithm=subject.tag("a").encode(),
        canonicalize=tuple(subject.tag("c").encode().split(b"/")), include_headers=[n.strip().encode() for n in subject.tag("h").split(":") if n != "received"],
        length=rng.random() < 0.3)
    record = "; ".join("=".join(t) for t in subject.key_tags)
    return case_of(field.decode("latin-1") + text, [{"name": f"{subject.selector}._domainkey.example.org", "type": "TXT", "data": [record[:250], record[250:]]}])


def mutated(rng, keys, case=None):
    """A case, and the names of what was done to it."""
    how = []
    if not case and rng.random() < 0.75:
        subject = Subject(rng, keys)
        how += several(rng, BEFORE, subject)
        case = subject.finished()
        if rng.random() < 0.8:
            return case, how
    signed = Signed(case or signed_by_dkimpy(rng, keys))
    how += several(rng, AFTER, signed, most=2)
    return signed.finished(), how


def tell(case):
    text = base64.b64decode(case["message_b64"]).decode("latin-1")
    own = [f for f in Signed(case).fields if f.lower().startswith("dkim-signature")]
    keys = ["".join(r["data"]) if "data" in r else r["rcode"] for r in case["zone"]]
    odd = [f for f in Signed(case).fields if f.split(":")[0] != f.split(":")[0].strip()]
    authors = sum(f.lower().startswith("from:") for f in Signed(case).fields)
    end = "" if text.endswith("\r\n") else ", no CRLF at the end"
    return f"{own!r} {odd or ''} {authors} From, {len(text)} octets{end}; key {keys!r}"
