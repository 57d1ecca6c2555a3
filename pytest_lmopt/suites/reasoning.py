"""Thinking before answering: how it is asked for, shown in demos, and told from the answer.

Chain of thought (Wei et al., arXiv 2201.11903), with one marker between the two parts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MARKER = "Final answer:"
"""Begins the line on which the answer begins."""

DIRECTIVE = (
    f'Think step by step before you answer. Then begin a new line with "{MARKER}" and write '
    "the answer, and nothing else, after it."
)

ROOM = 512
"""Tokens that an answer with its reasoning may have at least."""

# "### Final answer:", "**Final answer:**" and "**Final answer: ...**" are common
_MARKED = re.compile(
    r"^[ \t>#*_`-]{0,9}?(?P<open>[*_`]{0,3})final answer(?P<colon>[ \t*_`]{0,9}:[*_`]{0,3})",
    re.IGNORECASE | re.MULTILINE,
)


def show_reasoning(reasoning: str, answer: str, *, below: bool) -> str:
    """An answer with the reasoning that led to it; ``below`` puts it on lines of its own."""
    marked = f"{MARKER}\n{answer}" if below else f"{MARKER} {answer}"
    return f"{reasoning}\n{marked}" if reasoning else marked


def split_reasoning(text: str, params: Mapping[str, Any]) -> tuple[str, str]:
    """Reasoning and answer of a model's text; without a marker all of it is the answer.

    Of several markers the last counts. The answer ends where ``params``'s ``stop`` says.
    """
    reasoning, answer = "", text
    for head in [*_MARKED.finditer(text)][-1:]:
        reasoning, answer = text[: head.start()].strip(), text[head.end() :].strip()
        if head["open"] and head["colon"].strip() == ":":
            answer = answer.removesuffix(head["open"])
    stop = params.get("stop")
    for end in stop if isinstance(stop, list | tuple) else [stop]:
        if end:
            answer = answer.lstrip().partition(str(end))[0]
    return reasoning, answer


def with_room(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters meant for an answer, with room to think before it.

    ``stop`` is left to ``split_reasoning``: thinking may well have several lines.
    """
    kept = {name: value for name, value in params.items() if name != "stop"}
    return {**kept, "max_tokens": max(kept.get("max_tokens", ROOM), ROOM)}
