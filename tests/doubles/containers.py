"""Processes that are number 1 of a namespace of their own, as in a container."""

from __future__ import annotations

import subprocess

import pytest

SPACE = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
"""Goes before a command; killing this kills the command."""


def _can_unshare() -> bool:
    try:
        return subprocess.run([*SPACE, "true"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


namespaces = pytest.mark.skipif(not _can_unshare(), reason="needs namespaces of processes")
