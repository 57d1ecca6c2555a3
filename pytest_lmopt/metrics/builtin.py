"""The ready-made metrics: deterministic, with feedback that says what was expected.

``suites.values`` decides which values are missing, and what text, number or answers one stands for.
An example without an expected value can't be scored by them: they raise ``ValueError``. No answer,
and an answer without a text or number where one is needed, score 0.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from pytest_lmopt.metrics.score import Score
from pytest_lmopt.safe_text import text_of
from pytest_lmopt.suites.example import Example
from pytest_lmopt.suites.values import (
    accepted_answers,
    code_points,
    fraction_in,
    is_close,
    is_collection,
    is_equal,
    is_missing,
    look_of,
    number_in,
    text_in,
)


@dataclass(frozen=True, kw_only=True)
class ExactMatch:
    """1 if the prediction equals the expected value, else 0.

    Text is compared without leading and trailing white space; ``ignore_case`` ignores case too. A
    list or set of expected values accepts each of them, unless the prediction is one itself.
    """

    ignore_case: bool = False

    def __call__(self, example: Example, prediction: Any) -> Score:
        """Score one prediction."""
        wanted: tuple[Any, ...] = (example.expected,)
        if is_collection(example.expected) and not is_collection(prediction):
            wanted = _wanted(example, "to compare with") if len(example.expected) else ()
        elif is_missing(example.expected):
            raise _nothing(example, "to compare with")
        found = self._form(prediction)
        passed = any(is_equal(found, self._form(each)) for each in wanted)
        return _verdict(passed and not is_missing(prediction), example.expected, prediction)

    def _form(self, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        text = (text_in(value) or "").strip()
        return text.casefold() if self.ignore_case else text


@dataclass(frozen=True, kw_only=True)
class Contains:
    """1 if the expected text stands anywhere in the prediction, else 0; there must be one.

    Of a list or set of expected texts one is enough.
    """

    ignore_case: bool = False

    def __call__(self, example: Example, prediction: Any) -> Score:
        """Score one prediction."""
        wanted = [text.strip() for text in _wanted_texts(example, "to look for")]
        if not all(wanted):
            raise _nothing(example, "to look for")
        text = text_in(prediction)
        # a bool is written True or true
        lower = self.ignore_case or isinstance(example.expected, bool)
        passed = text is not None and any(
            each.casefold() in text.casefold() if lower else each in text for each in wanted
        )
        return _verdict(passed, example.expected, prediction, kind="text", part=True)


@dataclass(frozen=True, kw_only=True)
class NumericClose:
    """1 if the prediction's first number is within the tolerance of the expected one, else 0.

    |prediction − expected| ≤ max(``relative`` · |expected|, ``absolute``), without rounding. Of a
    list or set of expected numbers one is enough. Texts may group thousands and have a decimal
    comma; ``suites.numerals.first_number`` has the rules.
    """

    relative: float = 1e-6
    absolute: float = 0.0

    def __call__(self, example: Example, prediction: Any) -> Score:
        """Score one prediction."""
        found = [n for n in (number_in(prediction), fraction_in(prediction)) if n is not None]
        passed = False
        for each in _wanted(example, "to compare with"):
            fraction = fraction_in(each)
            wanted = number_in(each) if fraction is None else fraction
            if wanted is None:
                raise ValueError(f"the expected value {text_of(each, repr):.80} holds no number")
            passed |= any(
                is_close(number, wanted, relative=self.relative, absolute=self.absolute)
                for number in found
            )
        return _verdict(passed, example.expected, prediction, kind="number")


@dataclass(frozen=True, kw_only=True)
class TokenF1:
    """Harmonic mean of word precision and recall, case ignored (SQuAD; Rajpurkar et al. 2016).

    Where neither text has a word, 1 if they are equal without white space around them, else 0. Of a
    list or set of expected texts the best one counts.
    """

    def __call__(self, example: Example, prediction: Any) -> Score:
        """Score one prediction."""
        wanted, text = _wanted_texts(example, "to compare with"), text_in(prediction)
        value = 0.0 if text is None else max(_overlap(each, text) for each in wanted)
        if value == 1.0:
            return Score(value=1.0)
        return Score(value=value, feedback=_feedback(example.expected, prediction, kind="text"))


exact_match = ExactMatch()
contains = Contains()
numeric_close = NumericClose()
f1 = TokenF1()


def _wanted(example: Example, purpose: str) -> tuple[Any, ...]:
    """The answers that an example accepts: at least one."""
    answers = accepted_answers(example.expected)
    if not answers:
        raise _nothing(example, purpose)
    return answers


def _wanted_texts(example: Example, purpose: str) -> list[str]:
    texts: list[str] = []
    for answer in _wanted(example, purpose):
        text = text_in(answer)
        if text is None:
            raise ValueError(
                f"the expected value {text_of(answer, repr):.80} is a {type(answer).__name__}, "
                "which has no text; expected a text or a list of texts"
            )
        texts.append(text)
    return texts


def _nothing(example: Example, purpose: str) -> ValueError:
    shown = f"{text_of(example.expected, repr):.80}"
    return ValueError(
        f"the expected value {shown} holds nothing {purpose}. Give the row one, or drop the row"
    )


def _overlap(wanted: str, found: str) -> float:
    """Token F1 of two texts."""
    words, others = (Counter(re.findall(r"\w+", text.casefold())) for text in (wanted, found))
    if not words and not others:  # signs alone
        return float(wanted.strip() == found.strip())
    shared = (words & others).total()
    return 1.0 if words == others else 2.0 * shared / (words.total() + others.total())


def _verdict(
    passed: bool, expected: Any, prediction: Any, *, kind: str = "", part: bool = False
) -> Score:
    if passed:
        return Score(value=1.0)
    return Score(value=0.0, feedback=_feedback(expected, prediction, kind=kind, part=part))


def _feedback(expected: Any, prediction: Any, *, kind: str, part: bool = False) -> str:
    """Both values; and a reason that can't be seen in them.

    ``kind`` is what the metric needs of a prediction, if not everything will do; ``part`` looks
    for the expected text inside of it.
    """
    if is_missing(prediction):
        return f"expected {text_of(expected, repr):.200}, got no answer"
    both = f"expected {text_of(expected, repr):.200}, got {text_of(prediction, repr):.200}"
    return both + _unseen(expected, prediction, kind=kind, part=part)


def _unseen(expected: Any, prediction: Any, *, kind: str, part: bool) -> str:
    found = text_in(prediction)
    if found is None:
        name = type(prediction).__name__
        return f"; a prediction of type {name} has no {kind}. Return a {kind}" if kind else ""
    for answer in accepted_answers(expected) if kind != "number" else ():
        wanted = text_in(answer)
        if wanted is None or not wanted.strip():
            continue
        if wanted.strip() == found.strip():
            kinds = f"{type(answer).__name__} expected, {type(prediction).__name__} found"
            return f"; only the type differs: {kinds}"
        look, seen = look_of(wanted).casefold(), look_of(found).casefold()
        alike = look in seen if part else look == seen
        if alike and wanted.strip().casefold() != found.strip().casefold():
            here, there = code_points(wanted, other=found), code_points(found, other=wanted)
            which = ", ".join(
                [*([f"expected {here}"] if here else []), *([f"found {there}"] if there else [])]
            )
            return f"; they look alike, only code points differ{': ' if which else ''}{which}"
    return ""
