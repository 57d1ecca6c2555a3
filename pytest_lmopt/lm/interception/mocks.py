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


def is_mocked(original: Callable[..., Any]) -> bool:
    """Tell whether another tool stands in for a transport, or for what it sends through."""
    if not _is_of(
        original, original.__module__ or "", ("httpx", "httpx2", "litellm", "httpx_aiohttp")
    ):
        return True
    for module, name, attribute in BELOW:
        kind = getattr(sys.modules.get(module), name, None)
        method = getattr(kind, attribute, None)
        if method is not None and not _is_of(method, getattr(method, "__module__", ""), (module,)):
            return True
    return False


def _is_of(function: Any, module: str, owners: tuple[str, ...]) -> bool:
    return isinstance(function, FunctionType) and module.startswith(owners)
