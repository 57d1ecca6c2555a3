"""Paired 0/1 outcomes: McNemar's test and a score interval for the difference of proportions.

Throughout, of ``n`` pairs ``gained`` went 0 → 1 and ``lost`` went 1 → 0; the difference is
(gained − lost) / n.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from pytest_lmopt.stats.distributions import coin_tail, normal_quantile

PRECISION = 1e-14
"""Width to which a bound of an interval is found."""


def exact_p(gained: int, lost: int) -> float:
    """Two-sided exact conditional McNemar p-value: binomial on the discordant pairs."""
    return min(1.0, 2.0 * coin_tail(min(gained, lost), gained + lost))


def mid_p(gained: int, lost: int) -> float:
    """Two-sided mid-p McNemar p-value (Fagerland, Lydersen, Laake 2013).

    The exact test minus half the probability of the observed table: nearer to α on small
    samples, without the asymptotic test's excess of false positives.
    """
    pairs, fewer = gained + lost, min(gained, lost)
    return min(1.0, coin_tail(fewer, pairs) + coin_tail(fewer - 1, pairs))


def tango_interval(
    gained: float, lost: float, n: int, *, alpha: float = 0.05
) -> tuple[float, float]:
    """Score interval for a paired difference of proportions (Tango 1998), level 1 − ``alpha``.

    Without any discordant pair the interval is the exact bound on the discordance rate,
    ±(1 − (α/2)^(1/n)), since the score interval would rest on no information at all.
    """
    if gained == lost == 0:
        bound = 1.0 - float((alpha / 2.0) ** (1.0 / n))
        return -bound, bound
    z = normal_quantile(alpha / 2.0)
    estimate = (gained - lost) / n

    def statistic(delta: float) -> float:
        linear = (2 * n - gained + lost) * delta - gained - lost
        constant = -lost * delta * (1.0 - delta)
        nuisance = (math.sqrt(linear * linear - 8 * n * constant) - linear) / (4 * n)
        variance = n * (2.0 * nuisance + delta * (1.0 - delta))
        numerator = gained - lost - n * delta
        if variance <= 0.0:
            return math.copysign(math.inf, numerator) if numerator else 0.0
        return numerator / math.sqrt(variance)

    def limit(edge: float, target: float) -> float:
        if abs(statistic(edge)) <= abs(target):
            return edge
        return _bisected(lambda delta: statistic(delta) - target, edge, estimate)

    tip = 1.0 - 1e-12
    low = limit(-tip, z) if estimate > -tip else -1.0
    high = limit(tip, -z) if estimate < tip else 1.0
    return max(-1.0, low), min(1.0, high)


def _bisected(function: Callable[[float], float], start: float, end: float) -> float:
    """Find where a function that has another sign at each end is 0."""
    above = function(start) > 0.0
    while abs(end - start) > PRECISION:
        middle = (start + end) / 2.0
        if (function(middle) > 0.0) == above:
            start = middle
        else:
            end = middle
    return (start + end) / 2.0
