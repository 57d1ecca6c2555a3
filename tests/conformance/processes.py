"""Processes that a store may be opened for, by token: two that live, and one that has ended."""

from __future__ import annotations

import os
import subprocess
import sys

from pytest_lmopt.lm.processes import own_token, token_of

OWN = own_token()
OTHER = token_of(os.getppid())


def ended() -> str:
    """The token of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE)
    token = token_of(process.pid)
    process.communicate(b"\n")
    return token
