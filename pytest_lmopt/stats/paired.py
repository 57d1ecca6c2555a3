"""The paired analysis of one vector of differences: which test, which interval."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from pytest_lmopt.stats.intervals import standard_error, t_interval
from pytest_lmopt.stats.mcnemar import mid_p, tango_interval
from pytest_lmopt.stats.signflip import sign_flip_p


@dataclass(frozen=True, kw_only=True)
class PairedAnalysis:
    """Mean difference with its two-sided p-value and 1 − α interval.

    ``deviation`` is the differences' standard deviation as the interval's standard error implies
    it (so clustering widens it).
    """

    n: int
    mean: float
    low: float
    high: float
    p_value: float
    test: str
    deviation: float


def analyse_pairs(
    differences: Sequence[float],
    groups: Sequence[Hashable] | None = None,
    *,
    binary: bool,
    alpha: float = 0.05,
    seed: int = 0,
) -> PairedAnalysis:
    """Analyse new − old differences, one per example, in [−1, 1].

    ``binary`` says that every score behind them was 0 or 1: then mid-p McNemar and Tango's
    interval. Otherwise, or with ``groups`` (one label per example), the sign-flip permutation
    test and a (cluster-) t interval, which is widened to Tango's where most differences are 0.

    Raises ``ValueError`` for an empty sequence or a value that is not finite.
    """
    if not differences or not all(math.isfinite(value) for value in differences):
        raise ValueError(f"differences must be finite and at least one, got {differences!r}")
    n = len(differences)
    mean = math.fsum(differences) / n
    low, high = paired_interval(differences, groups, binary=binary, alpha=alpha)
    if not any(differences):
        return PairedAnalysis(
            n=n, mean=0.0, low=low, high=high, p_value=1.0, test="no difference", deviation=0.0
        )
    if binary and groups is None:
        gained = sum(value > 0 for value in differences)
        lost = sum(value < 0 for value in differences)
        p_value, test = mid_p(gained, lost), "mid-p McNemar"
    else:
        sums = _unit_sums(differences, groups)
        p_value, test = sign_flip_p(sums, alpha=alpha, seed=seed), "sign-flip"
    error, freedom = standard_error(differences, groups)
    deviation = error * math.sqrt(n) if freedom else math.nan
    return PairedAnalysis(
        n=n, mean=mean, low=low, high=high, p_value=p_value, test=test, deviation=deviation
    )


def paired_interval(
    differences: Sequence[float],
    groups: Sequence[Hashable] | None = None,
    *,
    binary: bool,
    alpha: float = 0.05,
) -> tuple[float, float]:
    """The 1 − ``alpha`` interval of such an analysis, without its test."""
    n = len(differences)
    if not any(differences):
        bound = tango_interval(0, 0, len(set(groups)) if groups else n, alpha=alpha)[1]
        return -bound, bound
    if binary and groups is None:
        return _score_interval(differences, n, alpha=alpha)
    low, high = t_interval(differences, groups, alpha=alpha)
    sums = [round(total, 9) for total in _unit_sums(differences, groups)]
    if 2 * sums.count(0.0) > len(sums):
        # mostly zeros: t sees too little spread, as on rare 0/1 changes; since d² <= |d|, the
        # score interval on summed gains and losses errs on the safe side. For that to hold of
        # groups, too, the largest change is the unit, of a group of usual size at least
        usual = n / len(sums)
        unit = max(usual, *map(abs, sums))
        sparse = _score_interval([total / unit for total in sums], len(sums), alpha=alpha)
        scale = unit / usual
        low = max(-1.0, min(low, sparse[0] * scale))
        high = min(1.0, max(high, sparse[1] * scale))
    return low, high


def _score_interval(changes: Sequence[float], n: int, *, alpha: float) -> tuple[float, float]:
    """Tango's interval on summed gains and losses."""
    gains = math.fsum(change for change in changes if change > 0)
    losses = -math.fsum(change for change in changes if change < 0)
    return tango_interval(gains, losses, n, alpha=alpha)


def _unit_sums(differences: Sequence[float], groups: Sequence[Hashable] | None) -> Sequence[float]:
    if groups is None:
        return differences
    sums: dict[Hashable, float] = {}
    for value, group in zip(differences, groups, strict=True):
        sums[group] = sums.get(group, 0.0) + value
    return list(sums.values())
