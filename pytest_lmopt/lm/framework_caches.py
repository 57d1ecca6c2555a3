"""Caches of frameworks that answer in a provider's place: we see no call then.

Only modules that the pipeline has imported are looked at, and only their plain attributes: a first
read of DSPy's cache by its name would build it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any


def caches_on() -> Iterator[str]:
    """Name each cache that is on, and what turns it off."""
    if _dspy_is_on():
        off = "dspy.configure_cache(enable_disk_cache=False, enable_memory_cache=False)"
        yield _notice("DSPy", off)
    if _attribute("langchain_core.globals", "_llm_cache") is not None:
        yield _notice("LangChain", "langchain_core.globals.set_llm_cache(None)")
    if _attribute("litellm", "cache") is not None:
        yield _notice("litellm", "litellm.cache = None")


def _notice(framework: str, off: str) -> str:
    return (
        f"{framework}'s own cache is on; answers from it are neither counted nor recorded. "
        f"Turn it off: {off}"
    )


def _dspy_is_on() -> bool:
    """Whether DSPy has built its cache, with a level on, and its model may use it."""
    cache = _attribute("dspy", "cache")
    levels = (getattr(cache, f"enable_{level}_cache", False) for level in ("disk", "memory"))
    model = getattr(_attribute("dspy", "settings"), "lm", None)
    return any(levels) and getattr(model, "cache", True) is not False


def _attribute(module: str, name: str) -> Any:
    return getattr(sys.modules.get(module), "__dict__", {}).get(name)
