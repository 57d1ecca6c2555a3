"""The sign-flip permutation test of a zero mean paired difference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RESAMPLES = 9_999
MOST_RESAMPLES = 999_999
ENUMERATE_UP_TO = 12


def sign_flip_p(units: Sequence[float], *, alpha: float = 0.05, seed: int = 0) -> float:
    """Two-sided p-value for "each unit's sign is a coin toss".

    ``units`` are the paired differences, or their sums by cluster. All sign patterns are
    enumerated up to 12 non-zero units; beyond, 9 999 are drawn from ``seed`` and the observed one
    counts among them (Phipson & Smyth 2010), so the p-value is never 0. Where these draws could not
    bring it below ``alpha`` and none reached the observed sum, more are drawn: below what the first
    ones can show the p-value is that of all draws, above it that of the first, and valid at either.
    It depends neither on the units' order nor on which side is called new.
    """
    import numpy as np

    moving = np.array(sorted(abs(unit) for unit in units if unit != 0.0))
    if moving.size == 0:
        return 1.0
    # sums that are equal on paper differ in the last bits: ties must count as ties
    observed = abs(math.fsum(units)) - 1e-9 * math.fsum(moving)
    if moving.size <= ENUMERATE_UP_TO:
        numbers = np.arange(2**moving.size)[:, np.newaxis]
        patterns = (numbers >> np.arange(moving.size) & 1) * 2.0 - 1.0
        return float(np.mean(np.abs(_sums(patterns, moving)) >= observed))
    generator = np.random.default_rng(seed)
    wanted, drawn, reached = RESAMPLES, 0, 0
    while drawn < wanted:
        size = min(RESAMPLES, wanted - drawn)
        draws = generator.integers(0, 2, size=(size, moving.size)) * 2.0 - 1.0
        reached += int(np.count_nonzero(np.abs(_sums(draws, moving)) >= observed))
        drawn += size
        if drawn == RESAMPLES and not reached and alpha * (RESAMPLES + 1) <= 1.0:
            wanted = min(math.ceil(4.0 / alpha), MOST_RESAMPLES)
    return (1 + reached) / (drawn + 1)


def _sums(signs: NDArray[np.floating], units: NDArray[np.floating]) -> NDArray[np.floating]:
    """Sum the units under each row of signs.

    A product of matrices would go to the threads of a BLAS, which wait for each other a hundred
    times as long as this takes where other processes keep the cores busy.
    """
    import numpy as np

    sums: NDArray[np.floating] = np.einsum("ij,j->i", signs, units)
    return sums
