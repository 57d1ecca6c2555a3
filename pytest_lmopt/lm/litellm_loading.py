"""litellm, imported late and quietly, and kept from asking twice by itself."""

from __future__ import annotations

import contextvars
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache, wraps
from typing import Any

from pytest_lmopt import known_secrets
from pytest_lmopt.lm import private_names
from pytest_lmopt.lm.quiet import quiet
from pytest_lmopt.lm.reported_usage import note_usages

_asking_once: contextvars.ContextVar[bool] = contextvars.ContextVar("lmopt_once", default=False)

DOWNLOADS = ("LITELLM_LOCAL_MODEL_COST_MAP", "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS")
"""Variables that keep litellm from downloading what it ships: prices, names of headers."""


def load_litellm() -> Any:
    """Import litellm quietly: no downloads of its own, no hints printed on errors.

    Raises ``PackageError`` where the installed release lacks a private name that we rely on.
    """
    litellm = _imported()
    private_names.require(private_names.LITELLM)
    _prepare()
    return litellm


@lru_cache(maxsize=1)
def _imported() -> Any:
    # read not only at import but whenever litellm refreshes these files, so they stay set
    for kept_local in DOWNLOADS:
        os.environ.setdefault(kept_local, "True")
    with quiet():
        import litellm
    litellm.suppress_debug_info = True
    return litellm


@lru_cache(maxsize=1)
def _prepare() -> None:
    _let_calls_ask_once()
    note_usages()


@contextmanager
def asking_once() -> Iterator[None]:
    """Within the block litellm does not repeat a call whose connection broke.

    It does so for most providers, whatever number of retries it is given; but the broken call may
    have been billed, and the budget knows of one. The keys it may send are noted, to be hidden.
    """
    for name in ("litellm", "openai"):
        if name in sys.modules:
            known_secrets.note_module(sys.modules[name])
    known_secrets.note_environment()
    token = _asking_once.set(True)
    try:
        yield
    finally:
        _asking_once.reset(token)


def tool_arguments(tools: Sequence[object] | None) -> dict[str, Any]:
    """What a call with these tools is given besides, so that it needs no package but litellm.

    For every tool litellm imports its gateway for MCP servers, and with it the package ``mcp``,
    which it does not require. Only a tool of that kind is left to the gateway.
    """
    if not tools or not isinstance(tools, Sequence):
        return {}
    kinds = [tool.get("type") for tool in tools if isinstance(tool, Mapping)]
    return {} if "mcp" in kinds else {"_skip_mcp_handler": True}


def _let_calls_ask_once() -> None:
    handler, name = private_names.REPEATED_REQUEST.owner()
    repeat = getattr(handler, name)

    @wraps(repeat)
    async def repeat_if_allowed(*args: Any, **kwargs: Any) -> Any:
        broken = sys.exception()
        if _asking_once.get() and broken is not None:
            raise broken
        return await repeat(*args, **kwargs)

    # a wrapper rather than a client of our own: each provider wants another kind of client
    setattr(handler, name, repeat_if_allowed)
