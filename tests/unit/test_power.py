"""What a sample of a given size can show."""

from __future__ import annotations

import pytest
from statsmodels.stats.power import NormalIndPower

from pytest_lmopt.stats.power import POWER, examples_needed, minimum_detectable_effect


@pytest.mark.parametrize(("deviation", "n"), [(0.5, 30), (0.2, 100), (1.0, 12)])
@pytest.mark.parametrize("alpha", [0.05, 0.025])
def test_the_detectable_effect_is_found_with_80_percent_power(
    deviation: float, n: int, alpha: float
) -> None:
    """A normal test of the detectable effect has the power promised."""
    effect = minimum_detectable_effect(deviation, n, alpha=alpha)
    power = NormalIndPower(ddof=0).power(effect / deviation, n, alpha, ratio=0)
    assert power == pytest.approx(POWER, abs=1e-4)


def test_a_number_known_by_heart() -> None:
    """(1.96 + 0.84)² is 7.85: a difference of one deviation needs eight examples."""
    assert examples_needed(1.0, 1.0) == 8
    assert examples_needed(0.5, 0.1) == 197


def test_four_times_the_examples_halve_the_effect() -> None:
    """Detectable effects shrink with the root of n."""
    once = minimum_detectable_effect(0.4, 25)
    assert minimum_detectable_effect(0.4, 100) == pytest.approx(once / 2)


def test_the_examples_needed_would_detect_the_effect() -> None:
    """The n returned is the smallest whose detectable effect is no larger than the effect."""
    n = examples_needed(0.45, 0.07)
    assert minimum_detectable_effect(0.45, n) <= 0.07 < minimum_detectable_effect(0.45, n - 1)


def test_losses_need_as_many_examples_as_gains() -> None:
    """The effect's sign does not matter."""
    assert examples_needed(0.45, -0.07) == examples_needed(0.45, 0.07)
