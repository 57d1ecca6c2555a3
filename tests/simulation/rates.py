"""What the tests by simulation share: bounds for rates, and comparing two arrays of scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from pytest_lmopt.comparison.verdict import ALPHA, Comparison, Verdict, compare

Runs = Callable[[int, int], int]
"""Chooses a fast or a full number of runs."""

Scores = NDArray[np.float64]

SURPRISE = 0.001
"""How often a test fails though the procedure is right; seeds are fixed, so it then always does."""


def most(probability: float, runs: int) -> float:
    """A rate in ``runs`` that a true ``probability`` exceeds with a chance under 0.1 %."""
    from scipy.stats import binom

    return float(binom.isf(SURPRISE, runs, probability)) / runs


def least(probability: float, runs: int) -> float:
    """A rate in ``runs`` that a true ``probability`` falls short of with a chance under 0.1 %."""
    return 1.0 - most(1.0 - probability, runs)


def compared(
    old: Scores,
    new: Scores,
    groups: Sequence[int] | None = None,
    *,
    margin: float = 0.0,
    alpha: float = ALPHA,
    seed: int = 0,
) -> Comparison:
    """The comparison of two arrays of scores of the same examples."""
    ids = [str(number) for number in range(len(old))]
    comparison = compare(
        dict(zip(ids, old.tolist(), strict=True)),
        dict(zip(ids, new.tolist(), strict=True)),
        groups=None
        if groups is None
        else {identity: str(group) for identity, group in zip(ids, groups, strict=True)},
        margin=margin,
        alpha=alpha,
        seed=seed,
    )
    assert comparison is not None
    return comparison


def differs(comparison: Comparison) -> bool:
    """Whether the verdict says that something changed, for better or worse."""
    return comparison.verdict in {Verdict.IMPROVED, Verdict.REGRESSED}
