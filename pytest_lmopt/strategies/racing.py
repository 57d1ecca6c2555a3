"""Racing: successive halving over dev examples in one seeded order.

All candidates meet the same examples in the same order, so every comparison is paired; after each
rung the better half goes on (Jamieson & Talwalkar 2016). The incumbent runs along to be compared
with, and is never dropped.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from pytest_lmopt.blocks.evaluator import Evaluator
from pytest_lmopt.blocks.progress import Best
from pytest_lmopt.metrics.evaluation import Evaluation
from pytest_lmopt.stats.paired import paired_interval
from pytest_lmopt.strategies.believing import likeliest, tokens_per_run
from pytest_lmopt.strategies.protocol import Proposal, Trial
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.clusters import groups_of
from pytest_lmopt.suites.example import Example

FIRST_RUNG = 16


def rungs(n: int) -> list[int]:
    """How many examples each rung has been run on: 16, doubling, up to all ``n``."""
    sizes = []
    size = FIRST_RUNG
    while size < n:
        sizes.append(size)
        size *= 2
    return [*sizes, n]


def race_cost(field: int, n: int) -> int:
    """Runs it takes until one of ``field`` candidates is left, without the incumbent's.

    >>> race_cost(6, 64)  # 6 × 16, then 3 × 16
    144
    """
    runs = reached = 0
    for size in rungs(n):
        runs += field * (size - reached)
        reached, field = size, field // 2
        if field <= 1:
            break
    return runs


async def race(
    proposals: Sequence[Proposal],
    incumbent: Candidate,
    dev: Sequence[Example],
    evaluator: Evaluator,
    *,
    runs_left: Callable[[], int | None],
    calls: Callable[[], int],
    harmless: float | None = None,
    trials: dict[str, Trial] | None = None,
) -> list[Trial]:
    """Race proposals on dev; returns their trials, best first.

    ``runs_left`` says how many more runs can be paid for (None: any number), the incumbent's own
    not counted, and ``calls`` how many calls the search has made. The field is cut to the first
    candidates whose race can be paid for until one is left, and again before each rung, should
    runs turn out dearer; the one left meets the other examples as far as whole rungs can be paid
    for. Ties go to the cheaper, then to the shorter prompt, then to the earlier proposal; with a
    ``harmless`` loss given, so do differences up to that. ``trials``, by digest, fills rung by
    rung.
    """
    field = list(proposals)
    granted = runs_left()
    while granted is not None and len(field) > 1 and race_cost(len(field), len(dev)) > granted:
        field.pop()
    trials = {} if trials is None else trials
    reached = 0
    sizes = rungs(len(dev))
    for size in sizes:
        left = runs_left()
        if left is not None:
            field = field[: left // (size - reached)]
        if not field:
            break
        evaluator.tracker.begin(f"race, rung {sizes.index(size) + 1} of {len(sizes)}")
        met = await meet(field, incumbent, dev[:size], evaluator, calls=calls)
        trials.update((trial.proposal.candidate.digest, trial) for trial in met)
        ordered = ranked(met, harmless)
        field = [trial.proposal for trial in ordered]
        evaluator.tracker.lead(leading(ordered[0]))
        field = field[: max(1, len(field) // 2)]
        reached = size
    return ranked(trials.values(), harmless)


def ranked(trials: Iterable[Trial], harmless: float | None = None) -> list[Trial]:
    """Trials, best first.

    With a ``harmless`` loss in [0, 1], of those that met as many examples the ones within that of
    the best one come first, the cheapest in tokens per run before the others.
    """
    ordered = likeliest(trials)
    if harmless is None:
        return ordered
    best: dict[int, float] = {}
    for trial in ordered:
        best.setdefault(_met(trial), trial.difference)

    def place(trial: Trial) -> tuple[int, bool, float]:
        met = _met(trial)
        behind = trial.difference < best[met] - harmless
        return -met, behind, 0.0 if behind else tokens_per_run(trial.evaluation)

    return sorted(ordered, key=place)


def _met(trial: Trial) -> int:
    return len(trial.evaluation.outcomes)


def leading(trial: Trial) -> Best:
    """A trial as progress shows the best so far."""
    name = trial.proposal.candidate.name
    return Best(name, trial.difference, trial.low, trial.high, gain=True)


async def meet(
    proposals: Sequence[Proposal],
    incumbent: Candidate,
    examples: Sequence[Example],
    evaluator: Evaluator,
    *,
    calls: Callable[[], int],
) -> list[Trial]:
    """Each proposal's trial on these dev examples, beside the incumbent."""
    candidates = [proposal.candidate for proposal in proposals]
    base, *met = await evaluator.evaluate_all([incumbent, *candidates], examples)
    groups = groups_of(examples)
    return [
        _trial(proposal, evaluation, base, groups=groups, calls=calls())
        for proposal, evaluation in zip(proposals, met, strict=True)
    ]


def _trial(
    proposal: Proposal,
    evaluation: Evaluation,
    incumbent: Evaluation,
    *,
    groups: Mapping[str, str] | None,
    calls: int,
) -> Trial:
    old, new = incumbent.scores, evaluation.scores
    shared = [identity for identity in new if identity in old]
    gains = [round(new[identity] - old[identity], 9) for identity in shared]
    clusters = [groups.get(identity, identity) for identity in shared] if groups else None
    binary = {*old.values(), *new.values()} <= {0.0, 1.0}
    low, high = paired_interval(gains, clusters, binary=binary) if gains else (-1.0, 1.0)
    return Trial(
        proposal=proposal,
        evaluation=evaluation,
        difference=math.fsum(gains) / len(gains) if gains else 0.0,
        low=low,
        high=high,
        n=len(gains),
        calls=calls,
    )
