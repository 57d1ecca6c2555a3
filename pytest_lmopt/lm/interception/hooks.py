"""Class attributes of HTTP clients, replaced while suites run."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import lru_cache

from pytest_lmopt.errors import LmoptError
from pytest_lmopt.lm.interception.httpx_clients import async_hook, sync_hook
from pytest_lmopt.lm.interception.imports import Watch
from pytest_lmopt.lm.replacing import Maker, Replacement


@dataclass(frozen=True, kw_only=True)
class HookPoint:
    """A method of an HTTP client's class, and what makes the hook in its place."""

    module: str
    name: str
    method: str
    hook: Maker


def _sync(module: str, name: str) -> HookPoint:
    return HookPoint(module=module, name=name, method="handle_request", hook=sync_hook)


def _async(module: str, name: str) -> HookPoint:
    return HookPoint(module=module, name=name, method="handle_async_request", hook=async_hook)


POINTS = (
    _sync("httpx", "HTTPTransport"),
    _async("httpx", "AsyncHTTPTransport"),
    _sync("httpx2", "HTTPTransport"),
    _async("httpx2", "AsyncHTTPTransport"),
    _async("httpx_aiohttp", "AiohttpTransport"),
    _async("litellm.llms.custom_httpx.aiohttp_transport", "LiteLLMAiohttpTransport"),
)

_lock = threading.RLock()
_open = 0
_placed = ExitStack()


@contextmanager
def intercepting() -> Iterator[None]:
    """See the model calls of runs until the last such block ends; clients imported later, too.

    Raises ``LmoptError`` where a client lacks a method that a hook replaces.
    """
    global _open  # noqa: PLW0603 - the clients are there once per process, and so is this
    with _lock:
        if _open == 0:
            for module in {point.module for point in POINTS if point.module in sys.modules}:
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
        for point in POINTS:
            if point.module == module:
                _placed.enter_context(_replacement(point).in_place())


@lru_cache(maxsize=len(POINTS))
def _replacement(point: HookPoint) -> Replacement:
    kind = getattr(sys.modules[point.module], point.name, None)
    if not isinstance(kind, type) or point.method not in vars(kind):
        raise LmoptError(
            f"the calls of {point.module} can't be seen: expected {point.name}.{point.method} in "
            "the installed version, found none. Install a version that pytest-lmopt knows"
        )
    return Replacement(kind, point.method, point.hook)


_watch = Watch(sorted({point.module for point in POINTS}), _place)
