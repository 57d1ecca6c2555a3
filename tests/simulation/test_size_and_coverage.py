"""By simulation: how often the tests are wrong, and how often the interval is right."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from simulation.rates import Runs, most

from pytest_lmopt.stats.mcnemar import mid_p, tango_interval
from pytest_lmopt.stats.signflip import sign_flip_p

ALPHA = 0.05


def gaussian(generator: np.random.Generator, n: int) -> list[float]:
    """Differences of noise alone."""
    return list(generator.normal(0.0, 0.1, n))


def sparse(generator: np.random.Generator, n: int) -> list[float]:
    """Differences of which most are zero and a few are large."""
    moved = generator.random(n) < 0.3
    return list(moved * generator.uniform(-1.0, 1.0, n))


@pytest.mark.parametrize("n", [20, 60])
@pytest.mark.parametrize("discordance", [0.1, 0.4])
def test_equal_pass_rates_seldom_differ_significantly(
    n: int, discordance: float, runs: Runs
) -> None:
    """A/A on 0/1 scores: mid-p McNemar is below α no more often than α, with Monte Carlo error."""
    generator = np.random.default_rng(n)
    total = runs(400, 2_000)
    halves = [discordance / 2, discordance / 2, 1 - discordance]
    tables = generator.multinomial(n, halves, size=total)
    false = sum(mid_p(int(gained), int(lost)) < ALPHA for gained, lost, _ in tables)
    assert false / total <= most(ALPHA, total)


@pytest.mark.parametrize("n", [20, 60])
@pytest.mark.parametrize("draw", [gaussian, sparse])
def test_equal_scores_seldom_differ_significantly(
    n: int, draw: Callable[[np.random.Generator, int], list[float]], runs: Runs
) -> None:
    """A/A on continuous scores: sign flips are below α about as often as α."""
    generator = np.random.default_rng(n)
    total = runs(60, 1_000)
    false = sum(sign_flip_p(draw(generator, n), seed=run) < ALPHA for run in range(total))
    assert false / total <= most(ALPHA, total)


@pytest.mark.parametrize("n", [20, 40, 60])
@pytest.mark.parametrize(("gain", "loss"), [(0.1, 0.1), (0.3, 0.1), (0.05, 0.25), (0.02, 0.02)])
def test_tangos_interval_covers_the_true_difference(
    n: int, gain: float, loss: float, runs: Runs
) -> None:
    """The 95 % interval holds the truth in at least about 95 % of samples; sparse data included.

    The score interval's coverage swings a little around its level, so one point is granted.
    """
    generator = np.random.default_rng(n)
    total = runs(100, 2_000)
    tables = generator.multinomial(n, [gain, loss, 1 - gain - loss], size=total)
    covered = 0
    for gained, lost, _ in tables:
        low, high = tango_interval(int(gained), int(lost), n)
        covered += low <= gain - loss <= high
    missed = 1 - covered / total
    assert missed <= most(ALPHA + 0.01, total)


@pytest.mark.parametrize("n", [20, 60])
def test_a_loss_of_the_margin_seldom_holds(n: int, runs: Runs) -> None:
    """At a true difference of −margin the lower end is above −margin in about 2.5 % of samples."""
    generator = np.random.default_rng(n)
    total, margin = runs(200, 2_000), 0.1
    tables = generator.multinomial(n, [0.02, 0.02 + margin, 0.86], size=total)
    held = sum(tango_interval(int(gained), int(lost), n)[0] > -margin for gained, lost, _ in tables)
    assert held / total <= most(ALPHA / 2 + 0.005, total)
