# SPDX-License-Identifier: MIT
"""explained.py - disagreements that were looked at, and the line of the RFC that decides each

In each of these Sekisho does what the RFC says, or what the RFC leaves open.  A disagreement that no rule here is about
is told in full, and the run fails.  The expressions are searched for in Sekisho's answer and in the other one, both
written "word why", and in the case as text.
"""

import collections
import re

Rule = collections.namedtuple("Rule", "kind verifier ours theirs text decides")
ANY = ""

SPF = [
    # verifier, Sekisho, the other one, the case, what decides
    ("pyspf", ANY, "^none", r"^\S+ '(.*@.*@.*|.*\.)' ", "4.1, 4.3: the domain is what follows the last @; only a zero-length label that is not at the end makes it malformed"),
    ("pyspf", ANY, "^permerror Void", ANY, "4.6.4: void look-ups are a SHOULD; a name that has addresses of the other family alone is not counted once the limit is reached"),
    ("Mail::SPF", ANY, "^permerror Maximum void", ANY, "4.6.4: void look-ups are a SHOULD; a name that has addresses of the other family alone is not counted once the limit is reached"),
    ("pyspf", ANY, ANY, r"(?i)[ '](?!(?-i:redirect|exp)=)(redirect|exp)=",
     "12, RFC 5234 2.3: names of modifiers do not depend on case"),
    ("pyspf", "^permerror .*without its argument", ANY, r"(?i)exists", "5.7, 12: exists has a domain-spec, always"),
    ("pyspf", ANY, r"^permerror .*MUST appear at most once", ANY, "6: of the modifiers only redirect and exp may not stand twice"),
    ("pyspf", ANY, ANY, r"%\{\w\d*R", "7.1, RFC 5234 2.3: the transformer r does not depend on case"),
    ("pyspf", ANY, "^temperror", r"(?i)mx", "5.4: if any address matches, the mechanism matches; names after it are not asked for"),
    ("pyspf", ANY, "^permerror c,r,t macros", ANY, "7.2, 12: an unknown modifier is any macro-string; c, r and t expand in exp only, and it is not expanded"),
    ("pyspf", ANY, "^permerror include has trivial", ANY, "4.6: a mechanism before it matches first; what includes itself ends at the limit of 4.6.4"),
    ("pyspf", "^permerror .*(domain-spec|macro-string)", ANY, ANY, "7.1, 12: macro-literal, toplabel, and a number of parts that MUST be nonzero"),
    ("pyspf", "^permerror .*(something after|prefix length|unknown mechanism|address of that kind)", ANY, ANY, "12: the grammar of mechanisms; 4.6: an error anywhere is permerror"),
    ("pyspf", ANY, "^temperror", r"(?i)exp=", "6.2: DNS errors of exp= are ignored"),
    ("pyspf", ANY, "^temperror", r"(?i)ptr|%\{p", "5.5: a DNS error of the PTR look-up makes the mechanism not match"),
    ("pyspf", ANY, "^permerror Too many DNS", "(?i)redirect=", "4.6.4, 6.1: a redirect= that is not followed, since a mechanism matched, causes no query"),
    ("Mail::SPF", ANY, "^permerror Maximum DNS-interactive", "(?i)redirect=", "4.6.4, 6.1: a redirect= that is not followed, since a mechanism matched, causes no query"),
    ("Mail::SPF", ANY, ANY, r"(%\{\w\}){60}", "7.3: an expanded name that is too long loses labels at its left; labels are not shortened"),
    ("Mail::SPF", ANY, "^temperror", r"(?i)ptr|%\{p", "5.5: a DNS error of the PTR look-up makes the mechanism not match, one of an address skips the name"),
    ("Mail::SPF", "^permerror .*an mx", ANY, ANY, "4.6.4: more than ten names of an mx are permerror (RFC 4408 10.1 had the first ten used)"),
    ("Mail::SPF", ANY, ANY, r"(?i)ip6:\S*/", "5.6: an address of the other family does not match, whatever the prefix length"),
    ("Mail::SPF", ANY, "^permerror .*(domain-spec|macro string|Junk)", r"%\{\w\d*R", "7.1, RFC 5234 2.3: the transformer r does not depend on case"),
    ("Mail::SPF", "^permerror .*(domain-spec|macro-string)", ANY, ANY, "7.1, 7.2, 12: unknown letters; c, r and t in exp only; a number of parts MUST be nonzero; toplabel"),
    ("Mail::SPF", "^permerror .*(something after|prefix length|unknown mechanism|address of that kind)", ANY, ANY, "12: the grammar of mechanisms; 4.6: an error anywhere is permerror"),
]

DKIM = [
    ("Mail::DKIM", "^pass ed25519", "^notpass", ANY, "RFC 8463 3: a= may be ed25519-sha256, which this release does not know"),
    ("Mail::DKIM", "^pass rsa", "public key: OpenSSL error: wrong tag", r"p\s*=\s*(?!\S{4,12}DQYJKoZIhvcNAQ)", "RFC 6376 3.6.1: p= is an RSAPublicKey; SubjectPublicKeyInfo is what everybody writes, and both are read"),
    ("Mail::DKIM", "^pass", "body has been altered", "no CRLF at the end", "3.4.3, 3.4.4: a body without CRLF at its end gets one, which l= counts, too"),
    ("Mail::DKIM", "^pass", "body has been altered", r"c=\w*/relaxed", "3.4.4: white space at the end of a line goes, and a line of white space alone is empty then"),
    ("Mail::DKIM", "^pass", "body has been altered", r"\bl(\s|\\[rnt])*=(\s|\\[rnt])*0*[01](\s|\\[rnt])*;", "3.5: l=0 takes no octet of the canonical body, l=1 the first, be it of the CRLF that an empty one is"),
    ("Mail::DKIM", "^notpass .*does not match the header", "^pass", r"\['From(\\r|\\n)", "RFC 5322 4.5: a name has WSP before its colon at most, no line end: the line is no From field"),
    ("Mail::DKIM", "^pass", "message has been altered", r"(?i)h=[^;]*dkim-signature", "3.5, 5.4.2: a field named in h= that does not exist is the empty string; the signature itself is none of them"),
    ("Mail::DKIM", "^pass", "message has been altered", r"(?i)(subject|dkim-signature)[ \t]+:", "3.4.2: white space before the colon goes"),
    ("Mail::DKIM", "^pass", "granularity", r"g\s*=", "3.6.1, C.1 of RFC 6376: g= is no tag any more, and unknown tags are ignored"),
    ("Mail::DKIM", "^pass", "hash algorithm", r"h\s*=\s*sha256 :", "3.6.1: white space may stand around the colons of h="),
    ("Mail::DKIM", "^pass", "expired", r"\bx(\s|\\[rnt])*=", "3.5: x= MAY be considered; a skew of 300 s is granted to clocks"),
    ("Mail::DKIM", "^pass", "bad identity|invalid", "=40", "3.5, 2.11: i= is dkim-quoted-printable as a whole, so that =40 is an @"),
    ("dkimpy", "^pass", "^notpass False", r"'[\w-]+( |\\t)+:", "3.4.2, RFC 5322 4.5.8: white space before the colon of a field may stand"),
    ("dkimpy", "^pass", "^notpass False", r"(?i)\bh[^;=]*=[^;]*dkim-signature", "3.5, 5.4.2: a field named in h= that does not exist is the empty string; the signature itself is none of them"),
    ("dkimpy", "^pass", "Unexpected characters|index out of range|list index", ANY, "3.4.2, RFC 5322 4.5.8: white space before the colon of a field may stand; a line that is no field belongs to none"),
    ("dkimpy", "^notpass .*does not match the header", "^pass", r"(?i)dkim-signature:[^']*(\s|\\[rnt])+'", "3.7: of the signature's field only the CRLF at its end goes; under simple the white space before it stays"),
    ("dkimpy", "^pass", "^notpass False", r"(?i)dkim-signature:[^']*(\s|\\[rnt])+'", "3.7: of the signature's field only the CRLF at its end goes; under simple the white space before it stays, and all of the white space around b= goes"),
    ("dkimpy", "^pass", "^notpass False", r" ([2-9]|\d\d) From,", "5.4.2, 8.15: a second From does not touch the signature of the first; the gateway refuses such a From by itself (policy.bad_from)"),
    ("dkimpy", "^pass", "^notpass False", r"b\s*=[\w+/=\\ ]*( |\\t|\\r\\n)+;", "3.7: the white space around the value of b= goes with it"),
    ("dkimpy", "^pass", "^notpass False", r"ed25519; p=[\w+/]{43}'", "2.10: base64string need not have its padding"),
    ("Mail::DKIM", ANY, ANY, r"key \['[^']*', '", "3.6.2.2: several key records; Mail::DKIM takes the first, Sekisho the one that fits"),
    ("dkimpy", ANY, ANY, r"key \['[^']*', '", "3.6.2.2: several key records; dkimpy takes the first, Sekisho the one that fits"),
    ("dkimpy", "^pass", "^notpass None", r"s=other:email|tlsrpt", "3.6.1: s= is a list, and e-mail is in it"),
    ("dkimpy", "^pass", "^notpass bh?= value is not valid base", ANY, "2.10: base64string need not have its padding"),
    ("dkimpy", "^pass", "q= value", ANY, "3.5: q= is a list, of which the verifier takes what it knows"),
    ("dkimpy", "^pass", "i= domain", ANY, "3.5, 2.11: i= is dkim-quoted-printable; the domain is compared as a name, without case"),
    ("dkimpy", "^pass", "body hash", "no CRLF at the end", "3.4.4: white space at the end of a body without CRLF goes, too"),
]

# What Sekisho says of a signature that another one passes: the sentence decides, whoever it is.
DKIM_STRICT = {
    "key record is no list of tags|a tag stands twice": "3.2: a name twice makes the whole tag-list invalid",
    "h= is no list of field names": "3.5: h= is hdr-name *( \":\" hdr-name ), none of them empty",
    "v= of the key record": "3.6.1: v= MUST be the first tag and DKIM1, or the record is discarded",
    "a tag has no": "3.2: a tag is tag-name \"=\" tag-value; names are ALPHA *ALNUMPUNC",
    "octet that may not stand": "3.2: tag-value is VALCHAR with FWS between",
    "is no base64|is no base6N": "2.10: base64string",
    "wrong length for a=": "3.5: bh= is the hash of the body",
    "[lt]= is no number|x= is no number": "3.5: 1*76DIGIT, 1*12DIGIT",
    "v= is not|v= is missing": "3.5: v= is REQUIRED and MUST be 1",
    "(h|bh|a|d|s|b)= is missing": "3.5: REQUIRED; 3.2: names depend on case",
    "does not name From": "5.4, 6.1.1: From MUST be signed",
    "l= leaves octets": "8.2: what l= leaves out can be anything; pass, which does not count for DMARC, or policy by setting",
    "l= is larger": "3.5: l= MUST NOT be larger than the body",
    "several key records": "3.6.2.2: undefined; one that fits must be the only one",
    "does not allow the hash": "3.6.1: h= of the key lists the hashes that may be used",
    "does not allow e-mail": "3.6.1: s= of the key lists the services it is for",
    "k= of the key record": "3.6.1, RFC 8463 3: k= and a= must name the same type",
    "no key of that type": "3.6.1: p= is a key of the type that k= names, and nothing after it",
    "i= is no quoted|i= has no domain|neither d= nor": "3.5, 2.11: i= is quoted-printable with a domain, d= or below",
    "[ds]= is no": "3.5: d= is a domain-name of sub-domains, without a dot at the end; s= likewise",
    "a= is no known|c= is no known|q= does not": "3.2: values depend on case unless it is said that they do not",
    "x= is not later": "3.5: x= MUST be greater than t=",
    "in the future|has expired": "3.5: MAY be ignored; 300 s are granted to clocks, not ten hours",
    "rsa-sha1": "RFC 8301 3.1: MUST NOT be used",
    "too short|short key": "RFC 8301 3.2: shorter than 1024 bits MUST NOT be considered valid",
}

RULES = [Rule("spf", *row) for row in SPF] + [Rule("dkim", *row) for row in DKIM] + [
    Rule("dkim", ANY, rf"^notpass .*({sentence})", "^pass", ANY, decides) for sentence, decides in DKIM_STRICT.items()]


def explain(kind, verifier, ours, other, text):
    """The first rule about this disagreement, or None."""
    mine, theirs = (f"{a.word} {a.why}".strip() for a in (ours, other))
    for rule in RULES:
        if rule.kind == kind and rule.verifier in (ANY, verifier) and re.search(rule.ours, mine) and re.search(rule.theirs, theirs):
            if re.search(rule.text, text):
                return rule
    return None
