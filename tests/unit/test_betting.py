"""The confidence sequence by betting: bounds, what it refuses, how it narrows."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pytest_lmopt.stats.betting import ConfidenceSequence


def sequence_of(values: list[float], *, alpha: float = 0.05) -> ConfidenceSequence:
    """A confidence sequence that has seen ``values``."""
    sequence = ConfidenceSequence(alpha=alpha)
    sequence.extend(values)
    return sequence


def test_nothing_seen_nothing_known() -> None:
    """Before the first value the bounds are those of the values."""
    sequence = ConfidenceSequence()
    assert (sequence.low, sequence.high) == (-1.0, 1.0)


@pytest.mark.parametrize("values", [[0.0], [1.0], [-1.0], [1.0, -1.0] * 50, [0.2, 0.4] * 50])
def test_the_bounds_contain_the_mean(values: list[float]) -> None:
    """On data whose mean does not drift."""
    sequence = sequence_of(values)
    assert sequence.low <= float(np.mean(values)) <= sequence.high


@pytest.mark.parametrize("constant", [-1.0, -0.5, 0.0, 0.5, 1.0])
def test_two_hundred_equal_values_are_pinned_down(constant: float) -> None:
    """Without any spread, 200 values suffice for a width of about a tenth of the range."""
    sequence = sequence_of([constant] * 200)
    assert sequence.low <= constant <= sequence.high
    assert sequence.high - sequence.low < 0.2


def test_it_narrows_with_n() -> None:
    """Ten times the values, a clearly narrower interval."""
    values = np.random.default_rng(0).uniform(-1.0, 1.0, 1_000).tolist()
    short, long = sequence_of(values[:100]), sequence_of(values)
    assert long.high - long.low < 0.6 * (short.high - short.low)


def test_bounds_never_widen() -> None:
    """The running intersection: what was excluded once stays excluded."""
    generator = np.random.default_rng(1)
    sequence = ConfidenceSequence()
    for value in generator.uniform(-1.0, 1.0, 200).tolist():
        low, high = sequence.low, sequence.high
        sequence.extend([value])
        assert low <= sequence.low
        assert sequence.high <= high


def test_in_parts_or_at_once_is_the_same() -> None:
    """Looking in between changes nothing."""
    values = np.random.default_rng(2).uniform(-1.0, 1.0, 60).tolist()
    parts = ConfidenceSequence()
    for start in range(0, 60, 7):
        parts.extend(values[start : start + 7])
    whole = sequence_of(values)
    assert (parts.low, parts.high) == (whole.low, whole.high)


def test_negated_values_negate_the_bounds() -> None:
    """Neither side is favoured."""
    values = np.random.default_rng(3).uniform(-1.0, 0.5, 100).tolist()
    plain, negated = sequence_of(values), sequence_of([-value for value in values])
    assert negated.low == pytest.approx(-plain.high, abs=1e-9)
    assert negated.high == pytest.approx(-plain.low, abs=1e-9)


def test_a_smaller_alpha_is_wider() -> None:
    """More confidence for the same data costs width."""
    values = np.random.default_rng(4).uniform(-1.0, 1.0, 200).tolist()
    usual, sure = sequence_of(values), sequence_of(values, alpha=0.001)
    assert sure.low < usual.low < usual.high < sure.high


def test_it_is_not_much_wider_than_the_interval_for_one_look() -> None:
    """Peeking at will costs less than double the width of Student's interval at n = 400."""
    values = np.random.default_rng(5).choice([-1.0, 0.0, 1.0], 400, p=[0.1, 0.8, 0.1])
    sequence = sequence_of(values.tolist())
    once = 2.0 * 1.96 * float(values.std(ddof=1)) / 20.0
    assert once < sequence.high - sequence.low < 2.0 * once


@pytest.mark.parametrize("value", [1.0001, -1.0001, math.inf, math.nan])
def test_values_out_of_range_are_refused(value: float) -> None:
    """The guarantee is for values in [−1, 1]."""
    with pytest.raises(ValueError, match=r"\[-1, 1\]"):
        ConfidenceSequence().extend([value])
