"""Quantiles and probabilities, without what takes long to load: most need no scipy."""

from __future__ import annotations

import math
from statistics import NormalDist

_NORMAL = NormalDist()
NEGLIGIBLE = 1e-18
"""A term of a sum this much smaller than the sum adds nothing, nor do smaller ones."""


def normal_quantile(upper: float) -> float:
    """Find the value that a standard normal exceeds with probability ``upper``."""
    if not 0.0 < upper < 1.0:
        return math.inf if upper <= 0.0 else -math.inf
    return -_NORMAL.inv_cdf(upper)


def t_quantile(upper: float, freedom: int) -> float:
    """Find the value that Student's t of so many degrees exceeds with probability ``upper``."""
    from scipy.special import stdtrit

    return -float(stdtrit(freedom, upper))


def coin_tail(heads: int, tosses: int) -> float:
    """Find the probability of at most so many heads of a fair coin."""
    if heads < 0:
        return 0.0
    if 2 * heads >= tosses:
        return 1.0 - coin_tail(tosses - heads - 1, tosses)
    term = total = math.comb(tosses, heads) / (
        1 << tosses
    )  # whole numbers: no rounding before here
    for number in range(heads, 0, -1):
        term *= number / (tosses - number + 1)
        total += term
        if term <= NEGLIGIBLE * total:
            break
    return total
