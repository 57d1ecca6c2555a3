"""What a provider reports of a call's usage, read from JSON as it came."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pytest_lmopt.lm.dialects.json_bodies import mapping
from pytest_lmopt.lm.money.usage import Reported
from pytest_lmopt.lm.reported_usage import odd_figures

_CHAT_DETAILS = ("prompt_tokens_details", "completion_tokens_details")
_RESPONSES_DETAILS = ("input_tokens_details", "output_tokens_details")
_CACHE = ("cache_read_input_tokens", "cache_creation_input_tokens")

_PLACES = ("usage", "usageMetadata", "usage_metadata", "meta", "metadata", "message", "response")
_INPUT = ("prompt_tokens", "input_tokens", "promptTokenCount", "inputTokens", "inputTextTokenCount")
_OUTPUT = ("completion_tokens", "output_tokens", "candidatesTokenCount", "outputTokens")
_THOUGHT = "thoughtsTokenCount"
_TOTAL = ("total_tokens", "totalTokenCount", "totalTokens")
_READ = ("cacheReadInputTokens", "cache_read_input_tokens")
_WRITTEN = ("cacheWriteInputTokens", "cache_creation_input_tokens")
_CACHED = "cachedContentTokenCount"
_TOOLS_READ = "toolUsePromptTokenCount"
_ALL = (*_INPUT, *_OUTPUT, *_TOTAL, *_READ, *_WRITTEN, _CACHED, _THOUGHT, _TOOLS_READ)
_INNER = ("tokens", "billed_units", "usage")


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
    details = _RESPONSES_DETAILS[1:]
    odd = odd_figures(found, counts=(*needed, *_CACHE), needed=needed, details=details)
    return Reported(
        input=None if odd else sum(parts),
        output=found.get("output_tokens"),
        reasoning=mapping(found.get(details[0])).get("thinking_tokens"),
        cached=read,
        written=written,
        odd=_in_words(odd),
    )


def any_usage(bodies: Iterable[Mapping[str, Any] | None]) -> Reported:
    """Read a usage in any of the usual forms; of a stream's events, the last figures count."""
    found: dict[str, Any] = {}
    for body in bodies:
        found |= _figures(body)
    if not found:
        return Reported(input=None, output=None, odd=("usage missing",))
    odd = odd_figures(found, counts=tuple(found), needed=())
    read, written = _first(found, _READ), _first(found, _WRITTEN)
    # a cache's part is beside the input at Bedrock and Anthropic, and within it at Gemini
    into = [_first(found, _INPUT), read, written, found.get(_TOOLS_READ)]
    out = [_first(found, _OUTPUT), found.get(_THOUGHT)]
    return Reported(
        input=into[0] if odd else sum(filter(None, into)),
        output=out[0] if odd else sum(filter(None, out)),
        total=_first(found, _TOTAL),
        cached=found.get(_CACHED) if read is None else read,
        reasoning=found.get(_THOUGHT),
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
    into, out, total = (found.get(name) for name in counts)
    reasoning = answered.get("reasoning_tokens")
    parts: list[Any] = [into, out, reasoning]
    if not odd and isinstance(reasoning, int) and total == sum(parts):
        out = sum(parts[1:])  # xAI reports reasoning beside the output, not as its part
    return Reported(
        input=into,
        output=out,
        total=total,
        cached=cached,
        reasoning=reasoning,
        written=asked.get("cache_write_tokens"),
        odd=_in_words(odd),
    )


def _in_words(odd: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(f"{name} {value}" for name, value in odd.items())


def _figures(whole: Mapping[str, Any] | None) -> dict[str, Any]:
    """Find the figures in the usual places of a body or an event."""
    found: dict[str, Any] = {}
    for place in _PLACES:
        holder = mapping(mapping(whole).get(place))
        for inner in (holder, *(mapping(holder.get(name)) for name in _INNER)):
            found |= {
                name: value for name, value in inner.items() if name in _ALL and value is not None
            }
    return found


def _first(found: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((found[name] for name in names if name in found), None)
