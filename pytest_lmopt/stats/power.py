"""What a sample can show: minimum detectable effect, and the n that would decide."""

from __future__ import annotations

import math

POWER = 0.8


def minimum_detectable_effect(deviation: float, n: int, *, alpha: float = 0.05) -> float:
    """Smallest true mean difference found with 80 % power; normal approximation.

    ``deviation`` is the standard deviation of the paired differences.
    """
    return _quantiles(alpha) * deviation / math.sqrt(n)


def examples_needed(deviation: float, effect: float, *, alpha: float = 0.05) -> int:
    """Number of paired examples that would show a true difference ``effect`` with 80 % power."""
    return math.ceil((_quantiles(alpha) * deviation / effect) ** 2)


def _quantiles(alpha: float) -> float:
    from statistics import NormalDist

    normal = NormalDist()
    return normal.inv_cdf(1.0 - alpha / 2.0) + normal.inv_cdf(POWER)
