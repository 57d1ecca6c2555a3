"""Comparing the scores of two evaluations, example by example."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pytest_lmopt.stats.paired import analyse_pairs
from pytest_lmopt.stats.power import examples_needed, minimum_detectable_effect

ALPHA = 0.05
LEAST_EXAMPLES = 10
FEW_GROUPS = 20


class Verdict(StrEnum):
    """What a comparison shows."""

    IMPROVED = "improved"
    REGRESSED = "regressed"
    HOLDS = "holds"
    """Not worse by more than the margin; or nothing changed at all."""
    INCONCLUSIVE = "inconclusive"
    INSUFFICIENT = "insufficient data"
    """Fewer than 10 shared examples: described, not judged."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Paired statistics of new − old scores over the examples both have.

    ``low`` and ``high`` bound the difference with 95 % confidence; ``p_value`` is two-sided. The
    verdict rests on ``alpha`` and the interval of level 1 − ``alpha``. ``detectable`` is the
    smallest difference this n would show with 80 % power, ``needed`` how many examples would show
    the difference seen; None where undefined.
    """

    n: int
    old_mean: float
    new_mean: float
    difference: float
    low: float
    high: float
    p_value: float
    test: str
    alpha: float
    verdict: Verdict
    detectable: float | None = None
    needed: int | None = None
    warning: str = ""


def compare(
    old: Mapping[str, float],
    new: Mapping[str, float],
    *,
    groups: Mapping[str, str] | None = None,
    margin: float = 0.0,
    alpha: float = ALPHA,
    unchanged: bool = False,
    seed: int = 0,
) -> Comparison | None:
    """Compare two evaluations given as scores by example id; None where no example is shared.

    ``groups`` maps example ids to clusters. ``unchanged`` says that prompts, models and answers
    are the same, which *holds* without any statistics.
    """
    shared = [identity for identity in new if identity in old]
    if not shared:
        return None
    n = len(shared)
    # rounded, since scores that are equal on paper differ in their last digits, all the same way
    differences = [round(new[identity] - old[identity], 9) for identity in shared]
    clusters = [groups.get(identity, identity) for identity in shared] if groups else None
    binary = {*map(old.__getitem__, shared), *map(new.__getitem__, shared)} <= {0.0, 1.0}
    analysis = analyse_pairs(differences, clusters, binary=binary, seed=seed)
    judged = analysis
    if alpha != ALPHA:
        judged = analyse_pairs(differences, clusters, binary=binary, alpha=alpha, seed=seed)
    count = len(set(clusters)) if clusters else FEW_GROUPS
    spread = analysis.deviation > 0.0
    return Comparison(
        n=n,
        old_mean=sum(old[identity] for identity in shared) / n,
        new_mean=sum(new[identity] for identity in shared) / n,
        difference=analysis.mean,
        low=analysis.low,
        high=analysis.high,
        p_value=judged.p_value,
        test=analysis.test,
        alpha=alpha,
        verdict=_verdict(
            n=n,
            mean=analysis.mean,
            bounds=(judged.low, judged.high),
            p_value=judged.p_value,
            margin=margin,
            alpha=alpha,
            unchanged=unchanged and not any(differences),
        ),
        detectable=minimum_detectable_effect(analysis.deviation, n, alpha=alpha)
        if spread
        else None,
        needed=examples_needed(analysis.deviation, analysis.mean, alpha=alpha)
        if spread and analysis.mean
        else None,
        warning=f"only {count} group{'s' if count > 1 else ''}: the interval is approximate"
        if count < FEW_GROUPS
        else "",
    )


def _verdict(
    *,
    n: int,
    mean: float,
    bounds: tuple[float, float],
    p_value: float,
    margin: float,
    alpha: float,
    unchanged: bool,
) -> Verdict:
    low, high = bounds
    if unchanged:
        return Verdict.HOLDS
    if n < LEAST_EXAMPLES:
        return Verdict.INSUFFICIENT
    if p_value < alpha and low > 0.0:
        return Verdict.IMPROVED
    if p_value < alpha and high < 0.0 and mean < -margin:
        return Verdict.REGRESSED
    return Verdict.HOLDS if low > -margin else Verdict.INCONCLUSIVE
