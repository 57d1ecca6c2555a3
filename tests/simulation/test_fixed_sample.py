"""By simulation: how often verdicts on a sample of fixed size are wrong, and how often right."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from simulation.rates import Runs, Scores, compared, differs, least, most

from pytest_lmopt.comparison.verdict import ALPHA, Verdict
from pytest_lmopt.stats.intervals import mean_interval
from pytest_lmopt.stats.power import POWER, minimum_detectable_effect

Generator = np.random.Generator
Pair = tuple[Scores, Scores]
SIZES = [10, 20, 50, 100, 400]
HOLDS = ALPHA / 2
CLUSTER = 4


def passes(generator: Generator, n: int) -> Pair:
    """0/1 scores: some examples are hard for both, some easy."""
    ease = generator.random(n)
    old, new = (generator.random((2, n)) < ease).astype(float)
    return old, new


def rare_passes(generator: Generator, n: int) -> Pair:
    """0/1 scores which differ on one example in ten."""
    ease = generator.choice([0.0, 0.5, 1.0], n, p=[0.4, 0.2, 0.4])
    old, new = (generator.random((2, n)) < ease).astype(float)
    return old, new


def continuous(generator: Generator, n: int) -> Pair:
    """Scores of any value, with the example's own level and noise."""
    level = generator.uniform(0.3, 0.7, n)
    old, new = level + generator.normal(0.0, 0.05, (2, n))
    return old, new


def skewed(generator: Generator, n: int) -> Pair:
    """Scores mostly near 0 with a long tail."""
    old, new = generator.beta(0.3, 2.0, (2, n))
    return old, new


def tied(generator: Generator, n: int) -> Pair:
    """Scores of four levels, most of them equal on both sides."""
    old, fresh = generator.choice([0.0, 1 / 3, 2 / 3, 1.0], (2, n), p=[0.1, 0.1, 0.2, 0.6])
    return old, np.where(generator.random(n) < 0.5, fresh, old)


def clustered(generator: Generator, n: int) -> Pair:
    """Differences that examples of a group share in good part."""
    level = generator.uniform(0.3, 0.7, n)
    shared = np.repeat(generator.normal(0.0, 0.05, n // CLUSTER + 1), CLUSTER)[:n]
    old, new = level + generator.normal(0.0, 0.05, (2, n))
    return old, new + shared


KINDS = [passes, rare_passes, continuous, skewed, tied, clustered]
kinds = pytest.mark.parametrize("draw", KINDS, ids=lambda draw: draw.__name__)


def groups_of(draw: Callable[[Generator, int], Pair], n: int) -> list[int] | None:
    """The groups of the clustered kind; None of the others."""
    return [number // CLUSTER for number in range(n)] if draw is clustered else None


def count(runs: Runs, n: int) -> int:
    """How many samples of ``n``: large ones take long."""
    for size, few, many in ((20, 200, 5_000), (50, 60, 5_000), (100, 25, 2_000)):
        if n <= size:
            return runs(few, many)
    return runs(10, 1_000)


@cache
def equal_prompts(draw: Callable[[Generator, int], Pair], n: int, total: int) -> tuple[int, int]:
    """A/A comparisons of ``total`` samples: how many differ, and how many intervals hold 0."""
    generator = np.random.default_rng(n)
    false = covered = 0
    for seed in range(total):
        comparison = compared(*draw(generator, n), groups_of(draw, n), seed=seed)
        false += differs(comparison)
        covered += comparison.low <= 0.0 <= comparison.high
    return false, covered


@kinds
@pytest.mark.parametrize("n", SIZES)
def test_equal_prompts_seldom_differ(
    draw: Callable[[Generator, int], Pair], n: int, runs: Runs
) -> None:
    """A/A: improved or regressed in no more than α of samples, for data of every kind."""
    total = count(runs, n)
    false, _ = equal_prompts(draw, n, total)
    assert false / total <= most(ALPHA, total)


@kinds
@pytest.mark.parametrize("n", SIZES[1:])
def test_the_interval_covers_the_true_difference(
    draw: Callable[[Generator, int], Pair], n: int, runs: Runs
) -> None:
    """The 95 % interval of an A/A comparison holds 0 in at least 95 % of samples.

    Not claimed of 10 examples in three groups of unequal size, which the comparison warns of.
    """
    total = count(runs, n)
    _, covered = equal_prompts(draw, n, total)
    assert covered / total >= least(1.0 - ALPHA, total)


@pytest.mark.parametrize("gain", [0.02, 0.15])
@pytest.mark.parametrize("n", SIZES)
def test_a_pass_rate_worse_by_the_margin_seldom_holds(gain: float, n: int, runs: Runs) -> None:
    """0/1 scores with a true difference of −margin *hold* in no more than 2.5 % of samples."""
    generator = np.random.default_rng(n)
    total, margin = runs(200, 5_000), 0.1
    held = 0
    for _ in range(total):
        move = generator.choice([1, -1, 0], n, p=[gain, gain + margin, 1 - 2 * gain - margin])
        old = np.where(move, move < 0, generator.random(n) < 0.5).astype(float)
        held += compared(old, old + move, margin=margin).verdict is Verdict.HOLDS
    assert held / total <= most(HOLDS, total)


@pytest.mark.parametrize("draw", [continuous, clustered], ids=lambda draw: draw.__name__)
@pytest.mark.parametrize("n", SIZES)
def test_a_score_worse_by_the_margin_seldom_holds(
    draw: Callable[[Generator, int], Pair], n: int, runs: Runs
) -> None:
    """Continuous scores with a true difference of −margin *hold* in no more than 2.5 %."""
    generator = np.random.default_rng(n)
    total, margin, groups = count(runs, n), 0.1, groups_of(draw, n)
    held = 0
    for seed in range(total):
        old, new = draw(generator, n)
        comparison = compared(old, new - margin, groups, margin=margin, seed=seed)
        held += comparison.verdict is Verdict.HOLDS
    assert held / total <= most(HOLDS, total)


@pytest.mark.parametrize("whole", [1.0, 0.5])
@pytest.mark.parametrize("n", [160, 400])
def test_rare_losses_of_groups_worse_by_the_margin_seldom_hold(
    whole: float, n: int, runs: Runs
) -> None:
    """The same where few groups change, all of their examples together or half of them."""
    generator = np.random.default_rng(n)
    total, margin = runs(200, 2_000), 0.03 * whole
    groups, held = [number // CLUSTER for number in range(n)], 0
    for seed in range(total):
        moves = generator.choice([1, -1, 0], n // CLUSTER, p=[0.01, 0.04, 0.95])
        move = np.repeat(moves, CLUSTER) * (generator.random(n) < whole)
        old = (move < 0).astype(float)
        comparison = compared(old, old + move, groups, margin=margin, seed=seed)
        held += comparison.verdict is Verdict.HOLDS
    assert held / total <= most(HOLDS, total)


@pytest.mark.parametrize("alike", [1.0, 0.5])
@pytest.mark.parametrize("share", [0.05, 0.5])
def test_the_interval_of_a_grouped_score_covers_it(share: float, alike: float, runs: Runs) -> None:
    """In at least 95 % of samples, however alike a group's examples are."""
    generator, total, count = np.random.default_rng(40), runs(300, 5_000), 40
    groups, covered = [number // CLUSTER for number in range(count * CLUSTER)], 0
    for _ in range(total):
        together = np.repeat(generator.random(count) < share, CLUSTER)
        passed = np.where(
            generator.random(len(groups)) < alike, together, generator.random(len(groups)) < share
        )
        low, high = mean_interval(passed.astype(float).tolist(), groups)
        covered += low <= share <= high
    assert covered / total >= least(1.0 - ALPHA, total)


@pytest.mark.parametrize("n", [100, 400])
def test_power_on_scores_is_what_the_formula_says(n: int, runs: Runs) -> None:
    """The minimum detectable effect of continuous scores is found in about 80 % of samples."""
    generator = np.random.default_rng(n)
    total, deviation = count(runs, n), 0.2
    effect = minimum_detectable_effect(deviation, n)
    found = 0
    for seed in range(total):
        new = 0.5 + generator.normal(effect, deviation, n)
        found += compared(np.full(n, 0.5), new, seed=seed).verdict is Verdict.IMPROVED
    assert least(POWER - 0.03, total) <= found / total <= most(POWER + 0.03, total)


@pytest.mark.parametrize("n", [100, 200, 400])
def test_power_on_pass_rates_is_what_the_formula_says(n: int, runs: Runs) -> None:
    """The same of 0/1 scores, which lose a little since their tests are discrete."""
    generator = np.random.default_rng(n)
    total, moving = runs(200, 5_000), 0.3
    effect = minimum_detectable_effect(moving**0.5, n)
    effect = minimum_detectable_effect((moving - effect**2) ** 0.5, n)
    gain, loss = (moving + effect) / 2, (moving - effect) / 2
    found = 0
    for _ in range(total):
        move = generator.choice([1, -1, 0], n, p=[gain, loss, 1 - moving])
        old = np.where(move, move < 0, generator.random(n) < 0.5).astype(float)
        found += compared(old, old + move).verdict is Verdict.IMPROVED
    assert least(POWER - 0.05, total) <= found / total <= most(POWER + 0.03, total)


def repeated_passes(generator: Generator, n: int, repeats: int) -> Pair:
    """0/1 scores by example and repeat, of two prompts equally good, each with its own strengths.

    Which examples a prompt is likely to pass differs between the two, so that the differences
    of one example's repeats resemble each other.
    """
    old, new = generator.random((2, n, 1))
    drawn = generator.random((2, n, repeats))
    return (drawn[0] < old).astype(float), (drawn[1] < new).astype(float)


def test_repeats_averaged_first_keep_the_size(runs: Runs) -> None:
    """Three runs of each of 40 examples count as 40 differences: at most α are false."""
    generator = np.random.default_rng(40)
    total = runs(300, 5_000)
    false = 0
    for seed in range(total):
        old, new = repeated_passes(generator, 40, 3)
        false += differs(compared(old.mean(axis=1), new.mean(axis=1), seed=seed))
    assert false / total <= most(ALPHA, total)


def test_repeats_pooled_as_if_independent_would_not(runs: Runs) -> None:
    """The same data taken for 120 independent differences: some 13 % are false."""
    generator = np.random.default_rng(40)
    total = runs(300, 5_000)
    false = 0
    for seed in range(total):
        old, new = repeated_passes(generator, 40, 3)
        false += differs(compared(old.ravel(), new.ravel(), seed=seed))
    assert false / total > most(ALPHA, total)
