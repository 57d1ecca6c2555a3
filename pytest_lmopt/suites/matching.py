"""Whether what a pipeline returned is what a prompt's outputs say, typed or as text.

A pipeline parses an answer into a model, a number, a member of an enumeration or a list. The value
is matched with the outputs field by field, so that it is known which prompt gave the answer.

The form in which outputs say a value is a word: ``value``, the only output does; ``fields``, each
says its field; ``json``, the only one is its JSON, or a list of its items; ``order``, each says an
item. It is empty where they don't say it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from enum import Enum
from itertools import islice
from numbers import Number as AnyNumber
from typing import Any

from pytest_lmopt.suites.numerals import only_number
from pytest_lmopt.suites.typed_values import (
    DEPTH,
    fields_of,
    items_of,
    only_item,
    own_fields,
)
from pytest_lmopt.suites.values import Number, number_in

ONLY = "only "
"""Begins a form whose value is the only item or field of what was returned."""

MOST = 50
"""Objects that are looked into for a field."""

LONGEST = 20_000
"""Characters of a text that are looked into for a number or JSON."""

YES_NO = (("yes", "no"), ("true", "false"), ("y", "n"), ("t", "f"), ("1", "0"), ("on", "off"))
"""Spellings of True and False."""

NOTHINGS = ("", "none", "null", "n/a", "nil", "-")
"""Spellings of None."""

_FENCE = re.compile(r"\A\s*```\w*\n(.*?)\n?```\s*\Z", re.DOTALL)
_SEPARATORS = re.compile(r"[,;\n]")


def form_of(outputs: Mapping[str, Any], value: Any, depth: int = DEPTH) -> str:
    """The form in which a prompt's outputs say ``value``; empty where they don't.

    Of a list of one and of an object with one field, that is the form of what it holds, after
    ``ONLY``. A text that is JSON stands for what it holds.
    """
    said = list(outputs.values())
    if not said or value is None:
        return ""
    if fields_of(value) is not None and all(
        any(same(item, text) for item in named(value, name)) for name, text in outputs.items()
    ):
        return "fields"
    if form := _alone(value, said[0]) if len(said) == 1 else _in_order(value, said):
        return form
    if depth and isinstance(value, str) and (read := json_in(value, whole=True)) is not None:
        return form_of(outputs, read, 0)
    inner = only_item(value) if depth else ()
    form = next(filter(None, (form_of(outputs, each, depth - 1) for each in inner)), "")
    return form if not form or form.startswith(ONLY) else ONLY + form


def named(value: Any, name: str, *, most: int = MOST) -> Iterator[Any]:
    """What a value's field of that name holds, its own first, then those of its fields'.

    At ``most`` so many objects are looked into. Names are compared without case and ``_``:
    ``teamCode`` is ``team_code``.
    """
    held = [value]
    for each in held:
        fields = fields_of(each) or {}
        if name in fields:
            yield fields[name]
        else:
            yield from (item for other, item in fields.items() if _key(other) == _key(name))
        inner = [*islice(fields.values(), most), *only_item(each)]
        held += [item for item in inner if not any(item is known for known in held)]
        del held[most:]


def same(value: Any, said: Any, depth: int = DEPTH) -> bool:
    """Whether a value is what an output says; a text says it as a whole or on a line of its own."""
    if isinstance(value, Enum):
        return same(value.value, said, depth) or _folded(said) == value.name.casefold()
    if value is None or isinstance(said, bool) or _is_bool(value):
        return _constant_same(value, said)
    if isinstance(value, str):
        text, whole = value.strip(), str(said).strip()
        return text == whole or (bool(text) and text in map(str.strip, whole.splitlines()))
    if isinstance(value, AnyNumber):
        number = _number(value)
        return number is not None and number == _number(said)
    return _parts_same(value, said, depth)


def json_in(text: str, *, whole: bool = False) -> Any:
    """The first JSON object or list in a text, or that it is as a ``whole``; else None."""
    text = text[:LONGEST]
    fenced = _FENCE.match(text)
    text = (fenced[1] if fenced else text).strip()
    start = re.search(r"[\[{]", text)
    if start is None or (whole and start.start()):
        return None
    try:
        read, end = json.JSONDecoder().raw_decode(text, start.start())
    except (ValueError, RecursionError):
        return None
    return None if whole and text[end:].strip() else read


def spelling(word: str) -> tuple[str, str] | None:
    """The spellings of True and False of which a word is one, in its case; None if it is none."""
    for pair in YES_NO:
        if word.casefold() in pair:
            yes, no = (
                (each.upper() if word.isupper() else each.capitalize() if word.istitle() else each)
                for each in pair
            )
            return yes, no
    return None


def _alone(value: Any, said: Any) -> str:
    """The form in which the only output says a value."""
    if same(value, said):
        structured = fields_of(value) is not None or items_of(value) is not None
        is_json = isinstance(value, str) and json_in(value, whole=True) is not None
        return "json" if structured or is_json else "value"
    inside = only_item(json_in(said)) if isinstance(said, str) else ()
    return "json" if any(same(value, inner) for inner in inside) else ""


def _in_order(value: Any, said: list[Any]) -> str:
    items = items_of(value)
    if items is None and hasattr(value, "_fields"):
        items = list((own_fields(value) or {}).values())
    return "order" if items and _all_same(items, said) else ""


def _constant_same(value: Any, said: Any) -> bool:
    """Whether one of None, True and False is the other, or is what the other's word says."""
    if value is None:
        return said is None or _folded(said) in NOTHINGS
    if _is_bool(value):
        return bool(value) == said if isinstance(said, bool) else _says(bool(value), said)
    return isinstance(value, str) and _says(said, value)


def _is_bool(value: Any) -> bool:
    """Also numpy's."""
    return isinstance(value, bool) or type(value).__name__ in ("bool", "bool_")


def _parts_same(value: Any, said: Any, depth: int) -> bool:
    if not depth:
        return False
    fields, items = fields_of(value), items_of(value)
    if fields is None and items is None:  # a date, a path, ...
        written = getattr(value, "isoformat", None)
        texts = {str(value), written() if callable(written) else str(value)}
        return str(said).strip() in texts
    read = json_in(said) if isinstance(said, str) else said
    if fields is not None:
        theirs = fields_of(read)
        return bool(theirs) and all(
            any(same(item, text, depth - 1) for item in named(value, name, most=1))
            for name, text in (theirs or {}).items()
        )
    theirs_items = items_of(read)
    if theirs_items is None and isinstance(said, str):
        theirs_items = [part.strip(" -*") for part in _SEPARATORS.split(said) if part.strip(" -*")]
    return bool(items) and _all_same(items or [], theirs_items or [], depth - 1)


def _all_same(items: list[Any], said: list[Any], depth: int = DEPTH) -> bool:
    return len(items) == len(said) and all(
        same(item, text, depth) for item, text in zip(items, said, strict=True)
    )


def _says(value: bool, said: Any) -> bool:
    pair = spelling(_folded(said))
    return pair is not None and pair[not value] == _folded(said)


def _folded(said: Any) -> str:
    return str(said).strip(" \t\r\n.!\"'").casefold()


def _key(name: str) -> str:
    return name.replace("_", "").casefold()


def _number(value: Any) -> Number | None:
    """A number, or the only one in a text."""
    return only_number(value[:LONGEST]) if isinstance(value, str) else number_in(value)
