# SPDX-License-Identifier: MIT
"""zone.py - DNS out of a case's zone, as sekisho-check has it

NODATA and NXDOMAIN are the same to all who ask here.
"""

CNAMES_MAX = 8


class Failure(Exception):
    """SERVFAIL or TIMEOUT."""


class Zone:
    def __init__(self, records):
        self.data, self.rcode = {}, {}
        for record in records or []:
            name = record["name"].lower().rstrip(".")
            if "rcode" in record:
                self.rcode[name, record["type"]] = record["rcode"]
            else:
                self.data.setdefault((name, record["type"]), []).append(record["data"])

    def ask(self, name, kind):
        """A list of data, each as JSON has it; empty for NODATA and NXDOMAIN.  Raises Failure."""
        name = name.lower().rstrip(".")
        for _ in range(CNAMES_MAX):
            data = self.data.get((name, kind))
            if data is not None:
                return data
            alias = self.data.get((name, "CNAME"))
            if alias is None:
                break
            name = alias[0].lower().rstrip(".")
        if self.rcode.get((name, kind), self.rcode.get((name, "*"))) in ("SERVFAIL", "TIMEOUT"):
            raise Failure(name)
        return []

    def txt(self, name):
        """A list of lists of octet strings."""
        return [[s.encode("latin-1") for s in strings] for strings in self.ask(name, "TXT")]
