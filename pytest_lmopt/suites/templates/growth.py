"""Filters and methods that can make much of little: looked at before they are called."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from jinja2.exceptions import SecurityError

from pytest_lmopt.suites.templates.account import (
    MOST_BITS,
    MOST_CHARACTERS,
    PER_ITEM,
    Account,
)

MOST_WIDTH = 10_000
"""What may be padded or split to; the largest exponent."""

_WIDE = re.compile(r"[0-9]{5,}|%[^%a-zA-Z]*\*|\{[^{}]*\{")
_NUMBER = re.compile(r"[0-9]+")
_PADDING = frozenset(
    {
        *("batch", "center", "indent", "ljust", "rjust", "slice", "tojson", "wordwrap", "zfill"),
        *("expandtabs", "to_bytes"),
    }
)
_PLAIN_CODECS = ("utf-8", "utf8", "ascii", "latin-1", "latin1")
_LINE_ENDS = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
_SPACES = " \t" + _LINE_ENDS
_WORK = {
    **dict.fromkeys(("pprint", "urlize", "wordwrap"), 64),
    **dict.fromkeys(("dictsort", "groupby", "sort", "title", "tojson", "unique"), 16),
    **dict.fromkeys(("urlencode", "wordcount", "xmlattr", "striptags"), 16),
}
"""Work for each character of what these are given; the others take 2."""
_MOST_PRECISION = 300
FREE = frozenset({"length", "count", "default", "d", "first", "attr"})
"""Filters that look at no more than the beginning."""

FREE_TESTS = frozenset(
    {
        *("defined", "undefined", "none", "boolean", "true", "false", "callable", "sameas"),
        *("string", "number", "integer", "float", "mapping", "sequence", "iterable", "escaped"),
    }
)
"""Tests of what something is."""

_HASHED = 2**61 - 1
"""Whole numbers are hashed modulo this: above it they can be made to collide."""
_MOST_HASHED = 1_000
_DIGIT = 30
"""Bits of a digit: to multiply or divide takes work for each pair of digits."""


class _Given(NamedTuple):
    """What a filter or method is given: first the object that it works on."""

    first: Any
    texts: list[str | bytes]
    widths: tuple[Any, ...]
    weights: list[int]
    account: Account

    @property
    def weight(self) -> int:
        return self.weights[0]

    @property
    def separator(self) -> int:
        """Characters of the longest text among the arguments."""
        return max(map(len, self.texts), default=0)

    @property
    def width(self) -> int:
        """The largest width, in numbers or as a text to pad with."""
        numbers = (each for each in self.widths if isinstance(each, int))
        return max([self.separator, 8, *numbers])


def look_at(name: str, given: tuple[Any, ...], account: Account) -> None:
    """Count what a filter, test or method is about to do; ``given`` are all its arguments.

    Results up to a few times the size of what is given are counted when they are there. Raises
    ``SecurityError``.
    """
    weights = [account.weight(value) for value in given]
    account.toil(sum(weights) * _WORK.get(name, 2))
    if name in _PADDING:
        check_widths(given[1:])
    look = _LOOKS.get(name)
    if look is not None and given:
        texts = [value for value in given[1:] if isinstance(value, str | bytes)]
        about = _Given(
            first=given[0], texts=texts, widths=given[1:], weights=weights, account=account
        )
        account.check_size(look(about))


def _formatted(given: _Given) -> int:
    return formatted_size(given.first, given.weights[1:])


def _indented(given: _Given) -> int:
    first = given.first
    lines = _count(first, _LINE_ENDS + "\t") if isinstance(first, str) else given.weight
    return given.weight + (lines + 1) * given.width


def _as_json(given: _Given) -> int:
    """What indentation adds; signs that are escaped make a text a few times as long."""
    width = max([given.separator, *(each for each in given.widths if isinstance(each, int))])
    if not width or given.weight > MOST_CHARACTERS:  # which is too large itself
        return given.weight
    lines = given.weight // PER_ITEM
    return given.weight + lines * width * _depth(given.first)


def _depth(value: Any) -> int:
    if not isinstance(value, list | tuple | dict):
        return 1
    items = value.values() if isinstance(value, dict) else value
    return 1 + max(map(_depth, items), default=0)


def _wrapped(given: _Given) -> int:
    return given.weight * (1 + given.separator)


def _replaced(given: _Given) -> int:
    if len(given.texts) < 2:
        return 0
    old, new = given.texts[:2]
    text: Any = given.first if isinstance(given.first, type(old)) else str(given.first)
    return len(text) + int(text.count(old)) * len(new)


def _joined(given: _Given) -> int:
    own = len(given.first) if isinstance(given.first, str | bytes) else 0
    count = max(map(_length, (given.first, *given.widths)))
    return sum(given.weights) + max(own, given.separator) * count


def _padded(given: _Given) -> int:
    return given.weight + given.width


def _filled(given: _Given) -> int:
    return given.weight + given.width * (PER_ITEM + max(given.weights[1:], default=0))


def _linked(given: _Given) -> int:
    return given.weight * 4 + _count(given.first, ".@") * sum(given.weights[1:])


def _summed(given: _Given) -> int:
    given.account.toil(_length(given.first) * given.weight)
    return 0


def _stripped(given: _Given) -> int:
    given.account.toil(_count(given.first, "<") * given.weight)
    return 0


def _rounded(given: _Given) -> int:
    check_widths(given.widths, most=_MOST_PRECISION)
    return 0


def _encoded(given: _Given) -> int:
    if any(str(text).lower() not in _PLAIN_CODECS for text in given.texts[:1]):
        raise SecurityError("only utf-8, ascii and latin-1 are encodings for templates")
    return 0


def _translated(_: _Given) -> int:
    raise SecurityError("translate is not for templates; use replace")


def _hashed(given: _Given) -> int:
    check_hashed(given.first)
    return 0


def _split(name: str) -> Callable[[_Given], int]:
    def look(given: _Given) -> int:
        return given.weight + _parts(name, given.first, given.texts) * PER_ITEM

    return look


_LOOKS: Mapping[str, Callable[[_Given], int]] = {
    "format": _formatted,
    **{name: _split(name) for name in ("split", "rsplit", "splitlines", "wordcount", "list")},
    **dict.fromkeys(("indent", "expandtabs"), _indented),
    "tojson": _as_json,
    "wordwrap": _wrapped,
    "replace": _replaced,
    "join": _joined,
    **dict.fromkeys(("center", "ljust", "rjust", "zfill", "to_bytes"), _padded),
    **dict.fromkeys(("batch", "slice"), _filled),
    "urlize": _linked,
    "sum": _summed,
    "striptags": _stripped,
    "round": _rounded,
    **dict.fromkeys(("encode", "decode"), _encoded),
    "translate": _translated,
    **dict.fromkeys(("unique", "groupby"), _hashed),
}
"""The size of a result, at most, where it may be many times that of what is given."""


def _parts(name: str, text: Any, texts: list[str | bytes]) -> int:
    """How many pieces a text is split into, at most."""
    if not isinstance(text, str):
        return 0
    if name == "list":
        return len(text)
    if name == "splitlines":
        return _count(text, _LINE_ENDS) + 1
    if name != "wordcount" and texts and texts[0]:
        return text.count(str(texts[0])) + 1
    # of words in another script's spaces there may be as many as in these
    return (_count(text, _SPACES) if text.isascii() else len(text) // 2) + 1


def _count(text: Any, signs: str) -> int:
    return sum(map(text.count, signs)) if isinstance(text, str) else len(str(text))


def _length(value: Any) -> int:
    return len(value) if isinstance(value, list | tuple | dict | str | range) else 0


def check_widths(given: tuple[Any, ...], *, most: int = MOST_WIDTH) -> None:
    """Refuse to pad to a huge width."""
    if any(isinstance(value, int) and abs(value) > most for value in given):
        raise SecurityError(f"a width over {most:,}")


def check_hashed(values: Any) -> None:
    """Refuse many numbers that may have been made to collide in a mapping or a set."""
    items = values if isinstance(values, list | tuple | dict | set) else ()
    found = sum(
        1
        for item in items
        for each in (item if isinstance(item, tuple) else (item,))
        if isinstance(each, int | float) and abs(each) >= _HASHED
    )
    if found > _MOST_HASHED:
        raise SecurityError(f"over {_MOST_HASHED:,} huge numbers in a mapping or a set")


def check_format(text: str | bytes) -> None:
    """Refuse widths and precisions of five digits and more, or taken from a value."""
    shown = text.decode("latin-1") if isinstance(text, bytes) else text
    if _WIDE.search(shown):
        raise SecurityError(f"a width over {MOST_WIDTH:,}, or from a value, in a format")


def formatted_size(text: Any, weights: list[int]) -> int:
    """How long a formatted text may get, whatever stands where; checks its widths."""
    if not isinstance(text, str | bytes):
        return 0
    check_format(text)
    shown = text.decode("latin-1") if isinstance(text, bytes) else text
    width = max((int(found) for found in _NUMBER.findall(shown)), default=0)
    places = shown.count("%") + shown.count("{")
    return len(shown) + places * (width + 4 * max(weights, default=0))


def look_at_operation(operator: str, left: Any, right: Any, account: Account) -> None:
    """Count what an operation is about to make; raises ``SecurityError``."""
    if isinstance(left, int | float) and isinstance(right, int | float):
        return _look_at_numbers(operator, left, right, account)
    weights = account.weight(left), account.weight(right)
    account.toil(sum(weights))
    if operator == "%" and isinstance(left, str | bytes):
        given = list(right.values()) if isinstance(right, Mapping) else [right]
        account.make(formatted_size(left, [*map(account.weight, given)]))
    elif operator == "*":
        for sequence, times, weight in ((left, right, weights[0]), (right, left, weights[1])):
            if isinstance(times, int) and isinstance(sequence, str | bytes | list | tuple):
                account.make(weight * max(0, times))
    else:
        account.make(sum(weights))


def _look_at_numbers(operator: str, left: float, right: float, account: Account) -> None:
    if operator == "**" and not (abs(left) <= MOST_WIDTH and abs(right) <= MOST_WIDTH):
        raise SecurityError(f"a power beyond {MOST_WIDTH:,} ** {MOST_WIDTH:,}")
    if isinstance(left, int) and isinstance(right, int):
        bits = left.bit_length() + right.bit_length()
        if bits > MOST_BITS:
            raise SecurityError(f"it makes a number of over {MOST_BITS:,} bits")
        if operator == "**" and right > 0:
            account.toil((left.bit_length() * right // _DIGIT) ** 2)
        elif operator != "+":
            account.toil((left.bit_length() // _DIGIT) * (right.bit_length() // _DIGIT))
