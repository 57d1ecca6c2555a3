"""The ready-made metrics: deterministic, with feedback that says what was expected."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from pytest_lmopt.metrics.score import Score
from pytest_lmopt.safe_text import text_of
from pytest_lmopt.suites.example import Example

_NUMBER = re.compile(r"[-+]?(?:\d[\d,]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True, kw_only=True)
class ExactMatch:
    """1 if the prediction equals the expected value, else 0.

    Text is compared without leading and trailing white space; ``ignore_case`` ignores case too.
    """

    ignore_case: bool = False

    def __call__(self, example: Example, prediction: Any) -> Score:
        """Score one prediction."""
        return _verdict(
            self._form(prediction) == self._form(example.expected), example.expected, prediction
        )

    def _form(self, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return value.strip().casefold() if self.ignore_case else value.strip()


@dataclass(frozen=True, kw_only=True)
class Contains:
    """1 if the expected text stands anywhere in the prediction, else 0; there must be one."""

    ignore_case: bool = False

    def __call__(self, example: Example, prediction: Any) -> Score:
        """Score one prediction."""
        wanted = "" if example.expected is None else str(example.expected).strip()
        if not wanted:
            raise ValueError(f"the expected value {example.expected!r} holds nothing to look for")
        text = str(prediction)
        if self.ignore_case:
            wanted, text = wanted.casefold(), text.casefold()
        return _verdict(wanted in text, example.expected, prediction)


@dataclass(frozen=True, kw_only=True)
class NumericClose:
    """1 if the prediction's first number is within the tolerance of the expected one, else 0.

    |prediction − expected| ≤ max(``relative`` · |expected|, ``absolute``). Thousands commas are
    understood.
    """

    relative: float = 1e-6
    absolute: float = 0.0

    def __call__(self, example: Example, prediction: Any) -> Score:
        """Score one prediction."""
        found, wanted = _number(prediction), _number(example.expected)
        if wanted is None:
            raise ValueError(f"the expected value {example.expected!r} holds no number")
        reach = max(self.relative * abs(wanted), self.absolute)
        return _verdict(
            found is not None and abs(found - wanted) <= reach, example.expected, prediction
        )


@dataclass(frozen=True, kw_only=True)
class TokenF1:
    """Harmonic mean of word precision and recall, case ignored (SQuAD; Rajpurkar et al. 2016).

    Where neither text has a word, 1 if they are equal without white space around them, else 0.
    """

    def __call__(self, example: Example, prediction: Any) -> Score:
        """Score one prediction."""
        wanted = Counter(re.findall(r"\w+", str(example.expected).casefold()))
        found = Counter(re.findall(r"\w+", str(prediction).casefold()))
        shared = (wanted & found).total()
        if wanted or found:
            value = 1.0 if wanted == found else 2.0 * shared / (wanted.total() + found.total())
        else:  # signs alone
            value = float(str(example.expected).strip() == str(prediction).strip())
        if value == 1.0:
            return Score(value=1.0)
        return Score(value=value, feedback=_feedback(example.expected, prediction))


exact_match = ExactMatch()
contains = Contains()
numeric_close = NumericClose()
f1 = TokenF1()


def _verdict(passed: bool, expected: Any, prediction: Any) -> Score:
    if passed:
        return Score(value=1.0)
    return Score(value=0.0, feedback=_feedback(expected, prediction))


def _feedback(expected: Any, prediction: Any) -> str:
    return f"expected {text_of(expected, repr):.200}, got {text_of(prediction, repr):.200}"


def _number(value: Any) -> float | None:
    if isinstance(value, int | float):
        try:
            return float(value)
        except OverflowError:  # too large for a float, so close to nothing
            return math.inf
    match = _NUMBER.search(str(value).replace(_MINUS, "-"))
    return float(match.group().replace(",", "")) if match else None
