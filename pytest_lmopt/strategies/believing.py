"""Believing: how large a trial's gain probably is, given what it and its like have shown.

An empirical Bayes estimate (Efron & Morris 1975): a gain seen on few examples counts for less, and
random draws of one kind, as demo sets of the same size are, borrow strength from each other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from pytest_lmopt.metrics.evaluation import Evaluation
from pytest_lmopt.strategies.protocol import Trial

DOUBT = 12
"""Examples it takes to believe half of a difference: the variance of one example's difference over
that of true gains. It is 0.3 / 0.16², where 30 % of the answers change and gains are about 0.16."""

ALIKE = 0.75
"""How much of the variance of true gains those of one kind have in common."""


def likeliest(trials: Iterable[Trial]) -> list[Trial]:
    """Trials, the one with the largest gain to be believed first.

    Equal on the evidence, the cheaper comes first: of those that met the most examples, trials with
    the same difference are put in the order of their tokens per run, whatever their kinds add. One
    that its kind speaks against is not among them: it may have been the luckiest of many. Other
    ties go to the shortest prompts.
    """
    given = list(trials)
    ordered = sorted(
        zip(believed(given), given, strict=True),
        key=lambda pair: (-round(pair[0], 12), pair[1].proposal.candidate.size),
    )
    most = max((trial.n for trial in given), default=0)
    alike: dict[float, list[Trial]] = defaultdict(list)
    for belief, trial in ordered:
        alone = trial.difference * trial.n / (trial.n + DOUBT)
        if trial.n == most and round(belief - alone, 9) >= 0.0:
            alike[round(trial.difference, 9)].append(trial)
    found: list[Trial] = []
    for _, trial in ordered:
        equals = alike[round(trial.difference, 9)] if trial.n == most else []
        if any(trial is equal for equal in equals):
            found += sorted(equals, key=lambda equal: tokens_per_run(equal.evaluation))
            equals.clear()
        elif not any(trial is known for known in found):
            found.append(trial)
    return found


def tokens_per_run(evaluation: Evaluation, shared: frozenset[str] | None = None) -> float:
    """Tokens of a run with all its calls, over all examples that were run or those ``shared``."""
    runs = [each for each in evaluation.outcomes if shared is None or each.example in shared]
    return sum((each.usage.tokens for each in runs), 0) / max(1, len(runs))


def believed(trials: Iterable[Trial]) -> list[float]:
    """The posterior mean of each trial's true gain, in their order.

    Gains are drawn around the mean of their kind, and means of kinds around 0. Alone of its kind,
    a difference on n examples counts as n / (n + ``DOUBT``) of itself.
    """
    given = list(trials)
    kinds: dict[str, list[int]] = defaultdict(list)
    for place, trial in enumerate(given):
        kinds[trial.proposal.kind or f"only {place}"].append(place)
    found = [0.0] * len(given)
    for places in kinds.values():
        weights = [_weight(given[place].n) for place in places]
        seen = [given[place].difference for place in places]
        total = sum(weight * gain for weight, gain in zip(weights, seen, strict=True))
        mean = ALIKE * total / (1 + ALIKE * sum(weights))
        for place, weight, gain in zip(places, weights, seen, strict=True):
            found[place] = mean + (1 - ALIKE) * weight * (gain - mean)
    return found


def _weight(n: int) -> float:
    return n / ((1 - ALIKE) * n + DOUBT)
