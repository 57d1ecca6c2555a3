"""Class attributes of HTTP clients, replaced while suites run."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache

from pytest_lmopt.lm.interception.imports import Watch
from pytest_lmopt.lm.private_names import CLIENTS, require
from pytest_lmopt.lm.replacing import Replacement

_lock = threading.RLock()
_open = 0
_placed = ExitStack()


@contextmanager
def intercepting() -> Iterator[None]:
    """See the model calls of runs until the last such block ends; clients imported later, too.

    Raises ``PackageError`` where a client lacks what the hooks rely on.
    """
    global _open  # noqa: PLW0603 - the clients are there once per process, and so is this
    with _lock:
        if _open == 0:
            for module in CLIENTS.keys() & sys.modules.keys():
                _place(module)
            _watch.begin()
        _open += 1
    try:
        yield
    finally:
        with _lock:
            _open -= 1
            if _open == 0:
                _watch.end()
                _placed.close()


def _place(module: str) -> None:
    with _lock:
        for replacement in _replacements(module):
            _placed.enter_context(replacement.in_place())


@lru_cache(maxsize=len(CLIENTS))
def _replacements(module: str) -> tuple[Replacement, ...]:
    # most suites of prompts load no client, and need none of what reads its requests
    from pytest_lmopt.lm.interception.httpx_clients import HOOKS

    require(CLIENTS[module])
    owners = (name.owner() for name in CLIENTS[module])
    return tuple(
        Replacement(kind, method, HOOKS[method])
        for kind, method in owners
        if isinstance(kind, type) and method in HOOKS
    )


_watch = Watch(sorted(CLIENTS), _place)
