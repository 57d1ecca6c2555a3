"""Headroom: whether anything could be proven better than the incumbent, told before spending."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pytest_lmopt.comparison.verdict import LEAST_EXAMPLES
from pytest_lmopt.metrics.evaluation import Evaluation
from pytest_lmopt.stats.intervals import wilson_interval
from pytest_lmopt.stats.paired import analyse_pairs, paired_interval
from pytest_lmopt.stats.power import minimum_detectable_effect
from pytest_lmopt.strategies.confirming import Rule
from pytest_lmopt.strategies.protocol import Trial

ASSUMED_CHANGES = 0.3
"""Share of examples whose outcome differs between two prompts, where nothing is known yet."""


def detectable_effect(n: int, *, alpha: float) -> float:
    """Difference that ``n`` examples show with 80 % power, if 30 % of them change."""
    return minimum_detectable_effect(math.sqrt(ASSUMED_CHANGES), n, alpha=alpha)


def no_headroom(
    scores: Sequence[float],
    n: int,
    *,
    alpha: float,
    rule: Rule,
    groups: Sequence[str] | None = None,
) -> str:
    """Why not even a perfect prompt could be adopted in place of one with these dev scores.

    Empty if one could. ``n`` is the size of holdout, ``groups`` are its examples' clusters, if any.
    The most hopeful case is looked at: of the holdout examples the incumbent fails as large a share
    as the 95 % interval of that share on dev (Wilson's) allows, and the perfect prompt mends them
    all. What it advises is what would help in that case: another split is as large, and its uses
    are counted by its examples.
    """
    if not scores:
        return ""
    passed = sum(score >= 1.0 for score in scores)
    if n < LEAST_EXAMPLES:
        why = (
            f"and {n} holdout examples prove nothing, whatever is found: it takes "
            f"{LEAST_EXAMPLES}; more examples would leave room to see it"
        )
    elif _equal_is_enough(n, groups, alpha, rule):
        why = ""
    elif passed == len(scores):
        why = "so no candidate can score more there; harder examples would leave room to see it"
    elif rule.accept == "best":
        why = ""
    else:
        why = _unprovable(passed, len(scores), n, alpha) or _too_few_groups(groups, alpha)
    mean = math.fsum(scores) / len(scores)
    score = f"the incumbent scores {mean:.3f} on {len(scores)} dev examples"
    return f"no search: {score}, {why}" if why else ""


def _equal_is_enough(n: int, groups: Sequence[str] | None, alpha: float, rule: Rule) -> bool:
    """Whether a cheaper prompt that changes no score would be adopted."""
    if rule.harmless is None:
        return False
    return paired_interval([0.0] * n, groups, binary=True, alpha=alpha)[0] > -rule.harmless


def _unprovable(passed: int, scored: int, n: int, alpha: float) -> str:
    """Why nothing could be proven where ``passed`` of ``scored`` are right; empty if it could."""
    failing = min(n, math.ceil(n * (1.0 - wilson_interval(passed, scored)[0])))
    if _shown(failing, n, alpha):
        return ""
    enough = (str(count) for count in range(failing + 1, n + 1) if _shown(count, n, alpha))
    return (
        f"so even a perfect prompt would gain at most {failing} of the {n} holdout examples; "
        f"significance at p < {alpha:#.3g} needs {next(enough, f'more than {n}')}; "
        "more examples or harder ones would leave room to see it"
    )


def _too_few_groups(groups: Sequence[str] | None, alpha: float) -> str:
    """Why no gain could be proven on these groups, were it in all of them; empty if it could.

    The test flips the signs of groups: the fewest patterns that count are that of all gains and its
    mirror.
    """
    count = len(set(groups)) if groups else 0
    least = 1 + math.floor(1 - math.log2(alpha))
    if not groups or count >= least:
        return ""
    return (
        f"and holdout's {len(groups)} examples are of {count} group{'s' if count > 1 else ''}; a "
        f"gain in all of them would not be significant at p < {alpha:#.3g}, which takes {least}; "
        "examples of more groups would leave room to see it"
    )


def nothing_changed(trials: Sequence[Trial], incumbent: Evaluation) -> str:
    """What to say where no candidate changed a single score on dev; empty if one did."""
    before = incumbent.scores
    for trial in trials:
        after = trial.evaluation.scores
        if any(before[identity] != after[identity] for identity in after if identity in before):
            return ""
    if not trials:
        return ""
    most = max(trial.n for trial in trials)
    return (
        f"none of the {len(trials)} candidates changed a single score on up to {most} dev examples"
    )


def _shown(failing: int, n: int, alpha: float) -> bool:
    """Whether mending ``failing`` of ``n`` examples is proven by the most sensitive test."""
    found = analyse_pairs([1.0] * failing + [0.0] * (n - failing), binary=True, alpha=alpha)
    return found.p_value < alpha and found.low > 0.0
