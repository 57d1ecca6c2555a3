"""The audit hook: notes what a run opens past the interception, and refuses what breaks a promise.

Python can't remove an audit hook, so there is one a process, and it does nothing unless suites run.
"""

from __future__ import annotations

import errno
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import PurePath
from typing import Any

from pytest_lmopt.errors import UnmeteredError
from pytest_lmopt.lm.net.hosts import address_of, is_public, plain_host, serves_no_models
from pytest_lmopt.lm.net.openings import Opening
from pytest_lmopt.lm.tracing import RunContext, here, is_our_own

LIBRARIES = ("grpc", "pycurl", "curl_cffi")
"""Modules that connect without Python's sockets, so that no event tells of it."""
_ORDINARY = frozenset(
    ("lsb_release", "uname", "ldconfig", "sw_vers", "cc", "gcc", "ld", "objdump", "file")
)
"""Programs that Python's library starts to look at the machine."""

_lock = threading.Lock()
_open = 0
_added = False


@contextmanager
def watching() -> Iterator[None]:
    """Watch what runs open until the last such block ends."""
    global _open, _added  # noqa: PLW0603 - a process has one hook
    with _lock:
        if not _added:
            sys.addaudithook(_heard)
            _added = True
        _open += 1
    try:
        yield
    finally:
        with _lock:
            _open -= 1


def loaded_libraries() -> tuple[Opening, ...]:
    """List the loaded libraries whose connections can't be seen."""
    return tuple(Opening(kind="library", target=name) for name in LIBRARIES if name in sys.modules)


def sent_past(run: RunContext, host: str, port: int) -> None:
    """Note a request that a hook sees but does not claim, as its connection may be an old one.

    Raises ``ConnectionRefusedError`` where the run's rules forbid it.
    """
    _connected(run, None, (host, port))


def _heard(event: str, arguments: tuple[Any, ...]) -> None:
    if not _open:
        return
    handle = _HANDLERS.get(event)
    if handle is None:
        return
    run = here()
    if run is not None and not is_our_own():
        handle(run, *arguments)


def _looked_up(run: RunContext, host: object, port: object, *_: object) -> None:
    if host in (None, "", b"") or address_of(plain_host(host)) is not None:
        return  # of an address, the connection tells
    name, number = plain_host(host), _port(port)
    run.openings.look_up(name, number)
    if number is not None:
        _named(run, name, number)


def _connected(run: RunContext, _: object, address: object) -> None:
    if not isinstance(address, tuple) or len(address) < 2 or not isinstance(address[1], int):
        return  # a socket of this machine's own kinds
    host, port = plain_host(address[0]), address[1]
    literal = address_of(host)
    if literal is None:
        _named(run, host, port)
    elif not run.openings.is_named(port):
        name = run.openings.take_portless()
        if name is not None:
            run.openings.look_up(name, port)
            return _named(run, name, port)
        allowed = run.rules.interception.allows(host, port)
        target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        refused = run.rules.replaying and not allowed and is_public(literal)
        run.openings.note("address", target, "off" if allowed else "refused" if refused else "")
        if refused:
            raise _refused(target, run)


def _named(run: RunContext, host: str, port: int) -> None:
    target, rules = f"{host}:{port}", run.rules
    if rules.interception.allows(host, port):
        return run.openings.note("name", target, "off")
    if serves_no_models(host):
        run.openings.note("name", target, "no models")
        if rules.replaying:
            raise _refused(target, run)
        return
    run.openings.note("name", target, "refused" if rules.promise else "")
    if rules.promise:
        if run.stop is None:
            run.stop = UnmeteredError.connection(
                target, opener=OPENERS[run.purpose], promise=rules.promise
            )
        raise _refused(target, run)


def _refused(target: str, run: RunContext) -> ConnectionRefusedError:
    return ConnectionRefusedError(
        errno.ECONNREFUSED,
        f"pytest-lmopt refuses a connection to {target} under {run.rules.promise}",
    )


def _started(run: RunContext, program: object, arguments: object = (), *_: object) -> None:
    given = arguments if isinstance(arguments, list | tuple) else []
    name = PurePath(os.fsdecode(program or (given[0] if given else "?"))).name  # type: ignore[arg-type]
    if name not in _ORDINARY:
        run.openings.note("process", name)


def _spawned(run: RunContext, *arguments: object) -> None:
    if sys._getframe(2).f_globals.get("__name__") != "subprocess":  # which has said so itself
        _started(run, *arguments)


def _in_shell(run: RunContext, command: object, *_: object) -> None:
    words = os.fsdecode(command).split()  # type: ignore[arg-type]
    _started(run, words[0] if words else "sh")


def _forked(run: RunContext) -> None:
    run.openings.note("process", "a fork of this one")


def _port(port: object) -> int | None:
    text = port.decode("ascii", "replace") if isinstance(port, bytes) else str(port or "")
    known = {"http": 80, "https": 443}
    number = int(text) if text.isdecimal() else known.get(text, 0)
    return number or None


OPENERS = {
    "run": "the pipeline",
    "metric": "the metric",
    "setup": "a fixture",
    "import": "a test module or conftest",
}

_HANDLERS: dict[str, Callable[..., None]] = {
    "socket.getaddrinfo": _looked_up,
    "socket.connect": _connected,
    "subprocess.Popen": _started,
    "os.posix_spawn": _spawned,
    "os.exec": _started,
    "os.fork": _forked,
    "os.system": _in_shell,
}
