"""The sign-flip permutation test of a zero mean paired difference."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

RESAMPLES = 9_999
ENUMERATE_UP_TO = 12


def sign_flip_p(units: Sequence[float], *, seed: int = 0) -> float:
    """Two-sided p-value for "each unit's sign is a coin toss".

    ``units`` are the paired differences, or their sums by cluster. All sign patterns are
    enumerated up to 12 non-zero units; beyond, 9 999 are drawn from ``seed`` and the observed one
    counts among them (Phipson & Smyth 2010), so the p-value is never 0. It depends neither on the
    units' order nor on which side is called new.
    """
    import numpy as np

    moving = np.array(sorted(abs(unit) for unit in units if unit != 0.0))
    if moving.size == 0:
        return 1.0
    # sums that are equal on paper differ in the last bits: ties must count as ties
    observed = abs(math.fsum(units)) - 1e-9 * math.fsum(moving)
    if moving.size <= ENUMERATE_UP_TO:
        patterns = np.array(list(itertools.product((-1.0, 1.0), repeat=moving.size)))
        return float(np.mean(np.abs(patterns @ moving) >= observed))
    draws = np.random.default_rng(seed).integers(0, 2, size=(RESAMPLES, moving.size)) * 2.0 - 1.0
    return float((1 + np.count_nonzero(np.abs(draws @ moving) >= observed)) / (RESAMPLES + 1))
