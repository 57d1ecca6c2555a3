"""Values of rows and answers: which are missing, and the text, number and answers one stands for.

Datasets, groups, splits and all metrics go by these rules.
"""

from __future__ import annotations

import dataclasses
import inspect
import math
import numbers
import re
import types
import unicodedata
from collections.abc import Mapping
from datetime import date, time
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, InvalidOperation
from enum import Enum
from fractions import Fraction
from pathlib import PurePath
from typing import Any
from uuid import UUID

from pytest_lmopt.suites.numerals import first_fraction, first_number

Number = Decimal | Fraction
"""An exact number; a decimal may be infinite, but is a number."""

_MARKERS = {"NAType", "NaTType", "MaskedConstant", "NullScalar"}
_MARKERS_OF = {"pandas", "numpy", "pyarrow"}
_COLLECTIONS = (list, tuple, set, frozenset)
_MOST_BITS = 1 << 17
"""Of a whole number; a larger one takes seconds to convert, and is close to nothing."""
_MOST_DIGITS = 10_000
_ROUGH = Context(prec=60, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])
_INVISIBLE = re.compile(  # Unicode's format characters and variation selectors
    "[\u00ad\u0600-\u0605\u061c\u06dd\u070f\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f"
    "\ufe00-\ufe0f\ufeff\ufff9-\ufffb\U000e0001\U000e0020-\U000e007f]"
)
_LOOK = str.maketrans(
    "‘’‚‛′“”„‟″«»‐‑‒–—−⁄АВЕЅІЈКМНОРСТХаеорсухіјѕΑΒΕΖΗΙΚΜΝΟΡΤΥΧο",
    '\'\'\'\'\'"""""""------/ABESIJKMHOPCTXaeopcyxijsABEZHIKMNOPTYXo',
)


def is_missing(value: object) -> bool:
    """Whether a value says that there is none: None, a NaN of any library, pandas' NA and NaT.

    Text is never missing: an empty answer is an answer.
    """
    kind = type(value)
    if kind.__name__ in _MARKERS and kind.__module__.partition(".")[0] in _MARKERS_OF:
        return True
    value = _unpacked(value)
    if value is None:
        return True
    if isinstance(value, Decimal):
        return value.is_nan()
    if isinstance(value, numbers.Number) or getattr(value, "shape", None) == ():
        try:
            return bool(value != value)  # noqa: PLR0124  # NaN alone differs from itself
        except Exception:
            return False
    return False


def text_in(value: object) -> str | None:
    """The text that a value stands for; None for one that has no text of its own.

    Lists, mappings, models and other objects have none: how Python shows them is not an answer.
    Numbers have their digits, a bool is ``True`` or ``False``, and a class may define ``__str__``.
    """
    if isinstance(value, Enum) and not isinstance(value, str):
        value = value.value
    if is_missing(value):
        return None
    value = _unpacked(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, (*_COLLECTIONS, Mapping)):
        return None
    if isinstance(value, numbers.Number | Decimal | date | time | UUID | PurePath) or _speaks(
        value
    ):
        try:
            return str(value)
        except Exception:  # more digits than Python writes, or a class's own fault
            return None
    return None


def number_in(value: object) -> Number | None:
    """The number that a value is, or the first one in its text; None for what has none.

    Exact: a float stands for its shortest decimal, as it was written. A bool is not a number.
    """
    if isinstance(value, Enum):
        value = value.value
    if is_missing(value):
        return None
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    if getattr(value, "shape", None) == () and kind == "f":
        return _decimal(str(value))  # in its own precision, which a float exceeds
    value = _unpacked(value)
    if isinstance(value, bool | date | time | UUID | PurePath):
        return None
    if isinstance(value, numbers.Number | Decimal):
        return _real(value)
    text = text_in(value)
    return None if text is None else first_number(text)


def score_in(value: object) -> float | None:
    """The number that a metric returned, a bool as 0 or 1; None for other values, as a text.

    A NaN stays one: it is a number outside of each range.
    """
    value = _unpacked(value)
    if isinstance(value, bool):
        return float(value)
    if value is None or not isinstance(value, numbers.Real | Decimal):
        return None
    try:
        return float(value)
    except (OverflowError, ValueError):
        return math.inf


def fraction_in(value: object) -> Fraction | None:
    """The fraction that a text begins its numbers with, such as ``1/2``; None for another value."""
    text = text_in(value) if isinstance(value, str) else None
    return None if text is None else first_fraction(text)


def is_close(found: Number, wanted: Number, *, relative: float, absolute: float) -> bool:
    """Whether |found − wanted| ≤ max(relative · |wanted|, absolute), exactly.

    An infinite number is close to itself alone. Beyond 10,000 digits the last ones are not looked
    at, unless both tolerances are 0.
    """
    if found == wanted:
        return True
    tolerances = [number_in(tolerance) or Decimal(0) for tolerance in (relative, absolute)]
    if not (_is_finite(found) and _is_finite(wanted)) or not any(tolerances):
        return False
    if not all(map(_is_finite, tolerances)):
        return max(tolerances) > 0
    if all(map(_is_short, (found, wanted, *tolerances))):
        share, reach = (Fraction(tolerance) for tolerance in tolerances)
        exact = Fraction(wanted)
        return abs(Fraction(found) - exact) <= max(share * abs(exact), reach)
    one, other, share_of, least = map(_rough, (found, wanted, *tolerances))
    most = _ROUGH.max(_ROUGH.multiply(share_of, _ROUGH.abs(other)), least)
    return _ROUGH.abs(_ROUGH.subtract(one, other)) <= most


def accepted_answers(expected: object) -> tuple[Any, ...]:
    """The answers that an expected value accepts: members of a list, tuple or set, else itself.

    Missing ones are none, so the tuple is empty where nothing is expected.
    """
    listed = _listed(expected)
    members = (expected,) if listed is None else listed
    return tuple(member for member in members if not is_missing(member))


def is_collection(value: object) -> bool:
    """Whether a value is a list, tuple, set or array: several answers, where one is expected."""
    return _listed(value) is not None


def is_equal(one: object, other: object) -> bool:
    """Whether two values are the same: of one kind, with equal members.

    A bool is not a number; a number has one value in every type, lists and tuples are sequences, an
    array is the list of its members. Two missing values are equal.
    """
    if is_missing(one) or is_missing(other):
        return is_missing(one) and is_missing(other)
    one, other = _unpacked(one), _unpacked(other)
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(is_equal(one[key], other[key]) for key in one)
    if hasattr(one, "equals") and type(one) is type(other):  # tables of pandas and the like
        return bool(one.equals(other))
    sequences = [_sequence(value) for value in (one, other)]
    if None not in sequences:
        left, right = sequences
        assert left is not None
        assert right is not None
        return len(left) == len(right) and all(map(is_equal, left, right))
    return bool(one == other) if sequences == [None, None] else False


def comparable_text(text: str) -> str:
    """A text as duplicates are found by it: composed (NFC), without case and invisible characters.

    White space is one space, and none stands at the ends.
    """
    seen = unicodedata.normalize("NFC", _INVISIBLE.sub("", text)).casefold()
    return " ".join(unicodedata.normalize("NFC", seen).split())


def look_of(text: str) -> str:
    """A text as it looks: one spelling of quotes, dashes, spaces and letters of the same shape."""
    plain = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)).translate(_LOOK)
    return " ".join(unicodedata.normalize("NFKC", plain).split())


def code_points(text: str, *, other: str) -> str:
    """The code points beyond ASCII that stand in a text, but not in the other; at most three."""
    odd = [char for char in dict.fromkeys(text) if char not in other and not " " <= char < "\x7f"]
    return " ".join(f"U+{ord(char):04X}" for char in odd[:3])


def group_name(value: object) -> str | None:
    """The name of a row's group: its text; None for a missing or blank one.

    A whole number has one name, whichever type it has: 1, 1.0 and "1" are the same group. Raises
    ``ValueError`` for what has no text.
    """
    if is_missing(value):
        return None
    number = None if isinstance(value, str) else number_in(value)
    if number is not None and _is_finite(number) and _is_short(number) and number == int(number):
        return str(int(number))
    text = text_in(value)
    if text is None:
        raise ValueError("a text or a number expected")
    return text.strip() or None


def _unpacked(value: Any) -> Any:
    """A numpy scalar, or an array without dimensions, as the Python value that it holds."""
    if getattr(value, "shape", None) != () or not callable(getattr(value, "item", None)):
        return value
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    return value if kind in ("m", "M", "V") else value.item()


def _listed(value: Any) -> tuple[Any, ...] | None:
    if isinstance(value, _COLLECTIONS):
        return tuple(value)
    found = _sequence(value)
    return None if found is None else tuple(found)


def _sequence(value: Any) -> list[Any] | None:
    """The members of a list, tuple or array, in their order."""
    if isinstance(value, list | tuple):
        return list(value)
    if getattr(value, "shape", ()) != () and callable(getattr(value, "tolist", None)):
        return list(value.tolist())
    return None


def _speaks(value: object) -> bool:
    """Whether the author of a class wrote its text."""
    kind = type(value)
    written = inspect.getattr_static(kind, "__str__", None)
    return (
        isinstance(written, types.FunctionType)
        and not hasattr(kind, "model_fields")
        and not hasattr(value, "shape")
        and not (dataclasses.is_dataclass(kind) and "__str__" not in vars(kind))
    )


def _real(value: Any) -> Number | None:
    if isinstance(value, Decimal):
        return value
    if isinstance(value, numbers.Integral):
        # numpy's time spans are registered as whole numbers
        return None if hasattr(value, "astype") else _whole(int(value))
    if isinstance(value, numbers.Rational):
        return Fraction(int(value.numerator), int(value.denominator))
    return _decimal(float.__repr__(float(value))) if isinstance(value, numbers.Real) else None


def _whole(value: int) -> Number:
    if value.bit_length() > _MOST_BITS:
        return Decimal("-Infinity" if value < 0 else "Infinity")
    return Decimal(value)


def _decimal(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _is_finite(number: Number) -> bool:
    return isinstance(number, Fraction) or number.is_finite()


def _is_short(number: Number) -> bool:
    """Whether a number has so few digits that a fraction of them takes no time."""
    if isinstance(number, Fraction):
        return max(number.numerator.bit_length(), number.denominator.bit_length()) <= _MOST_BITS
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    return abs(number.adjusted()) <= _MOST_DIGITS and abs(exponent) <= _MOST_DIGITS


def _rough(number: Number) -> Decimal:
    if isinstance(number, Fraction):
        return _ROUGH.divide(Decimal(number.numerator), Decimal(number.denominator))
    return number
