"""Instructions in a proposer's answer, read as tolerantly as may be without guessing."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from unicodedata import category

MOST_CHARACTERS = 8_000
"""Longer instructions are taken for runaway text."""

_UNFIT = ("Cc", "Cs")
_TAG = re.compile(
    r"<instruction(?:\s+prompt\s*=\s*[\"']?(?P<name>[^\"'>]*?)[\"']?)?\s*>"
    r"(?P<text>.*?)(?:</instruction\s*>|(?=<instruction\b)|\Z)",
    re.DOTALL | re.IGNORECASE,
)
_FENCE = re.compile(r"```[\w-]*\n(.*?)(?:\n```|\Z)", re.DOTALL)


def instructions_in(answer: str | None, names: Sequence[str]) -> dict[str, str]:
    """New instructions by prompt name, for those of ``names`` that the answer has one for.

    Asked for are ``<instruction prompt="NAME">...</instruction>`` tags; an answer may leave out
    the name where there is one prompt, the closing tag, or write a JSON object by name, or, for
    one prompt, a fenced block. Anything else, runaway text or text without a letter (dots, as in
    the question) is no instruction.
    """
    if not answer:
        return {}
    found = _tagged(answer, names) or _from_json(answer, names)
    if not found and len(names) == 1:
        fenced = _FENCE.findall(answer)
        found = {names[0]: fenced[-1]} if fenced else {}
    cleaned = {name: _cleaned(text) for name, text in found.items()}
    return {
        name: text
        for name, text in cleaned.items()
        if any(map(str.isalpha, text)) and len(text) <= MOST_CHARACTERS
    }


def _tagged(answer: str, names: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for match in _TAG.finditer(answer):
        name = (match["name"] or "").strip()
        if not name and len(names) == 1:
            name = names[0]
        if name in names:
            found[name] = match["text"]
    return found


def _from_json(answer: str, names: Sequence[str]) -> dict[str, str]:
    decoder = json.JSONDecoder()
    for match in re.finditer(r"\{", answer):
        try:
            value, _ = decoder.raw_decode(answer, match.start())
        except (ValueError, RecursionError):
            continue
        found = _by_name(value, names)
        if found:
            return found
    return {}


def _by_name(value: Mapping[str, Any], names: Sequence[str]) -> dict[str, str]:
    if len(names) == 1 and isinstance(value.get("instruction"), str):
        return {names[0]: value["instruction"]}
    return {name: value[name] for name in names if isinstance(value.get(name), str)}


def _cleaned(text: str) -> str:
    # no prompt file can hold control characters, nor half a surrogate pair, which JSON can
    kept = (char for char in text.expandtabs(4) if char == "\n" or category(char) not in _UNFIT)
    text = "".join(kept).strip()
    fenced = _FENCE.fullmatch(text)
    if fenced:
        text = fenced[1].strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" and text[0] not in text[1:-1]:
        text = text[1:-1].strip()
    return text
