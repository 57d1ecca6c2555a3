"""By simulation: looking after every example, and stopping early, keeps the error rates."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from simulation.rates import Runs, Scores, compared, differs, most

from pytest_lmopt.blocks.runner import LARGEST
from pytest_lmopt.comparison.verdict import ALPHA, Verdict
from pytest_lmopt.stats.betting import ConfidenceSequence

Generator = np.random.Generator
N = 300


def coin(generator: Generator, n: int) -> Scores:
    """Differences of 0/1 scores, as often up as down."""
    return generator.choice([1.0, -1.0, 0.0], n, p=[0.2, 0.2, 0.6])


def noise(generator: Generator, n: int) -> Scores:
    """Small differences of continuous scores."""
    return np.clip(generator.normal(0.0, 0.2, n), -1.0, 1.0)


def skewed(generator: Generator, n: int) -> Scores:
    """Many small losses, few large gains; the mean is 0."""
    return generator.choice([0.9, -0.1], n, p=[0.1, 0.9])


def stopped_at(
    differences: Scores, *, margin: float, alpha: float, block: int = 1
) -> tuple[int, ConfidenceSequence]:
    """How many values it took to be certain, looking block by block; all of them if it never is."""
    sequence = ConfidenceSequence(alpha=alpha)
    end = 0
    while end < len(differences) and not -margin < sequence.low and not sequence.high < -margin:
        sequence.extend(differences[end : end + block].tolist())
        end = min(end + block, len(differences))
    return end, sequence


@pytest.mark.parametrize("draw", [coin, noise, skewed], ids=lambda draw: draw.__name__)
def test_peeking_after_every_example_keeps_the_size(
    draw: Callable[[Generator, int], Scores], runs: Runs
) -> None:
    """Equal prompts: 0 is outside the bounds at any of 300 looks in no more than α of runs.

    Bounds only ever narrow, so the last ones tell of all the looks.
    """
    generator = np.random.default_rng(1)
    total = runs(50, 3_000)
    false = 0
    for _ in range(total):
        sequence = ConfidenceSequence(alpha=ALPHA)
        sequence.extend(draw(generator, N).tolist())
        false += not sequence.low <= 0.0 <= sequence.high
    assert false / total <= most(ALPHA, total)


def test_peeking_with_the_test_for_one_look_would_not(runs: Runs) -> None:
    """The fixed-sample comparison, looked at after every ten examples, errs far more often."""
    generator = np.random.default_rng(2)
    total = runs(50, 1_000)
    false = 0
    for _ in range(total):
        new = coin(generator, N)
        old = (new < 0).astype(float)
        false += any(
            differs(compared(old[:end], (old + new)[:end])) for end in range(10, N + 1, 10)
        )
    assert false / total > most(ALPHA, total)


@pytest.mark.parametrize(
    ("gain", "loss"), [(0.35, 0.05), (0.05, 0.35), (0.0, 0.01)], ids=["better", "worse", "same"]
)
def test_what_is_plain_stops_early(gain: float, loss: float, runs: Runs) -> None:
    """A large change for better or worse, or none to speak of at a margin of 10 %, saves calls."""
    generator = np.random.default_rng(3)
    total = runs(40, 500)
    used, right = 0, 0
    for _ in range(total):
        differences = generator.choice([1.0, -1.0, 0.0], N, p=[gain, loss, 1 - gain - loss])
        margin = 0.1 if gain == 0.0 else 0.0
        end, sequence = stopped_at(differences, margin=margin, alpha=ALPHA)
        used += end
        right += sequence.high < -margin if loss > gain + margin else sequence.low > -margin
    assert used / total < 0.7 * N
    assert right / total >= 0.95


def judged(differences: Scores, *, margin: float, seed: int) -> Verdict:
    """The verdict of an evaluation that may stop early: half of α for looking, half for the end."""
    end, sequence = stopped_at(differences, margin=margin, alpha=ALPHA / 2, block=LARGEST)
    if end < len(differences):
        if sequence.high < -margin:
            return Verdict.REGRESSED
        return Verdict.IMPROVED if sequence.low > 0.0 else Verdict.HOLDS
    old = (differences < 0).astype(float)
    return compared(old, old + differences, margin=margin, alpha=ALPHA / 2, seed=seed).verdict


def test_looking_and_the_final_test_together_keep_the_size(runs: Runs) -> None:
    """Equal prompts, looked at by block and tested at the end: no more than α are false."""
    generator = np.random.default_rng(4)
    total = runs(50, 3_000)
    verdicts = [judged(coin(generator, N), margin=0.0, seed=seed) for seed in range(total)]
    false = sum(verdict in {Verdict.IMPROVED, Verdict.REGRESSED} for verdict in verdicts)
    assert false / total <= most(ALPHA, total)


def test_looking_does_not_make_a_loss_at_the_margin_hold(runs: Runs) -> None:
    """A prompt worse by just the margin is said to hold in no more than α/2 of runs."""
    generator = np.random.default_rng(5)
    total = runs(60, 3_000)
    held = 0
    for seed in range(total):
        differences = generator.choice([1.0, -1.0, 0.0], N, p=[0.05, 0.15, 0.8])
        held += judged(differences, margin=0.1, seed=seed) is Verdict.HOLDS
    assert held / total <= most(ALPHA / 2, total)
