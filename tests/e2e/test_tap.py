# SPDX-License-Identifier: MIT
"""test_tap.py - mail through a tap port"""
from traffic import suite

suite("tap")
