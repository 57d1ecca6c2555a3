"""Other tools that answer in a provider's place: pytest-httpx, respx, vcrpy.

Their answers are not the provider's, so they are not recorded.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from operator import is_not
from types import FunctionType
from typing import Any

BELOW = (
    *(
        (f"{core}._{kind}.{module}", f"{prefix}{name}", f"handle_{infix}request")
        for core in ("httpcore", "httpcore2")
        for kind, prefix, infix in (("sync", "", ""), ("async", "Async", "async_"))
        for module, name in (
            ("connection_pool", "ConnectionPool"),
            ("connection", "HTTPConnection"),
        )
    ),
)
"""Methods below the transports, by module and class, that such tools replace."""


_MOCKS = ("pytest_httpx", "respx", "vcr", "unittest", "mock", "pook")
"""Packages of tools that answer in a provider's place."""

_CLIENTS = ("httpx", "httpcore", "litellm")
_MOST_WRAPPERS = 100


_decided: dict[int, tuple[tuple[Any, ...], bool]] = {}
"""By the transport's id, the functions that a decision rests on."""
_MOST_DECIDED = 64


def is_mocked(original: Callable[..., Any]) -> bool:
    """Tell whether another tool stands in for a transport, or for what it sends through.

    A wrapper that calls the transport, such as one that makes spans, is no such tool.
    """
    modules = sys.modules
    found: list[Any] = [original]
    for module, name, attribute in BELOW:
        if module in modules:
            found.append(getattr(getattr(modules[module], name, None), attribute, None))
    known = _decided.get(id(original))
    if known is None or len(known[0]) != len(found) or any(map(is_not, known[0], found)):
        if len(_decided) >= _MOST_DECIDED:
            _decided.clear()
        known = tuple(found), any(_stands_in(each) for each in found if each is not None)
        _decided[id(original)] = known
    return known[1]


def _stands_in(function: Any) -> bool:
    for _ in range(_MOST_WRAPPERS):
        owner = _owner(function)
        if owner.partition(".")[0] in _MOCKS:
            return True
        if not hasattr(function, "__wrapped__"):
            return not owner.startswith(_CLIENTS)
        function = function.__wrapped__
    return True


def _owner(function: Any) -> str:
    """The module that a function, or the kind of another callable, was made in."""
    if isinstance(function, FunctionType):
        return str(function.__globals__.get("__name__", ""))
    return type(function).__module__
