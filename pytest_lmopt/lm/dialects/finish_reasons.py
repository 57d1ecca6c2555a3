"""Why answers end: each provider has its own words for the same few reasons."""

from __future__ import annotations

from typing import Literal

from pytest_lmopt.wire import Completion

Ending = Literal["stop", "length", "tools", "filter"]

_LENGTH = ("length", "max_tokens", "max_output_tokens", "model_context_window_exceeded")
_FILTER = ("content_filter", "refusal")

FILTERED = "the answer was cut off by the provider's content filter"


def ending(completion: Completion) -> Ending:
    """Sort the reason for the end of an answer that any provider, or none, has named."""
    if completion.finish in _LENGTH:
        return "length"
    if completion.finish in _FILTER:
        return "filter"
    return "tools" if completion.tool_calls else "stop"


def refused(words: str) -> str:
    """Say that the model itself refused."""
    return f"the model refused: {words[:500]}" if words else "the model refused"
