"""The ready-made metrics, and the feedback they give."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pytest_lmopt import Example, metrics
from pytest_lmopt.metrics import Contains, ExactMatch, NumericClose


def example(expected: Any) -> Example:
    """An example that expects this."""
    return Example(id="e", inputs={"q": 1}, expected=expected)


@pytest.mark.parametrize(
    ("expected", "prediction", "value"),
    [
        ("FIN", "FIN", 1.0),
        ("FIN", " FIN\n", 1.0),
        ("FIN", "fin", 0.0),
        ("FIN", "FIN.", 0.0),
        ("FIN", None, 0.0),
        (5, 5, 1.0),
        (5, "5", 0.0),
        (["a"], ["a"], 1.0),
        (["a", "b"], ("a", "b"), 1.0),
        ([], [], 1.0),
        ({"a": 1}, {"a": 1}, 1.0),
        ({"a": 1}, "{'a': 1}", 0.0),
        (True, True, 1.0),
        (True, np.bool_(True), 1.0),
        (True, "True", 0.0),
        (True, 1, 0.0),
        (5, 5.0, 1.0),
        (5, np.int64(5), 1.0),
        (2**53 + 1, 2.0**53, 0.0),
        ([1, 2], np.array([1, 2]), 1.0),
        ("None", None, 0.0),
        ("nan", math.nan, 0.0),
    ],
)
def test_exact_match(expected: Any, prediction: Any, value: float) -> None:
    """Equal but for white space around text; types count."""
    assert metrics.exact_match(example(expected), prediction).value == value


def test_exact_match_may_ignore_case() -> None:
    """In every script."""
    assert ExactMatch(ignore_case=True)(example("Straße"), "STRASSE ").value == 1.0


@pytest.mark.parametrize(
    ("expected", "prediction", "value"),
    [
        ("FIN", "It is FIN.", 1.0),
        ("FIN", "final", 0.0),
        (5, "5 items", 1.0),
        ("a", None, 0.0),
        ("on", None, 0.0),
        ("a", math.nan, 0.0),
        ("a", ["a"], 0.0),
        ("a", {"a": "a"}, 0.0),
        ("a", np.array(["a"]), 0.0),
        (True, "that is true", 1.0),
        (True, "false", 0.0),
    ],
)
def test_contains(expected: Any, prediction: Any, value: float) -> None:
    """The expected text stands anywhere in the prediction."""
    assert metrics.contains(example(expected), prediction).value == value


def test_contains_may_ignore_case() -> None:
    """For models that shout."""
    assert Contains(ignore_case=True)(example("fin"), "FINAL").value == 1.0


@pytest.mark.parametrize(
    ("expected", "prediction", "value"),
    [
        (42, 42, 1.0),
        (42, "The answer is 42.", 1.0),
        (42, "forty-two", 0.0),
        (42, "41.9", 0.0),
        ("1,234.5", "$1234.50", 1.0),
        (-3, "-3 degrees", 1.0),
        (-3, "\N{MINUS SIGN}3 °C", 1.0),
        (3, "\N{MINUS SIGN}3", 0.0),
        ("\N{MINUS SIGN}3", -3, 1.0),
        (0.001, "1e-3", 1.0),
        (0.5, ".5", 1.0),
        (42, None, 0.0),
        (42, "", 0.0),
        (42, float("nan"), 0.0),
        (42, pd.NA, 0.0),
        (42, True, 0.0),
        (42, [42], 0.0),
        (42, {"answer": 42}, 0.0),
        (42, np.float32(42), 1.0),
        (0.1, np.float32(0.1), 1.0),
        (42, Decimal("42.000"), 1.0),
        (Fraction(1, 3), Fraction(1, 3), 1.0),
        (Fraction(1, 3), 0.3333333, 1.0),
        ("1/2", "The answer is 1/2.", 1.0),
        ("1/2", "1/3", 0.0),
        ("1/2", 0.5, 1.0),
        (8, "8/10", 1.0),
        (math.factorial(200), 3, 0.0),
        (math.factorial(200), math.factorial(200), 1.0),
        (math.factorial(200), str(math.factorial(200)), 1.0),
        (str(math.factorial(200)), str(math.factorial(200) * 2), 0.0),
        ("1e400", 3, 0.0),
        ("1e400", "1e400", 1.0),
        ("1e400", "1.1e400", 0.0),
        (math.inf, 3, 0.0),
        (math.inf, math.inf, 1.0),
        (math.inf, "inf", 1.0),
        (math.inf, -math.inf, 0.0),
        ("1e999999999", "1e999999998", 0.0),
        ("1e999999999", "10e999999998", 1.0),
        (0, "1e-999999999", 0.0),
        (1000, "1 000", 1.0),
        (1234.5, "1.234,50", 1.0),
        (1234.5, "1'234.50", 1.0),
        (-5, "–5", 1.0),
        (1, "1,2,3", 1.0),
        (4, "GPT-4", 1.0),
        (42, 10**400, 0.0),
        (42, "9" * 400, 0.0),
    ],
)
def test_numeric_close(expected: Any, prediction: Any, value: float) -> None:
    """The first number counts; what is no number, or beyond all numbers, is wrong."""
    assert metrics.numeric_close(example(expected), prediction).value == value


def test_numeric_tolerances() -> None:
    """The larger of the relative and the absolute one decides."""
    assert NumericClose(relative=0.01)(example(200), 202).value == 1.0
    assert NumericClose(relative=0.01)(example(200), 202.1).value == 0.0
    assert NumericClose(absolute=3)(example(0), -3).value == 1.0
    assert NumericClose(absolute=0.1)(example(1.0), 1.1).value == 1.0
    assert NumericClose(absolute=math.inf)(example(0), 10**5000).value == 1.0
    assert NumericClose(absolute=math.inf)(example(0), math.inf).value == 0.0


def test_no_tolerance_is_exact() -> None:
    """Also where a float holds both numbers alike."""
    exact = NumericClose(relative=0.0)
    big = 9007199254740993
    for prediction in (big - 1, str(big - 1), Decimal(big - 1), f"{big - 1:,}"):
        assert exact(example(big), prediction).value == 0.0
    for same in (big, str(big), Decimal(big), f"{big:,}", np.int64(big)):
        assert exact(example(big), same).value == 1.0
    assert exact(example(0.1), "0.1").value == 1.0


ALL = [metrics.exact_match, metrics.contains, metrics.f1, metrics.numeric_close]


@pytest.mark.parametrize("metric", ALL)
@pytest.mark.parametrize("prediction", [None, math.nan, pd.NA, pd.NaT, Decimal("nan")])
@pytest.mark.parametrize("expected", ["5", "None 5", "nan 5", ["5", "None 6"], 5])
def test_no_answer_scores_0(metric: Any, prediction: object, expected: object) -> None:
    """It is not the word that Python writes for it, and the feedback does not quote that."""
    score = metric(example(expected), prediction)
    assert score.value == 0.0
    assert score.feedback.endswith(", got no answer")


@pytest.mark.parametrize("metric", ALL)
@pytest.mark.parametrize("expected", [None, math.nan, pd.NA, [None], [math.nan, None]])
@pytest.mark.parametrize("prediction", ["None", None, "nan", 5, ""])
def test_a_row_that_expects_nothing_is_an_error(
    metric: Any, expected: object, prediction: object
) -> None:
    """Whatever the pipeline returns would be scored by chance."""
    with pytest.raises(ValueError, match=r"holds nothing to .*Give the row one, or drop the row"):
        metric(example(expected), prediction)


@pytest.mark.parametrize("metric", [metrics.contains, metrics.f1, metrics.numeric_close])
@pytest.mark.parametrize("expected", [{"a": 1}, [["a"]], [], object(), {"5": 5}])
def test_an_expected_value_without_text_or_number_is_an_error(
    metric: Any, expected: object
) -> None:
    """How Python shows it is nothing to compare an answer with."""
    with pytest.raises(ValueError, match=r"which has no text|holds no"):
        metric(example(expected), "{'a': 1}")


@pytest.mark.parametrize(
    ("metric", "prediction", "value"),
    [
        (metrics.exact_match, "Broncos", 1.0),
        (metrics.exact_match, "The Broncos", 0.0),
        (metrics.exact_match, ["Denver Broncos", "Broncos"], 1.0),
        (metrics.exact_match, ["Broncos"], 0.0),
        (metrics.contains, "the Broncos won", 1.0),
        (metrics.contains, "the Panthers won", 0.0),
        (metrics.f1, "broncos", 1.0),
        (metrics.f1, "Denver", 2 / 3),
        (metrics.f1, "Panthers", 0.0),
    ],
)
@pytest.mark.parametrize("kind", [list, tuple, set, np.array])
def test_several_answers_may_be_accepted(
    metric: Any, prediction: Any, value: float, kind: Any
) -> None:
    """The best one counts; a list of predictions is compared with the list as a whole."""
    if isinstance(prediction, list) and kind is set:
        prediction = set(prediction)
    accepted = kind(["Denver Broncos", "Broncos"])
    assert metric(example(accepted), prediction).value == pytest.approx(value)


def test_several_numbers_may_be_accepted() -> None:
    """Of any type, but each must be a number."""
    assert metrics.numeric_close(example([1, "2.5"]), "2.5 m").value == 1.0
    assert metrics.numeric_close(example([1, None, 3]), 3).value == 1.0
    assert metrics.numeric_close(example([1, 2]), 3).value == 0.0
    with pytest.raises(ValueError, match="the expected value 'many' holds no number"):
        metrics.numeric_close(example([1, "many"]), 1)


@pytest.mark.parametrize(
    ("metric", "expected", "prediction", "why"),
    [
        (
            metrics.exact_match, "caf\u00e9", "cafe\u0301",
            "they look alike, only code points differ: expected U+00E9, found U+0301",
        ),
        (
            metrics.exact_match, "FIN", "FIN\u200b",
            "they look alike, only code points differ: found U+200B",
        ),
        (
            metrics.exact_match, "don't", "don\u2019t",
            "they look alike, only code points differ: found U+2019",
        ),
        (
            metrics.contains, '"yes"', "She said \u201cyes\u201d.",
            "they look alike, only code points differ: found U+201C U+201D",
        ),
        (
            metrics.f1, "caf\u00e9", "cafe\u0301 au lait",
            "expected 'caf\u00e9', got 'cafe\u0301 au lait'",
        ),
        (
            metrics.f1, "caf\u00e9", "cafe\u0301",
            "they look alike, only code points differ: expected U+00E9, found U+0301",
        ),
        (
            metrics.exact_match, "FIN", "F\u0406N",
            "they look alike, only code points differ: found U+0406",
        ),
        (
            metrics.exact_match, ["x", "a b"], "a\u00a0b",
            "they look alike, only code points differ: found U+00A0",
        ),
        (metrics.exact_match, 5, "5", "only the type differs: int expected, str found"),
        (metrics.exact_match, "True", True, "only the type differs: str expected, bool found"),
        (metrics.contains, "on", ["on"], "a prediction of type list has no text. Return a text"),
        (
            metrics.numeric_close, 5, {"n": 5},
            "a prediction of type dict has no number. Return a number",
        ),
    ],
)  # fmt: skip
def test_feedback_says_what_can_not_be_seen(
    metric: Any, expected: object, prediction: object, why: str
) -> None:
    """Otherwise both values look the same."""
    assert metric(example(expected), prediction).feedback.endswith(why)


def test_an_expected_value_without_number_is_the_datasets_mistake() -> None:
    """Every prediction would be wrong, so the metric says so instead."""
    with pytest.raises(ValueError, match="the expected value 'many' holds no number"):
        metrics.numeric_close(example("many"), 3)


@pytest.mark.parametrize("expected", [None, "", " "])
def test_nothing_is_not_looked_for(expected: object) -> None:
    """It would stand in every prediction, or the word None in hardly any."""
    with pytest.raises(ValueError, match=f"the expected value {expected!r} holds nothing to look"):
        metrics.contains(example(expected), "None of these")


@pytest.mark.parametrize(
    ("expected", "prediction", "value"),
    [
        ("the cat sat", "The CAT sat!", 1.0),
        ("the cat sat", "cat", 0.5),
        ("the cat", "dog", 0.0),
        ("a a b", "a b b", 2 / 3),
        ("the cat", "", 0.0),
        ("", "cat", 0.0),
        ("", "", 1.0),
        ("+", "-", 0.0),
        ("+", " +\n", 1.0),
        ("👍", "", 0.0),
        ("+", "plus", 0.0),
        ("zwölf Äpfel", "ZWÖLF äpfel", 1.0),
    ],
)
def test_f1(expected: str, prediction: str, value: float) -> None:
    """Twice the shared words over all words, each counted as often as it stands."""
    assert metrics.f1(example(expected), prediction).value == pytest.approx(value)


@pytest.mark.parametrize(
    "metric", [metrics.exact_match, metrics.contains, metrics.f1, metrics.numeric_close]
)
def test_feedback_says_what_was_expected(metric: Any) -> None:
    """A miss explains itself; a hit needs no words."""
    assert metric(example("12"), "7 of them").feedback == "expected '12', got '7 of them'"
    assert metric(example("12"), "12").feedback == ""


def test_feedback_is_kept_short() -> None:
    """A long answer does not flood the report."""
    assert len(metrics.exact_match(example("x" * 5000), "y" * 5000).feedback) < 450


def test_metrics_with_equal_settings_are_equal() -> None:
    """Their identity is their settings, so that a baseline stays valid."""
    assert ExactMatch() == metrics.exact_match
    assert repr(ExactMatch(ignore_case=True)) == "ExactMatch(ignore_case=True)"
