# SPDX-License-Identifier: MIT
"""test_workers.py - two workers on a port without RSS: segments that reach the wrong one are handed on"""
from traffic import suite

suite("veth", workers=2)
