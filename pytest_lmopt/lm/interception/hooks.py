"""Class attributes of HTTP clients, replaced while suites run.

A hook is taken back only where it is still in place. Where another tool has replaced it since, it
stays below that tool's and passes all requests on.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pytest_lmopt.errors import LmoptError
from pytest_lmopt.lm.interception.httpx_clients import async_hook, sync_hook
from pytest_lmopt.lm.interception.imports import Watch

Method = Callable[[Any, Any], Any]


@dataclass(frozen=True, kw_only=True)
class HookPoint:
    """A method of an HTTP client's class, and the hook to put in its place."""

    module: str
    name: str
    method: str
    hook: Callable[[Method], Method]


def _httpx(module: str) -> tuple[HookPoint, ...]:
    return (
        HookPoint(module=module, name="HTTPTransport", method="handle_request", hook=sync_hook),
        HookPoint(
            module=module,
            name="AsyncHTTPTransport",
            method="handle_async_request",
            hook=async_hook,
        ),
    )


POINTS = (
    *_httpx("httpx"),
    *_httpx("httpx2"),
    HookPoint(
        module="litellm.llms.custom_httpx.aiohttp_transport",
        name="LiteLLMAiohttpTransport",
        method="handle_async_request",
        hook=async_hook,
    ),
    HookPoint(
        module="httpx_aiohttp",
        name="AiohttpTransport",
        method="handle_async_request",
        hook=async_hook,
    ),
)

_lock = threading.RLock()
_open = 0
_placed: list[tuple[Any, HookPoint, Method, Method]] = []
"""Classes with the point, the hook put there, and the method it replaced."""


@contextmanager
def intercepting() -> Iterator[None]:
    """See the model calls of runs until the last such block ends.

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
                _take_back()


def _place(module: str) -> None:
    with _lock:
        for point in (point for point in POINTS if point.module == module):
            kind = getattr(sys.modules[module], point.name, None)
            method = getattr(kind, point.method, None)
            if method is None:
                raise LmoptError(
                    f"the calls of {module} can't be seen: expected {point.name}.{point.method} in "
                    "the installed version, found none. Install a version that pytest-lmopt knows"
                )
            # one of ours that another tool has put back needs no second one
            if getattr(method, _MARK, False):
                continue
            hook = point.hook(method)
            setattr(hook, _MARK, True)
            setattr(kind, point.method, hook)
            _placed.append((kind, point, hook, method))


def _take_back() -> None:
    for kind, point, hook, method in _placed:
        if vars(kind).get(point.method) is hook:
            setattr(kind, point.method, method)
    _placed.clear()


_MARK = "_lmopt_hook"
_watch = Watch(sorted({point.module for point in POINTS}), _place)
