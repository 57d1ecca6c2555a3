"""The sign-flip permutation test of a zero mean paired difference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.floating[Any]]

RESAMPLES = 9_999
MOST_RESAMPLES = 999_999
ENUMERATE_UP_TO = 12
ONE_NUMBER_A_SIGN_UP_TO = 20_000
"""Most non-zero units whose signs take a 32-bit number each, so that old p-values stay."""

SIGNS_AT_ONCE = 250_000
UNITS_A_TABLE = 8
TABLES_AT_ONCE = 64


def sign_flip_p(units: Sequence[float], *, alpha: float = 0.05, seed: int = 0) -> float:
    """Two-sided p-value for "each unit's sign is a coin toss".

    ``units`` are the paired differences, or their sums by cluster. All sign patterns are
    enumerated up to 12 non-zero units; beyond, 9 999 are drawn from ``seed`` and the observed one
    counts among them (Phipson & Smyth 2010), so the p-value is never 0. Where these draws could not
    bring it below ``alpha`` and none reached the observed sum, more are drawn: below what the first
    ones can show the p-value is that of all draws, above it that of the first, and valid at either.
    It depends neither on the units' order nor on which side is called new.

    Up to 20 000 non-zero units each sign takes 32 random bits, as it always has: a seed's p-value
    never changes. Beyond, each takes one bit, at a twentieth of the time. The time grows with the
    units; the memory, beside their list, stays below 10 MB.
    """
    import numpy as np

    moving = np.array(sorted(abs(unit) for unit in units if unit != 0.0))
    if moving.size == 0:
        return 1.0
    # sums that are equal on paper differ in the last bits: ties must count as ties
    observed = abs(math.fsum(units)) - 1e-9 * math.fsum(moving)
    if moving.size <= ENUMERATE_UP_TO:
        found = np.einsum("ij,j->i", _patterns(moving.size), moving)
        return float(np.mean(np.abs(found) >= observed))
    sums = _sums_by_row if moving.size <= ONE_NUMBER_A_SIGN_UP_TO else _sums_by_table
    generator = np.random.default_rng(seed)
    wanted, drawn, reached = RESAMPLES, 0, 0
    while drawn < wanted:
        size = min(RESAMPLES, wanted - drawn)
        found = sums(generator, moving, size)
        reached += int(np.count_nonzero(np.abs(found) >= observed))
        drawn += size
        if drawn == RESAMPLES and not reached and alpha * (RESAMPLES + 1) <= 1.0:
            wanted = min(math.ceil(4.0 / alpha), MOST_RESAMPLES)
    return (1 + reached) / (drawn + 1)


def _patterns(units: int) -> Floats:
    """Return all sign patterns of so many units, one a row."""
    import numpy as np

    numbers = np.arange(2**units)[:, np.newaxis]
    patterns: Floats = (numbers >> np.arange(units) & 1) * 2.0 - 1.0
    return patterns


def _sums_by_row(generator: np.random.Generator, units: Floats, size: int) -> Floats:
    """Draw ``size`` patterns one after the other, a few rows at a time; return their sums.

    A 32-bit number's highest bit is what ``generator.integers(0, 2)`` makes of it, at half the
    time and memory. A product of matrices would go to the threads of a BLAS, which wait for each
    other a hundred times as long as this takes where other processes keep the cores busy.
    """
    import numpy as np

    sums, rows = np.empty(size), max(1, SIGNS_AT_ONCE // units.size)
    for first in range(0, size, rows):
        shape = min(rows, size - first), units.size
        plus = generator.integers(0, 2**32, size=shape, dtype=np.uint32) >= 2**31
        np.einsum("ij,j->i", plus, units, out=sums[first : first + rows])
    sums *= 2.0
    sums -= units.sum()
    return sums


def _sums_by_table(generator: np.random.Generator, units: Floats, size: int) -> Floats:
    """Draw ``size`` patterns eight units at a time; return their sums.

    A table holds the sums of all 256 patterns of eight units, and a random byte chooses one.
    """
    import numpy as np

    padded = np.concatenate([units, np.zeros(-units.size % UNITS_A_TABLE)])
    eights = padded.reshape(-1, UNITS_A_TABLE)
    patterns = _patterns(UNITS_A_TABLE)
    sums, found = np.zeros(size), np.empty(size)
    for first in range(0, len(eights), TABLES_AT_ONCE):
        tables = np.einsum("gj,pj->gp", eights[first : first + TABLES_AT_ONCE], patterns)
        drawn = generator.integers(0, len(patterns), size=(len(tables), size), dtype=np.uint8)
        for table, chosen in zip(tables, drawn, strict=True):
            # a byte never points beyond a table, and np.take copies less where it need not check
            sums += np.take(table, chosen, mode="clip", out=found)
    return sums
