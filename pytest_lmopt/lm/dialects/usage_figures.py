"""What a provider reports of a call's usage, read from JSON as it came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pytest_lmopt.lm.dialects.json_bodies import mapping
from pytest_lmopt.lm.money.usage import Reported
from pytest_lmopt.lm.reported_usage import odd_figures

_CHAT_DETAILS = ("prompt_tokens_details", "completion_tokens_details")
_RESPONSES_DETAILS = ("input_tokens_details", "output_tokens_details")
_CACHE = ("cache_read_input_tokens", "cache_creation_input_tokens")


def chat_usage(usage: object) -> Reported:
    """Read the usage of chat and legacy completions."""
    return _detailed(
        mapping(usage), ("prompt_tokens", "completion_tokens", "total_tokens"), _CHAT_DETAILS
    )


def responses_usage(usage: object) -> Reported:
    """Read the usage of OpenAI's responses."""
    return _detailed(
        mapping(usage), ("input_tokens", "output_tokens", "total_tokens"), _RESPONSES_DETAILS
    )


def embeddings_usage(usage: object) -> Reported:
    """Read the usage of embeddings, which have no output."""
    found = mapping(usage)
    odd = odd_figures(found, counts=("prompt_tokens", "total_tokens"), needed=("prompt_tokens",))
    return Reported(
        input=found.get("prompt_tokens"),
        output=0,
        total=found.get("total_tokens"),
        odd=_in_words(odd),
    )


def anthropic_usage(usage: object) -> Reported:
    """Read the usage of Anthropic's messages; their input leaves out what a cache holds."""
    found = mapping(usage)
    needed = ("input_tokens", "output_tokens")
    read, written = (found.get(name) for name in _CACHE)
    parts: list[Any] = [found.get("input_tokens"), read or 0, written or 0]
    odd = odd_figures(found, counts=(*needed, *_CACHE), needed=needed)
    return Reported(
        input=None if odd else sum(parts),
        output=found.get("output_tokens"),
        cached=read,
        written=written,
        odd=_in_words(odd),
    )


def _detailed(
    found: Mapping[str, Any], counts: Sequence[str], details: tuple[str, str]
) -> Reported:
    odd = odd_figures(found, counts=counts, needed=counts[:2], details=details)
    asked, answered = (mapping(found.get(name)) for name in details)
    cached = asked.get("cached_tokens")
    if cached is None:
        cached = found.get("prompt_cache_hit_tokens")  # DeepSeek's own field
    return Reported(
        input=found.get(counts[0]),
        output=found.get(counts[1]),
        total=found.get(counts[2]),
        cached=cached,
        reasoning=answered.get("reasoning_tokens"),
        written=asked.get("cache_write_tokens"),
        odd=_in_words(odd),
    )


def _in_words(odd: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(f"{name} {value}" for name, value in odd.items())
