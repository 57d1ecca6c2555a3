"""How far a provider's word on a call's usage is believed: one rule for all calls.

Whole numbers from 0 to the model's context, and from 0 to its largest output, are charged as
reported, be they above what was reserved. Anything else is charged at the reserved bound: a
negative number would refill a budget, and a huge one would exhaust it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from pytest_lmopt.lm.money.price_table import table_limits
from pytest_lmopt.lm.money.prices import MOST_MICRO_USD, price
from pytest_lmopt.wire import DEFAULT_MAX_TOKENS, Completion, Remark, Request, Usage

DEFAULT_CONTEXT = 2_000_000
"""Tokens of context of a model that litellm's table lacks."""

DEFAULT_OUTPUT = 200_000
"""Tokens of the largest output of such a model."""

_MOST_TOKENS = 10**8
_MOST_ANSWERS = 1_000
_MOST_MILLISECONDS = 10**10


class Bound(NamedTuple):
    """The most tokens that a call can take: what is reserved for it."""

    input: int
    output: int


@dataclass(frozen=True, kw_only=True)
class Reported:
    """What was reported of a call, as it came; None for what was not.

    ``cached`` is the part of the input read from a cache, ``written`` the part written to one, and
    ``reasoning`` is a part of the output. ``odd`` are figures that were not whole numbers, in
    words.
    """

    input: object
    output: object
    total: object = None
    cached: object = None
    reasoning: object = None
    written: object = None
    odd: Sequence[str] = ()


def as_reported(usage: Any, *, odd: Iterable[str] = ()) -> Reported:
    """litellm's usage object as what was reported."""
    details = getattr(usage, "prompt_tokens_details", None)
    thought = getattr(usage, "completion_tokens_details", None)
    return Reported(
        input=getattr(usage, "prompt_tokens", 0),
        output=getattr(usage, "completion_tokens", 0),
        total=getattr(usage, "total_tokens", None),
        cached=getattr(details, "cached_tokens", None),
        written=getattr(details, "cache_creation_tokens", None),
        reasoning=getattr(thought, "reasoning_tokens", None),
        odd=tuple(dict.fromkeys(odd)),
    )


def bound_of(request: Request) -> Bound:
    """What is reserved for a call.

    Where it sets no limit of its output, 1,024 are assumed; where the limit can't be one, the
    model's largest output. A client's call is bounded by its own limits, and by the model's where
    it sets none.
    """
    if request.limits is not None:
        context, largest = _largest(request.model)
        into, out = request.limits.input, request.limits.output
        out = out if _within(out, _MOST_TOKENS) and out is not None else largest
        answers = request.limits.answers
        out *= answers if 0 < answers <= _MOST_ANSWERS else 1
        return Bound(context if into is None else into, out)
    params = request.params
    given = (params.get(name) for name in ("max_tokens", "max_completion_tokens"))
    limit = next((limit for limit in given if limit is not None), DEFAULT_MAX_TOKENS)
    output = _whole(limit)
    if output is None or not 0 < output <= _MOST_TOKENS:
        output = _largest(request.model).output
    return Bound(request.input_bound, output * _answers(request))


def usage_of(request: Request, reported: Reported) -> tuple[Usage, Remark | None]:
    """What a call is charged by what was reported of it, and what there is to remark on that."""
    bound = bound_of(request)
    remark: Remark | None
    problem = _problem(request, reported, bound)
    if problem:
        tokens, remark = bound, Remark("not believed", problem, sum(bound))
    else:
        tokens = Bound(_int(reported.input), _int(reported.output))
        remark = _above(tokens, bound)
    believed_parts = Reported(input=0, output=0) if problem else reported
    cached, written, reasoning = (
        _int(part)
        for part in (believed_parts.cached, believed_parts.written, believed_parts.reasoning)
    )
    usage = Usage(
        calls=1,
        **_named(tokens),
        cached_tokens=cached,
        reasoning_tokens=reasoning,
        micro_usd=price(request.model, *tokens, cached=cached, written=written),
    )
    return usage, remark


def believed(request: Request, completion: Completion) -> Completion:
    """An answer with a usage that can be charged, whatever model made it."""
    if completion.usage_remark is not None:
        return completion
    given, bound = completion.usage, bound_of(request)
    usage = recorded_usage(vars(given))
    reported = Reported(input=given.input_tokens, output=given.output_tokens)
    # a test's own model may count nothing
    problem = _problem(request, reported, bound, may_be_nothing=True)
    if not problem and usage.micro_usd != given.micro_usd:
        problem = f"{_shown(given.micro_usd)} millionths of a dollar"
    if problem:
        usage = replace(usage, **_named(bound), micro_usd=price(request.model, *bound))
        remark: Remark | None = Remark("not believed", problem, sum(bound))
    else:
        remark = _above(Bound(usage.input_tokens, usage.output_tokens), bound)
    return replace(completion, usage=usage, usage_remark=remark)


def recorded_usage(fields: object) -> Usage:
    """The usage that was recorded with an answer.

    A figure that can't be counts as nothing, such a price as unknown: the answer is paid for, and
    asking again would only cost more. Raises ``ValueError`` for what is not a usage at all.
    """
    if not isinstance(fields, Mapping):
        raise ValueError(f"usage is {_shown(fields)}")
    given: Mapping[str, object] = fields
    most = {
        "calls": _MOST_TOKENS,
        "replayed": _MOST_TOKENS,
        "input_tokens": _MOST_TOKENS,
        "output_tokens": _MOST_TOKENS,
        "cached_tokens": _MOST_TOKENS,
        "reasoning_tokens": _MOST_TOKENS,
        "saved_micro_usd": MOST_MICRO_USD,
        "milliseconds": _MOST_MILLISECONDS,
    }
    counts: dict[str, Any] = {
        name: given[name] if _within(given.get(name), limit) else 0 for name, limit in most.items()
    }
    if not _within(given.get("calls", 0), _MOST_TOKENS):
        counts["calls"] = 1
    micro_usd: Any = given.get("micro_usd", 0)
    return Usage(**counts, micro_usd=micro_usd if _within(micro_usd, MOST_MICRO_USD) else None)


def _problem(
    request: Request, reported: Reported, bound: Bound, *, may_be_nothing: bool = False
) -> str:
    """Why a report can't be right; empty if it can."""
    into, out = _int(reported.input), _int(reported.output)
    if reported.odd:
        return ", ".join(reported.odd)
    if into == out == 0 and bound != (0, 0) and not may_be_nothing:
        return "no tokens at all"
    most = bound
    if not (_within(reported.input, bound.input) and _within(reported.output, bound.output)):
        context, output = _largest(request.model)
        most = Bound(max(context, bound.input), max(output * _answers(request), bound.output))
    parts = [
        ("input", reported.input, most.input),
        ("output", reported.output, most.output),
        ("cached", reported.cached or 0, into),
        ("written", reported.written or 0, into),
        ("reasoning", reported.reasoning or 0, out),
    ]
    for kind, part, whole in parts:
        if not _within(part, whole):
            return f"{kind} tokens {_shown(part)}, expected 0 to {whole:,}"
    if reported.total and reported.total != into + out:
        return f"total tokens {_shown(reported.total)}, expected {into + out:,}"
    return ""


def _above(tokens: Bound, bound: Bound) -> Remark | None:
    if tokens.input <= bound.input and tokens.output <= bound.output:
        return None
    return Remark("above", f"{sum(tokens):,} tokens", sum(bound))


def _answers(request: Request) -> int:
    """How many answers a call asks for."""
    if request.limits is not None:
        return request.limits.answers
    answers = _whole(request.params.get("n"))
    return 1 if answers is None or not 0 < answers <= _MOST_ANSWERS else answers


def _largest(model: str) -> Bound:
    """A model's context and largest output, by litellm's table."""
    context, output = (
        size if type(size) is int and 0 < size <= _MOST_TOKENS else None
        for size in table_limits(model)
    )
    return Bound(context or DEFAULT_CONTEXT, output or DEFAULT_OUTPUT)


def _within(value: object, most: int) -> bool:
    return type(value) is int and 0 <= value <= most


def _int(value: object) -> int:
    return value if isinstance(value, int) else 0


def _whole(value: object) -> int | None:
    """A parameter as providers read it: ``100``, ``100.0`` or ``"100"``."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = int(value)
        return number if float(value) == number else None
    except (ValueError, OverflowError):
        return None


def _named(tokens: Bound) -> dict[str, int]:
    return {"input_tokens": tokens.input, "output_tokens": tokens.output}


def _shown(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**30:
        return f"{value:,}"
    shown = ascii(value) if not isinstance(value, int) or isinstance(value, bool) else "(huge)"
    return shown if len(shown) <= 40 else f"{shown[:40]}…"
