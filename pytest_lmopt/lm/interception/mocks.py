"""Other tools that answer in a provider's place: pytest-httpx, respx, vcrpy.

Their answers are not the provider's, so they are not recorded.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
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


def is_mocked(original: Callable[..., Any]) -> bool:
    """Tell whether another tool stands in for a transport, or for what it sends through.

    A wrapper that calls the transport, such as one that makes spans, is no such tool.
    """
    below = (
        getattr(getattr(sys.modules.get(module), name, None), attribute, None)
        for module, name, attribute in BELOW
    )
    return any(_stands_in(each) for each in (original, *filter(None, below)))


def _stands_in(function: Any) -> bool:
    is_function = isinstance(function, FunctionType)
    owner = function.__globals__.get("__name__", "") if is_function else type(function).__module__
    if owner.partition(".")[0] in _MOCKS:
        return True
    return not owner.startswith(_CLIENTS) and not hasattr(function, "__wrapped__")
