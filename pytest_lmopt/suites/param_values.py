"""Checks of a parameter's value: kinds, ranges and, for what is nested, every key inside."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from pytest_lmopt.errors import PromptError
from pytest_lmopt.safe_text import text_of

Check = Callable[[Any, str], None]
"""Raises ``PromptError`` for a wrong value; its second argument is the value's place."""

_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_LONGEST_FOUND = 80


def wrong(place: str, expected: str, found: object) -> PromptError:
    """The error for a value at ``place``: what was expected, what was found."""
    shown = text_of(found, repr)
    if len(shown) > _LONGEST_FOUND:
        shown = shown[:_LONGEST_FOUND] + "…"
    return PromptError(f"expected {expected}, found {shown}", field=place)


def number(least: float, most: float = math.inf) -> Check:
    """A finite number in a closed range."""

    def check(value: Any, place: str) -> None:
        fits = isinstance(value, int | float) and not isinstance(value, bool)
        if not fits or not least <= value <= most or value == math.inf:
            raise wrong(place, f"a number {_range(least, most)}", value)

    return check


def whole(least: int, most: int) -> Check:
    """A whole number in a closed range."""

    def check(value: Any, place: str) -> None:
        fits = isinstance(value, int) and not isinstance(value, bool)
        if not fits or not least <= value <= most:
            raise wrong(place, f"a whole number {_range(least, most)}", value)

    return check


def text(longest: int) -> Check:
    """A text of at most so many characters."""

    def check(value: Any, place: str) -> None:
        if not isinstance(value, str) or len(value) > longest:
            raise wrong(place, f"a text of at most {longest:,} characters", value)

    return check


def one_of(*values: Any) -> Check:
    """One of some values; true and false are not 1 and 0 here."""
    shown = ", ".join(map(_as_yaml, values))

    def check(value: Any, place: str) -> None:
        if not any(type(value) is type(each) and value == each for each in values):
            raise wrong(place, shown if len(values) == 1 else f"one of {shown}", value)

    return check


def switch(value: Any, place: str) -> None:
    """True or false."""
    if not isinstance(value, bool):
        raise wrong(place, "true or false", value)


def either(expected: str, *checks: tuple[type | tuple[type, ...], Check]) -> Check:
    """The check of the first kind that the value is of."""

    def check(value: Any, place: str) -> None:
        for kind, fits in checks:
            if isinstance(value, kind):
                return fits(value, place)
        raise wrong(place, expected, value)

    return check


def listed(each: Check, *, most: int, what: str) -> Check:
    """A list of at most so many; ``what`` names its items in errors."""

    def check(value: Any, place: str) -> None:
        if not isinstance(value, list | tuple) or len(value) > most:
            raise wrong(place, f"a list of at most {most} {what}", value)
        for number, item in enumerate(value):
            each(item, f"{place}[{number}]")

    return check


def mapping(fields: Mapping[str, Check]) -> Check:
    """A mapping with these fields only, all of them optional."""

    def check(value: Any, place: str) -> None:
        if not isinstance(value, Mapping):
            raise wrong(place, "a mapping", value)
        for name, item in value.items():
            inside = f"{place}.{name}"
            if name not in fields:
                raise PromptError(
                    f"not an allowed field; expected one of {', '.join(sorted(fields))}",
                    field=inside,
                )
            fields[name](item, inside)

    return check


def biases(value: Any, place: str) -> None:
    """Token ids, each with a bias from -100 to 100."""
    if not isinstance(value, Mapping):
        raise wrong(place, "a mapping from token ids to biases", value)
    if len({type(token) for token in value}) > 1:  # equal ids, or keys that can't be sorted
        raise wrong(place, "token ids that are all numbers or all texts", value)
    bias = number(-100, 100)
    for token, item in value.items():
        if isinstance(token, bool) or not str(token).isascii() or not str(token).isdigit():
            raise wrong(place, "a mapping from token ids to biases", token)
        bias(item, f"{place}.{token}")


def schema(value: Any, place: str) -> None:
    """A JSON schema: names in it are data, but no reference may lead out of it."""
    if not isinstance(value, Mapping):
        raise wrong(place, "a JSON schema (a mapping)", value)
    _plain(value, place)


def _plain(value: Any, place: str) -> None:
    if isinstance(value, Mapping):
        for name, item in value.items():
            inside = f"{place}.{name}"
            if not isinstance(name, str):
                raise wrong(place, "texts for names", name)
            if name in _REFERENCES and isinstance(item, str) and not item.startswith("#"):
                raise wrong(inside, "a reference within the schema, beginning with '#'", item)
            _plain(item, inside)
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            _plain(item, f"{place}[{number}]")
    elif not (value is None or isinstance(value, str | int | float)):
        raise wrong(place, "JSON", value)


def _range(least: float, most: float) -> str:
    return f"of at least {least:,}" if most == math.inf else f"from {least:,} to {most:,}"


def _as_yaml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
