# SPDX-License-Identifier: MIT
"""test_veth.py - mail through a veth port"""
from traffic import suite

suite("veth")
