"""What holds of the paired analysis whatever the data."""

from __future__ import annotations

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.special import bdtr, ndtri

from pytest_lmopt.stats.distributions import coin_tail, normal_quantile
from pytest_lmopt.stats.intervals import mean_interval, t_interval
from pytest_lmopt.stats.mcnemar import exact_p, mid_p, tango_interval
from pytest_lmopt.stats.paired import PairedAnalysis, analyse_pairs
from pytest_lmopt.stats.signflip import sign_flip_p

thousandths = st.integers(-1000, 1000).map(lambda number: number / 1000)
continuous = st.lists(thousandths, min_size=1, max_size=25)
binary = st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=1, max_size=60)
samples = st.one_of(st.tuples(continuous, st.just(False)), st.tuples(binary, st.booleans()))


@st.composite
def tables(draw: st.DrawFn) -> tuple[int, int, int]:
    """Pairs gained, lost, and all of them, of which at least one."""
    gained, lost, ties = (draw(st.integers(0, 60)) for _ in range(3))
    return gained, lost, max(1, gained + lost + ties)


def near(analysis: PairedAnalysis) -> tuple[object, ...]:
    """An analysis as numbers that rounding does not tell apart."""
    return (
        analysis.n,
        analysis.test,
        analysis.p_value,
        pytest.approx(
            [analysis.mean, analysis.low, analysis.high, analysis.deviation], abs=1e-9, nan_ok=True
        ),
    )


def figures(analysis: PairedAnalysis) -> tuple[object, ...]:
    """The same numbers, to be compared with ``near``."""
    return (
        analysis.n,
        analysis.test,
        analysis.p_value,
        [analysis.mean, analysis.low, analysis.high, analysis.deviation],
    )


@given(samples, st.randoms(use_true_random=False))
def test_order_does_not_matter(sample: tuple[list[float], bool], chance: Random) -> None:
    """Shuffled pairs give the same analysis, p-value to the bit."""
    values, passes = sample
    shuffled = list(values)
    chance.shuffle(shuffled)
    expected = near(analyse_pairs(values, binary=passes))
    assert figures(analyse_pairs(shuffled, binary=passes)) == expected


@given(samples)
def test_swapping_old_and_new_mirrors_the_analysis(sample: tuple[list[float], bool]) -> None:
    """Negated differences negate mean and interval and keep the p-value to the bit."""
    values, passes = sample
    there = analyse_pairs(values, binary=passes)
    back = analyse_pairs([-value for value in values], binary=passes)
    assert back.p_value == there.p_value
    assert back.mean == -there.mean
    assert (back.low, back.high) == pytest.approx((-there.high, -there.low), abs=1e-9)


@given(samples)
def test_the_analysis_makes_sense(sample: tuple[list[float], bool]) -> None:
    """p is in (0, 1], and the interval lies in [−1, 1] and contains the estimate."""
    values, passes = sample
    analysis = analyse_pairs(values, binary=passes)
    assert 0.0 < analysis.p_value <= 1.0
    assert -1.0 <= analysis.low <= analysis.mean <= analysis.high <= 1.0


@given(st.lists(st.tuples(thousandths, st.integers(0, 5)), min_size=1, max_size=30))
def test_the_clustered_analysis_makes_sense(pairs: list[tuple[float, int]]) -> None:
    """With groups the same holds, and the groups' names are of no account."""
    values, groups = [value for value, _ in pairs], [group for _, group in pairs]
    analysis = analyse_pairs(values, groups, binary=False)
    assert 0.0 < analysis.p_value <= 1.0
    assert -1.0 <= analysis.low <= analysis.mean <= analysis.high <= 1.0
    renamed = analyse_pairs(values, [f"group {group}" for group in groups], binary=False)
    assert figures(renamed) == near(analysis)


@given(st.lists(thousandths, min_size=1, max_size=12))
def test_the_sign_pattern_seen_is_one_of_all(units: list[float]) -> None:
    """An enumerated p-value counts at least the sample and its mirror image."""
    moving = sum(unit != 0.0 for unit in units)
    assert sign_flip_p(units) >= min(1.0, 2.0 / 2**moving)


@given(tables())
def test_mid_p_is_a_p_value_no_larger_than_the_exact_one(table: tuple[int, int, int]) -> None:
    """0 < mid-p ≤ exact p ≤ 1, the same for gains as for losses."""
    gained, lost, _ = table
    assert 0.0 < mid_p(gained, lost) <= exact_p(gained, lost) <= 1.0
    assert mid_p(gained, lost) == mid_p(lost, gained)


@given(tables(), st.floats(0.001, 0.3))
def test_tangos_interval_contains_the_estimate(table: tuple[int, int, int], alpha: float) -> None:
    """Whatever the table and level, the interval is around the difference seen and in [−1, 1]."""
    gained, lost, n = table
    low, high = tango_interval(gained, lost, n, alpha=alpha)
    assert -1.0 <= low <= (gained - lost) / n <= high <= 1.0


@given(tables())
def test_one_more_gain_moves_tangos_interval_up(table: tuple[int, int, int]) -> None:
    """Turning a loss into a gain raises both ends."""
    gained, lost, n = table
    if lost:
        low, high = tango_interval(gained, lost, n)
        better_low, better_high = tango_interval(gained + 1, lost - 1, n)
        assert better_low >= low - 1e-9
        assert better_high >= high - 1e-9


@given(st.lists(st.integers(0, 1000).map(lambda number: number / 1000), min_size=1, max_size=30))
def test_a_mean_score_lies_in_its_interval(scores: list[float]) -> None:
    """The interval of a mean score contains it and stays in [0, 1]."""
    low, high = mean_interval(scores)
    mean = math.fsum(scores) / len(scores)
    assert 0.0 <= low <= mean + 1e-12
    assert mean - 1e-12 <= high <= 1.0


@given(st.lists(thousandths, min_size=2, max_size=20), st.floats(0.01, 0.2))
def test_a_smaller_alpha_never_narrows_the_interval(values: list[float], alpha: float) -> None:
    """More confidence needs more room."""
    low, high = t_interval(values, alpha=alpha)
    wider_low, wider_high = t_interval(values, alpha=alpha / 2)
    assert wider_low <= low
    assert high <= wider_high


@given(st.floats(1e-12, 1.0 - 1e-12))
def test_the_normal_quantile_is_scipys(upper: float) -> None:
    """To the twelfth digit, without loading scipy."""
    assert normal_quantile(upper) == pytest.approx(-ndtri(upper), rel=1e-12, abs=1e-12)


@given(st.integers(0, 20_000), st.floats(0.0, 1.0))
def test_the_tail_of_a_fair_coin_is_scipys(tosses: int, share: float) -> None:
    """However many tosses: the first term is made of whole numbers."""
    heads = round(share * tosses)
    assert coin_tail(heads, tosses) == pytest.approx(float(bdtr(heads, tosses, 0.5)), abs=1e-12)


@given(tables(), st.sampled_from([0.2, 0.05, 0.001]))
def test_tangos_bounds_are_where_scipy_finds_them(
    table: tuple[int, int, int], alpha: float
) -> None:
    """Halving an interval ends at the root that Brent's method finds."""
    with pytest.MonkeyPatch.context() as patch:
        found = tango_interval(*table, alpha=alpha)
        patch.setattr(
            "pytest_lmopt.stats.mcnemar._bisected",
            lambda function, start, end: brentq(function, start, end, xtol=1e-14),
        )
        assert found == pytest.approx(tango_interval(*table, alpha=alpha), abs=1e-12)
