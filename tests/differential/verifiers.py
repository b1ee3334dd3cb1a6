# SPDX-License-Identifier: MIT
"""verifiers.py - the same cases for Sekisho, pyspf, dkimpy, Mail::SPF and Mail::DKIM

Every one answers a case with a pair: a word that is compared, and a sentence that tells why.  SPF is compared by its
result; DKIM by pass and notpass, since no two agree on what a broken signature is to be called.  An exception that
the other one did not mean is a crash; of DKIM it counts as notpass.
"""

import base64
import binascii
import collections
import json
import os
import re
import subprocess
import tempfile
import types

import dkim
import dns.name  # noqa: F401  (pyspf prefers dnspython when it is there; its look-up is replaced below)
import spf
from zone import Failure, Zone

HERE = os.path.dirname(os.path.abspath(__file__))
Answer = collections.namedtuple("Answer", "word why")
ODD = "crash"  # an exception that the verifier did not mean, or no answer


def masked(sentence):
    """A sentence without what only one case has in it, so that equal reasons are equal strings."""
    sentence = re.sub(r"b?'[^']*'|b?\"[^\"]*\"|\([^()]*[=@.][^()]*\)|[\x00-\x1f\x7f-\uffff]", "*", sentence)
    return re.sub(r"(?<![a-zA-Z])[0-9]+", "N", sentence)[:90].strip()


def spf_pyspf(case):
    zone = Zone(case["zone"])

    def look_up(name, kind, strict=True, timeout=20):
        try:
            data = zone.txt(name) if kind == "TXT" else zone.ask(name, kind)
        except Failure as failure:
            raise spf.TempError("DNS " + str(failure)) from failure
        return [((name, kind), tuple(one) if kind == "MX" else one) for one in data]

    spf.DNSLookup = look_up
    query = spf.query(case["ip"], case["mail_from"] or "", case["helo"] or "", receiver=case.get("receiver") or "mx",
                      strict=True, timeout=0, querytime=0)
    result, _, why = query.check()
    return Answer(result, masked(re.sub("^SPF [A-Za-z]* Error: |: .*", "", why)) if "error" in result else "")


def dkim_dkimpy(case):
    zone = Zone(case["zone"])
    message = base64.b64decode(case["message_b64"])
    dkim.time = types.SimpleNamespace(time=lambda: case["now"])

    def look_up(name, timeout=5):
        try:
            answer = zone.txt(name.decode("ascii"))
        except Failure as failure:
            raise dkim.DnsTimeoutError(str(failure)) from failure
        return b"".join(answer[0]) if answer else None

    answers = []
    for i in range(16):
        verifier = dkim.DKIM(message)
        if sum(name.lower() == b"dkim-signature" for name, _ in verifier.headers) <= i:
            break
        try:
            answers.append(Answer("pass", "") if verifier.verify(i, look_up) else Answer("notpass", "False"))
        except (dkim.DKIMException, binascii.Error) as e:
            answers.append(Answer("notpass", masked(str(e))))
    return best(answers)


def best(answers):
    """One word for a message: a pass of any signature, else the first one's."""
    for answer in answers:
        if answer.word == "pass":
            return answer
    return answers[0] if answers else Answer("notpass", "no signature")


def python(verify, cases):
    def one(case):
        try:
            return verify(case)
        except Exception as e:  # pylint: disable=broad-except  (that they crash is a finding, not ours)
            return Answer("notpass" if case["kind"] == "dkim" else ODD, type(e).__name__ + " " + masked(str(e)))

    return [one(case) for case in cases]


def stream(command, cases):
    """The answers of a program that reads a case and writes an object a line; None for those it did not come to."""
    with tempfile.TemporaryFile() as lines:
        for case in cases:
            lines.write(json.dumps(case).encode() + b"\n")
        lines.seek(0)
        done = subprocess.run(command, stdin=lines, stdout=subprocess.PIPE, check=False)
    answers = [json.loads(line) for line in done.stdout.split(b"\n") if line]
    return answers + [None] * (len(cases) - len(answers))


def perl(cases):
    answers = stream(["perl", os.path.join(HERE, "verifiers.pl")], cases)
    return [Answer(a["word"], masked(a["why"])) if a else Answer(ODD, "no answer") for a in answers]


def sekisho_answer(case, answer):
    if answer is None or "error" in answer:
        return Answer(ODD, answer["error"] if answer else "no answer")
    if case["kind"] == "spf":
        result = answer["spf"]["result"]
        return Answer(result, masked(answer["spf"].get("reason") or "") if "error" in result else "")
    return best([Answer("pass", one["a"]) if one["result"] == "pass" else
                 Answer("notpass", f"{one['result']}, {masked(one.get('reason') or '')}") for one in answer["dkim"] or []])


def sekisho(check, cases):
    return [sekisho_answer(case, answer) for case, answer in zip(cases, stream([check, "--jsonl"], cases))]


def verify_all(check, kind, cases):
    """Three answers for each case: Sekisho's, the one in Python, the one in Perl."""
    in_python = spf_pyspf if kind == "spf" else dkim_dkimpy
    return list(zip(sekisho(check, cases), python(in_python, cases), perl(cases)))
