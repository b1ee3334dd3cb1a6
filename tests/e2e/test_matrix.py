# SPDX-License-Identifier: MIT
"""test_matrix.py - letters from some clients to every next hop (tests/interop); `make interop` sends many"""
import os
import subprocess
import sys

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../interop")
subprocess.run([os.path.join(FOLDER, "fetch")], check=False)
os.execvp("unshare", ["unshare", "-m", sys.executable, os.path.join(FOLDER, "matrix.py"), "25"])
