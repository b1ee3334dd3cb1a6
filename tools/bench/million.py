#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""million.py - what tools/bench/million reads out of the two programs

million.py accepted                 `sekishoctl --json stats --all` on standard input: connections taken so far
million.py figures RESULT CONNECTIONS OPEN_S HOLD_S RSS RSS_LOAD     in KiB; RESULT of sekisho-load
"""
import json
import sys


def find(o, key):
    """The value of a key, at whatever depth."""
    if isinstance(o, dict):
        if key in o:
            return o[key]
        o = list(o.values())
    for inner in o if isinstance(o, list) else []:
        value = find(inner, key)
        if value is not None:
            return value
    return None


def figures(path, connections, open_s, hold_s, rss, load_rss):
    with open(path) as f:
        result = json.load(f)
    held = result["live"] - result["failed"]
    print(f"million.connections {held} held")
    print(f"million.lost {connections - held} of_those_opened")
    print(f"million.open_per_s {connections / max(1, open_s):.6g} a_second")
    print(f"million.hold_s {hold_s} s")
    print(f"million.gateway_rss_mib {rss / 1024:.6g} MiB")
    print(f"million.gateway_rss_each {rss * 1024 / connections:.6g} octets_a_connection_all_that_the_process_has")
    print(f"million.load_rss_mib {load_rss / 1024:.6g} MiB")
    return 0 if held == connections else 1


if sys.argv[1] == "accepted":
    print(find(json.load(sys.stdin), "tcp_accepted") or 0)
else:
    sys.exit(figures(sys.argv[2], *map(int, sys.argv[3:])))
