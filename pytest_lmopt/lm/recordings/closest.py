"""The recorded request that is closest to one without a recording, and where the two differ."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import islice
from typing import Any

from pytest_lmopt.canonical import canonical_json
from pytest_lmopt.safe_text import redact
from pytest_lmopt.wire import Request

COMPARED = 200
"""Recorded requests that are compared at most: the newest."""

_READ = 8
"""Requests whose text is compared: those that share most fields."""
_FIELDS = 2_000
_WORDS = 1_000
_SHOWN = 60
_BEFORE = 20
"""Characters shown before the first that differs."""
_SAID = frozenset(("content", "text", "input", "prompt", "instructions", "system", "arguments"))
"""Fields of what is said: a key without them would fit another request."""
_NOTHING = "nothing"
_WORD = re.compile(r"\w+|[^\w\s]")
_PLACE = re.compile(r"(?<=\.)\d+(?=\.|$)")

_Leaves = Mapping[str, object]


def difference(request: Request, recorded: Iterable[Request]) -> str:
    """Say where a request first differs from the closest recorded one of its dialect.

    A sentence without secrets, such as ``messages.1.content: expected 'a' (recorded), found 'b'``;
    empty where no request is comparable. Where a field of a client's call differs in every
    request, it advises to leave that out of the key.
    """
    dialect = request.params.get("dialect")
    others = [_fields(other) for other in recorded if other.params.get("dialect") == dialect]
    if not others:
        return ""
    found = _fields(request)
    closest = _closest(found, others)
    paths = [
        path
        for path in dict.fromkeys((*found, *closest))
        if found.get(path, _NONE) != closest.get(path, _NONE)
    ]
    if not paths:
        return "the same request is recorded for another repeat"
    path = paths[0]
    expected, seen = _shown(closest.get(path, _NONE), found.get(path, _NONE))
    more = f" ({len(paths)} fields differ in all)" if len(paths) > 1 else ""
    advice = _advice(path, dialect, found, others)
    return f"{path}: expected {expected} (recorded), found {seen}{more}{advice}"


class _None:
    """The value of a field that is not there."""


_NONE = _None()


def _fields(request: Request) -> _Leaves:
    return dict(islice(_leaves(_document(request)), _FIELDS))


def _document(request: Request) -> dict[str, Any]:
    """The request by the names that its client gives to its fields."""
    params = dict(request.params)
    body = params.pop("body", None)
    if isinstance(body, Mapping):
        del params["dialect"]
        return {"model": request.model} | {**body, **params, "model": request.model}
    messages = [message._asdict() for message in request.messages]
    return {"model": request.model, "messages": messages, **params}


def _leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    items: Iterable[tuple[object, object]] = ()
    if isinstance(value, Mapping):
        items = value.items()
    elif isinstance(value, Sequence) and not isinstance(value, str):
        items = enumerate(value)
    empty = True
    for name, item in items:
        empty = False
        yield from _leaves(item, f"{path}.{name}" if path else str(name))
    if empty:
        yield path, value


def _closest(found: _Leaves, others: Sequence[_Leaves]) -> _Leaves:
    def shared(other: _Leaves) -> int:
        return sum(other.get(path, _NONE) == value for path, value in found.items())

    likely = sorted(others, key=shared, reverse=True)[:_READ]
    matcher = SequenceMatcher(b=_words(found))

    def likeness(other: _Leaves) -> tuple[float, int]:
        matcher.set_seq1(_words(other))
        return matcher.ratio(), shared(other)

    return max(likely, key=likeness)


def _words(leaves: _Leaves) -> list[str]:
    return _WORD.findall(canonical_json(dict(sorted(leaves.items()))))[:_WORDS]


def _shown(expected: object, found: object) -> tuple[str, str]:
    """Both values from shortly before they differ."""
    if not (isinstance(expected, str) and isinstance(found, str)):
        return _text(expected), _text(found)
    texts = redact(expected), redact(found)
    shorter = min(map(len, texts))
    same = next((n for n in range(shorter) if texts[0][n] != texts[1][n]), shorter)
    start = same - _BEFORE if same > 2 * _BEFORE else 0
    one, other = (_cut(text, start) for text in texts)
    return repr(one), repr(other)


def _text(value: object) -> str:
    if isinstance(value, _None):
        return _NOTHING
    if isinstance(value, str):
        return repr(_cut(redact(value), 0))
    return _cut(redact(json.dumps(value, ensure_ascii=False, default=str)), 0)


def _cut(text: str, start: int) -> str:
    end = start + _SHOWN
    return f"{'…' if start else ''}{text[start:end]}{'…' if len(text) > end else ''}"


def _advice(path: str, dialect: object, found: _Leaves, others: Sequence[_Leaves]) -> str:
    """Name the option for a field whose value no two requests share, or what names a provider."""
    if path == "model":
        return ". The client's base URL decides the provider" if dialect is not None else ""
    if dialect is None or path.rpartition(".")[2] in _SAID:
        return ""
    values = [json.dumps(each.get(path), default=str) for each in (found, *others)]
    if len(values) < 3 or len(set(values)) < len(values):
        return ""
    pattern = _PLACE.sub("*", path)
    return (
        f". It differs in every request: if answers don't depend on it, set lm_key_ignore={pattern}"
    )
