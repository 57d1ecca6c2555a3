"""Confidence intervals for a mean: Wilson's for proportions, Student's, and the clustered t."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

from pytest_lmopt.stats.distributions import normal_quantile, t_quantile


def wilson_interval(passed: int, n: int, *, alpha: float = 0.05) -> tuple[float, float]:
    """Wilson score interval for a proportion of ``passed`` in ``n``."""
    z = -normal_quantile(0.5 + 0.5 * (1.0 - alpha))  # to the last digit as scipy.stats has it
    share, size = passed / n, 2.0 * (n + z**2)
    centre = (2.0 * n * share + z**2) / size
    reach = z / size * math.sqrt(4.0 * n * share * (1.0 - share) + z**2)
    return centre - reach if passed else 0.0, centre + reach if passed < n else 1.0


def standard_error(
    values: Sequence[float], groups: Sequence[Hashable] | None = None
) -> tuple[float, int]:
    """Standard error of the mean of ``values`` and its degrees of freedom.

    s/√n with n − 1 degrees; with ``groups`` the cluster-robust (CR1) error with G − 1. Fewer than
    two units give (nan, 0).
    """
    n = len(values)
    mean = math.fsum(values) / n
    if groups is None:
        if n < 2:
            return math.nan, 0
        variance = math.fsum((value - mean) ** 2 for value in values) / (n - 1)
        return math.sqrt(variance / n), n - 1
    residuals: dict[Hashable, float] = {}
    for value, group in zip(values, groups, strict=True):
        residuals[group] = residuals.get(group, 0.0) + value - mean
    count = len(residuals)
    if count < 2:
        return math.nan, 0
    squares = math.fsum(residual**2 for residual in residuals.values())
    return math.sqrt(squares * count / (count - 1)) / n, count - 1


def t_interval(
    values: Sequence[float],
    groups: Sequence[Hashable] | None = None,
    *,
    alpha: float = 0.05,
    bounds: tuple[float, float] = (-1.0, 1.0),
) -> tuple[float, float]:
    """Student's t interval for the mean, clustered where ``groups`` are given, clipped.

    With fewer than two units nothing is known and the interval is ``bounds``.
    """
    error, freedom = standard_error(values, groups)
    if freedom == 0:
        return bounds
    mean = math.fsum(values) / len(values)
    reach = t_quantile(alpha / 2.0, freedom) * error
    return max(bounds[0], mean - reach), min(bounds[1], mean + reach)


def mean_interval(
    values: Sequence[float],
    groups: Sequence[Hashable] | None = None,
    *,
    alpha: float = 0.05,
) -> tuple[float, float]:
    """Interval for a mean score in [0, 1]: Wilson's where all scores are 0 or 1, else t.

    With ``groups`` Wilson's is that of as many draws as would spread so much, else t's clustered.
    """
    if groups is not None:
        shares = set(values) <= {0.0, 1.0}
        clustered = _clustered_wilson if shares else t_interval
        return clustered(values, groups, alpha=alpha, bounds=(0.0, 1.0))
    if set(values) <= {0.0, 1.0}:
        return wilson_interval(round(math.fsum(values)), len(values), alpha=alpha)
    return t_interval(values, alpha=alpha, bounds=(0.0, 1.0))


def _clustered_wilson(
    values: Sequence[float],
    groups: Sequence[Hashable],
    *,
    alpha: float,
    bounds: tuple[float, float],
) -> tuple[float, float]:
    """Wilson's interval with the effective sample size, and t with G − 1 degrees of freedom."""
    error, freedom = standard_error(values, groups)
    if freedom == 0:
        return bounds
    share = math.fsum(values) / len(values)
    # where none differ nothing is known of how alike groups are: each is taken for one draw
    draws = min(len(values), share * (1.0 - share) / error**2) if error else freedom + 1
    quantile = t_quantile(alpha / 2.0, freedom)
    weight = quantile**2 / draws
    centre = (share + weight / 2.0) / (1.0 + weight)
    reach = math.sqrt(weight * (share * (1.0 - share) + weight / 4.0)) / (1.0 + weight)
    return max(bounds[0], centre - reach), min(bounds[1], centre + reach)
