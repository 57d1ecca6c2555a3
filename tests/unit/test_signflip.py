"""The sign-flip permutation test against scipy's enumeration and against itself."""

from __future__ import annotations

import math
import random
import time
import tracemalloc

import numpy as np
import pytest
from scipy.stats import norm, permutation_test

from pytest_lmopt.stats import signflip
from pytest_lmopt.stats.signflip import (
    ENUMERATE_UP_TO,
    ONE_NUMBER_A_SIGN_UP_TO,
    RESAMPLES,
    sign_flip_p,
)

MIXED = [0.3, -0.1, 0.25, 0.0, 0.5, -0.2, 0.05, 0.4]
BORDER = [0.5, -0.1, 0.3, 0.2, -0.4, 0.6, 0.1, -0.2, 0.3, 0.4, -0.3, 0.2, 0.15]


@pytest.mark.parametrize(
    "units", [MIXED, [1.0, 1.0, -1.0, 1.0, 1.0], [0.7, 0.1], [-0.2, -0.3, -0.4, 0.1, -0.9, -0.6]]
)
def test_small_samples_agree_with_scipy(units: list[float]) -> None:
    """Up to 12 moving units the p-value is scipy's over all sign patterns."""
    moving = [unit for unit in units if unit]
    expected = permutation_test(
        [moving],
        lambda sample: abs(np.sum(sample)),
        permutation_type="samples",
        alternative="greater",
        vectorized=False,
        n_resamples=2 ** len(moving),
    ).pvalue
    assert sign_flip_p(units) == pytest.approx(float(expected), abs=1e-9)


def test_one_sided_agreement_counts_two_patterns() -> None:
    """Where all n units have one sign, only that pattern and its mirror reach the sum."""
    assert sign_flip_p([0.1, 0.2, 0.3, 0.4, 0.5]) == 2 / 2**5


def test_units_that_do_not_move_carry_no_information() -> None:
    """Zeros change neither the enumeration nor the drawing."""
    assert sign_flip_p([*MIXED, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]) == sign_flip_p(MIXED)
    many = MIXED * 3
    assert sign_flip_p([*many, 0.0]) == sign_flip_p(many)


def test_nothing_moves() -> None:
    """All zeros give p = 1."""
    assert sign_flip_p([0.0, 0.0]) == 1.0


def test_sums_equal_on_paper_count_as_ties() -> None:
    """0.1 + 0.2 − 0.3 is zero on paper, so every pattern is at least as extreme."""
    assert sign_flip_p([0.1, 0.2, -0.3]) == 1.0


def test_large_samples_are_never_impossible() -> None:
    """However extreme the data, a drawn p-value is at least one over the draws and itself."""
    assert sign_flip_p([1.0] * 60) == 1 / (RESAMPLES + 1)


def test_a_strict_level_is_drawn_for_where_the_usual_draws_could_not_reach_it() -> None:
    """Else no data at all could pass it; a level that they reach changes nothing."""
    assert sign_flip_p([1.0] * 60, alpha=0.0002) == 1 / (RESAMPLES + 1)
    assert sign_flip_p([1.0] * 60, alpha=0.00005) < 0.00005
    weak = [1.0] * 20 + [-1.0] * 10
    assert sign_flip_p(weak, alpha=0.00005) == sign_flip_p(weak)


def test_further_draws_count_what_reaches_the_sum() -> None:
    """The p-value is near that over all patterns, not below it for being asked."""
    units = [1.0] * 18 + [-1.0]
    exact = 2 * 20 / 2**19  # at most one of 19 coins falls otherwise
    drawn = [sign_flip_p(units, alpha=0.00005, seed=seed) for seed in range(20)]
    small = [p for p in drawn if p < 1 / (RESAMPLES + 1)]
    assert small
    assert np.mean(small) == pytest.approx(exact, rel=0.5)
    assert np.mean(drawn) >= exact


@pytest.mark.parametrize("most", [ONE_NUMBER_A_SIGN_UP_TO, ENUMERATE_UP_TO])
def test_drawing_approaches_enumeration(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """Just beyond the limit the drawn p-value is near the one over all patterns, in either way."""
    monkeypatch.setattr(signflip, "ONE_NUMBER_A_SIGN_UP_TO", most)
    assert len(BORDER) == ENUMERATE_UP_TO + 1
    signs = np.array(np.meshgrid(*[[-1.0, 1.0]] * len(BORDER))).reshape(len(BORDER), -1)
    exact = float(np.mean(np.abs(np.array(BORDER) @ signs) >= abs(sum(BORDER)) - 1e-9))
    error = (exact * (1 - exact) / RESAMPLES) ** 0.5
    assert sign_flip_p(BORDER) == pytest.approx(exact, abs=4 * error)


def plainly(units: list[float], *, alpha: float, seed: int) -> float:
    """The first version's p-value of more than 12 units, which drew all patterns in one table."""
    moving = np.array(sorted(abs(unit) for unit in units if unit))
    observed = abs(math.fsum(units)) - 1e-9 * math.fsum(moving)
    generator = np.random.default_rng(seed)

    def reaching(size: int) -> int:
        signs = generator.integers(0, 2, size=(size, moving.size)) * 2.0 - 1.0
        return int(np.count_nonzero(np.abs(np.einsum("ij,j->i", signs, moving)) >= observed))

    drawn, reached = RESAMPLES, reaching(RESAMPLES)
    wanted = math.ceil(4.0 / alpha) if not reached and alpha * (RESAMPLES + 1) <= 1.0 else drawn
    while drawn < wanted:
        size = min(RESAMPLES, wanted - drawn)
        reached, drawn = reached + reaching(size), drawn + size
    return (1 + reached) / (drawn + 1)


@pytest.mark.parametrize(
    ("units", "alpha"),
    [
        (BORDER, 0.05),
        ([0.5, -0.25, 0.0, 1.0] * 9, 0.05),  # most sums are ties
        ([1.0] * 18 + [-1.0], 0.00005),  # an odd number of units, and further draws
        ([0.1 + math.sin(number) for number in range(301)], 0.05),  # more than one chunk
    ],
)
def test_a_seed_keeps_its_p_value(units: list[float], alpha: float) -> None:
    """Committed p-values rest on the draws and on their order: no chunk may change them."""
    for seed in (0, 7):
        expected = plainly(units, alpha=alpha, seed=seed)
        assert sign_flip_p(units, alpha=alpha, seed=seed) == expected


def test_a_seed_keeps_its_p_value_however_few_are_drawn_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Chunks of an odd number of signs, too, take up where the one before stopped."""
    expected = sign_flip_p(BORDER)
    monkeypatch.setattr(signflip, "SIGNS_AT_ONCE", 7 * len(BORDER))
    assert sign_flip_p(BORDER) == expected


@pytest.mark.slow
def test_a_hundred_thousand_units_take_a_second_and_little_memory() -> None:
    """And the p-value is near that of a normal sum."""
    chance = random.Random(0)
    units = [chance.gauss(0.003, 1.0) for _ in range(100_000)]
    began = time.process_time()
    p_value = sign_flip_p(units)
    assert time.process_time() - began < 1.0
    assert p_value == pytest.approx(2 * norm.sf(abs(sum(units)) / math.hypot(*units)), abs=0.02)
    tracemalloc.start()
    try:
        assert sign_flip_p(units) == p_value
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


def test_the_seed_decides_the_draws() -> None:
    """The same seed gives the same p-value; another gives one near it."""
    units = [0.2, -0.1] * 10 + [0.3] * 3
    assert sign_flip_p(units, seed=7) == sign_flip_p(units, seed=7)
    assert sign_flip_p(units, seed=7) == pytest.approx(sign_flip_p(units, seed=8), abs=0.03)


def test_neither_order_nor_direction_matters_to_the_draws() -> None:
    """Reordered or negated units get the very same p-value, drawn or not."""
    units = [0.2, -0.1, 0.35, 0.07, -0.4] * 4
    assert sign_flip_p(units[::-1]) == sign_flip_p(units)
    assert sign_flip_p([-unit for unit in units]) == sign_flip_p(units)
