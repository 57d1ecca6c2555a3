"""The ready-made metrics, and the feedback they give."""

from __future__ import annotations

from typing import Any

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
