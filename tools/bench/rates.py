#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""rates.py - figures of tools/bench/rates out of what its runs left: medians, and ratios within each round"""
import json
import statistics
import sys

directory, rounds = sys.argv[1], int(sys.argv[2])


def runs(name):
    out = []
    for i in range(1, rounds + 1):
        with open(f"{directory}/{name}-{i}.json") as f:
            out.append(json.load(f))
    return out


def say(name, value, unit):
    print(f"{name} {value:.6g} {unit}")


kernel, probes = [], []
with open(f"{directory}/figures") as f:
    for line in f:
        name, value, _ = line.split()
        (kernel if name == "kernel_pair.per_s" else probes).append(float(value))
connect, quiet, flood = runs("connect"), runs("quiet"), runs("flood")
say("machine.core_to_core.before_ns", probes[0], "ns")
say("machine.core_to_core.after_ns", probes[-1], "ns")
say("tcp.connect.per_s", statistics.median(r["sessions_per_s"] for r in connect), "sessions_a_second_and_core")
say("tcp.connect.kernel_per_s", statistics.median(kernel), "sessions_a_second_and_core")
say("tcp.connect.kernel_ratio", statistics.median(r["sessions_per_s"] / k for r, k in zip(connect, kernel)), "of_kernel")
say("tcp.flood.syns_per_s", statistics.median(r["syns_per_s"] for r in flood), "sent")
say("tcp.flood.answers_per_s", statistics.median(r["flood_answers"] / (r["seconds"] + 1) for r in flood), "SYN-ACK_came_back")
# What a queue of 1024 frames in front of the gateway costs a frame, if it is full: not the gateway's to change.
say("tcp.flood.ring_us", statistics.median(1024e6 / max(1, r["syns_per_s"]) for r in flood), "us_each_way")
for name, these in [("flood", flood)] + [(f"flood{share}", runs(f"flood{share}")) for share in (50, 80, 95)]:
    good = [r["sessions"] / max(1, r["sessions"] + r["failed"] + r["live"]) for r in these]
    say(f"tcp.{name}.good_share", statistics.median(good), "of_sessions")
    say(f"tcp.{name}.p50_us", statistics.median(r["session_us"]["p50"] for r in these), "us")
    say(f"tcp.{name}.latency_ratio", statistics.median(f["session_us"]["p50"] / max(1, q["session_us"]["p50"])
                                                       for f, q in zip(these, quiet)), "of_quiet_p50")
say("tcp.quiet.p50_us", statistics.median(r["session_us"]["p50"] for r in quiet), "us")
