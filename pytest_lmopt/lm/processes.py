"""Processes as holders: of accounts, claims, turns, session folders, servers.

A holder is known by a token that doesn't repeat, ``<number>.<start>.<place>.<nonce>``. A number
alone repeats: in a container pytest is process 1 each time. ``start`` is when the process began, as
the kernel counts it, and ``place`` stands for the boot and the namespaces in which number and start
have a meaning. The nonce tells apart two processes that agree in everything else, as in copies of
one virtual machine; only the process itself knows its own.
"""

from __future__ import annotations

import calendar
import os
import re
import secrets
import subprocess
import sys
import time
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from pytest_lmopt.canonical import digest

_PROC = Path("/proc")
_TOKEN = re.compile(r"(\d{1,20})\.(\d+|\?)\.([0-9a-f]+|\?)(?:\.([0-9a-f]+))?")
_UNKNOWN = "?"
_ENDED = "0"
_BOOT = 8
"""Digits of a place that stand for the boot."""
_ASK_AGAIN_SECONDS = 1.0
"""How long the answer of ``ps`` is believed, which takes milliseconds."""


def own_token() -> str:
    """The token of this process; a forked child has one of its own."""
    return _own_token(os.getpid())


def token_of(number: int) -> str:
    """The token of a process that runs here, by its number; it lacks the nonce."""
    return f"{number}.{_start(number) or _UNKNOWN}.{place()}"


def alive(token: str) -> bool | None:
    """Whether a holder still runs; None where that can't be seen from here.

    A process of another namespace (another container) or of another user, if ``/proc`` is hidden,
    can't be seen. A process that has ended, but whose parent has not noticed yet, does not run. A
    text that is not a token, such as the plain number that earlier versions wrote, names none.
    """
    parts = _TOKEN.fullmatch(token)
    if parts is None:
        return False
    number, (start, where, nonce) = int(parts[1]), parts.groups()[1:]
    if _UNKNOWN in (where, place()):
        return True if token == own_token() else None
    if where != place():
        # of another boot no process is left; within one boot the other has another namespace
        return None if where[:_BOOT] == place()[:_BOOT] else False
    if number == os.getpid() and nonce is not None:
        return token == own_token()
    return _has_start(number, start)


@lru_cache(maxsize=1)
def place() -> str:
    """What numbers and starts of processes refer to: the boot, then the namespaces."""
    if os.name != "posix":
        return _UNKNOWN
    if not sys.platform.startswith("linux"):
        return digest(["absolute start", sys.platform], length=16)
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text("ascii").strip()
        numbers = os.stat(_PROC / "self/ns/pid").st_ino
        if os.readlink(_PROC / "self") != str(os.getpid()):
            return _UNKNOWN  # it shows another namespace's processes
    except (OSError, ValueError):
        return _UNKNOWN
    clock = 0
    with suppress(OSError):  # a kernel before 5.6 has one clock for all
        clock = os.stat(_PROC / "self/ns/time").st_ino
    return digest(boot, length=_BOOT) + digest([numbers, clock], length=8)


@lru_cache(maxsize=1)
def _own_token(number: int) -> str:
    return f"{token_of(number)}.{secrets.token_hex(4)}"


def _has_start(number: int, start: str) -> bool | None:
    if not _exists(number):
        return False
    now = _start(number)
    return None if now is None or start == _UNKNOWN else now == start != _ENDED


def _exists(number: int) -> bool:
    try:
        os.kill(number, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _start(number: int) -> str | None:
    """When a process began, None where that can't be seen."""
    if os.name != "posix":
        return None
    if not sys.platform.startswith("linux"):
        return _start_by_ps(number, int(time.monotonic() / _ASK_AGAIN_SECONDS))
    try:
        # the name, which is in brackets, may hold anything
        fields = (_PROC / str(number) / "stat").read_bytes().rpartition(b") ")[2].split()
        return _ENDED if fields[0] in b"ZX" else str(int(fields[19]))
    except (OSError, ValueError, IndexError):
        return None


@lru_cache(maxsize=64)
def _start_by_ps(number: int, _when: int) -> str | None:
    command = ["ps", "-o", "stat=", "-o", "lstart=", "-p", str(number)]
    plain = {**os.environ, "LC_ALL": "C", "TZ": "UTC"}
    try:
        found = subprocess.run(command, env=plain, capture_output=True, check=True, timeout=10)
        state, _, began = found.stdout.decode("ascii").strip().partition(" ")
        moment = time.strptime(began.strip(), "%a %b %d %H:%M:%S %Y")
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return _ENDED if state.startswith("Z") else str(calendar.timegm(moment))
