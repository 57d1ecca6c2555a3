"""McNemar's test and Tango's interval against other people's programs and first principles."""

from __future__ import annotations

import math

import pytest
from statsmodels.stats.contingency_tables import mcnemar

from pytest_lmopt.stats.mcnemar import exact_p, mid_p, tango_interval

TABLES = [(0, 0), (1, 0), (0, 1), (3, 3), (9, 1), (2, 11), (25, 14), (60, 100)]
Z_95 = 1.959963984540054


def binomial_half(successes: int, trials: int) -> float:
    """Probability of so many heads in so many tosses of a fair coin."""
    return math.comb(trials, successes) * math.pow(0.5, trials)


def constrained_score(gained: int, lost: int, n: int, delta: float) -> float:
    """Score statistic for "the difference is delta", its nuisance found by maximum likelihood.

    The probability q of "lost" then makes "gained" q + delta and "unchanged" 1 − 2q − delta; the
    log-likelihood is concave in q, so its slope is bisected.
    """
    low, high = max(0.0, -delta), (1.0 - delta) / 2.0

    def slope(q: float) -> float:
        cells = ((gained, q + delta, 1), (lost, q, 1), (n - gained - lost, 1 - 2 * q - delta, -2))
        return sum(
            sign * (count / probability if probability > 0.0 else math.inf)
            for count, probability, sign in cells
            if count
        )

    for _ in range(100):
        middle = (low + high) / 2.0
        low, high = (middle, high) if slope(middle) > 0.0 else (low, middle)
    variance = n * (2.0 * low + delta - delta * delta)
    return (gained - lost - n * delta) / math.sqrt(variance)


@pytest.mark.parametrize(("gained", "lost"), TABLES)
def test_exact_p_agrees_with_statsmodels(gained: int, lost: int) -> None:
    """The exact p-value is that of statsmodels' exact McNemar test."""
    expected = mcnemar([[5, gained], [lost, 7]], exact=True).pvalue
    assert exact_p(gained, lost) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("gained", "lost", "expected"),
    [
        (0, 0, 1.0),
        (1, 0, 2 * binomial_half(0, 1) - binomial_half(0, 1)),
        (3, 3, 1.0),
        (5, 0, binomial_half(0, 5)),
        (9, 1, 2 * (binomial_half(0, 10) + binomial_half(1, 10)) - binomial_half(1, 10)),
        (1, 9, 12 / 1024),
    ],
)
def test_mid_p_by_hand(gained: int, lost: int, expected: float) -> None:
    """Mid-p is twice the tail minus the probability of the table observed."""
    assert mid_p(gained, lost) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("gained", "lost"), TABLES)
def test_mid_p_is_the_exact_p_less_the_observed_table(gained: int, lost: int) -> None:
    """Mid-p never exceeds the exact p-value and differs by one binomial probability."""
    if gained != lost:
        observed = binomial_half(min(gained, lost), gained + lost)
        assert mid_p(gained, lost) == pytest.approx(exact_p(gained, lost) - observed, abs=1e-12)
    assert mid_p(gained, lost) <= exact_p(gained, lost)


def test_mid_p_of_the_airway_study() -> None:
    """Fagerland, Lydersen and Laake (2013): 7 against 1 of 21 pairs, exact 0.070, mid-p 0.039."""
    assert exact_p(7, 1) == pytest.approx(0.0703125)
    assert mid_p(7, 1) == pytest.approx(0.0390625)


@pytest.mark.parametrize(
    ("gained", "lost", "n"),
    [(1, 0, 10), (3, 1, 20), (7, 1, 21), (12, 12, 40), (0, 9, 14), (30, 2, 200), (50, 45, 97)],
)
def test_tango_endpoints_solve_the_score_equation(gained: int, lost: int, n: int) -> None:
    """At its lower end the constrained score is +z, at its upper end −z."""
    low, high = tango_interval(gained, lost, n)
    assert constrained_score(gained, lost, n, low) == pytest.approx(Z_95, abs=1e-6)
    assert constrained_score(gained, lost, n, high) == pytest.approx(-Z_95, abs=1e-6)


def test_tango_interval_of_the_airway_study() -> None:
    """For 1 against 7 of 21 pairs the published interval is −0.517 to −0.026."""
    low, high = tango_interval(1, 7, 21)
    assert low == pytest.approx(-0.517, abs=5e-4)
    assert high == pytest.approx(-0.026, abs=5e-4)


def test_a_higher_level_widens_the_interval() -> None:
    """The 99 % interval contains the 95 % interval."""
    low, high = tango_interval(6, 2, 30)
    wider_low, wider_high = tango_interval(6, 2, 30, alpha=0.01)
    assert wider_low < low < high < wider_high


@pytest.mark.parametrize("n", [1, 10, 30, 100])
def test_all_ties_give_the_exact_bound_on_discordance(n: int) -> None:
    """Where no pair differs, a discordance rate at the bound yields no discordance in α/2 cases."""
    low, high = tango_interval(0, 0, n)
    assert low == -high
    assert (1.0 - high) ** n == pytest.approx(0.025)


@pytest.mark.parametrize("n", [1, 2, 10, 40])
def test_everything_gained(n: int) -> None:
    """Where every pair was gained, the interval ends at 1 and its lower end is z's."""
    low, high = tango_interval(n, 0, n)
    assert high == 1.0
    assert constrained_score(n, 0, n, low) == pytest.approx(Z_95, abs=1e-6)


@pytest.mark.parametrize("n", [1, 2, 10, 40])
def test_everything_lost_mirrors_everything_gained(n: int) -> None:
    """Swapping gained and lost mirrors the interval."""
    low, high = tango_interval(n, 0, n)
    assert tango_interval(0, n, n) == pytest.approx((-high, -low))


def test_a_single_pair_shows_next_to_nothing() -> None:
    """With one pair, gained, even a clear loss of the population remains possible."""
    low, high = tango_interval(1, 0, 1)
    assert -1.0 < low < -0.5
    assert high == 1.0
