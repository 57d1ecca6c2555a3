"""Confirming: what a search adopts, and the one look at holdout that decides it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pytest_lmopt.blocks.evaluator import Evaluator
from pytest_lmopt.canonical import digest
from pytest_lmopt.comparison.verdict import (
    ALPHA,
    LEAST_EXAMPLES,
    Comparison,
    Verdict,
    compare,
)
from pytest_lmopt.metrics.evaluation import Evaluation
from pytest_lmopt.stats.paired import paired_interval
from pytest_lmopt.strategies.believing import likeliest, tokens_per_run
from pytest_lmopt.strategies.plan import Plan
from pytest_lmopt.strategies.protocol import Trial
from pytest_lmopt.suites.clusters import groups_of

Accept = Literal["significant", "best"]
Prefer = Literal["better", "shorter"]
Basis = Literal["", "improved", "shorter", "unproven"]
"""Why a winner is adopted: proven better; cheaper and not worse by more than the margin; seen to be
better, which proves nothing. Empty: it is not."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What a search adopts.

    ``accept`` *best* also takes a winner whose holdout difference is positive though unproven;
    ``prefer`` *shorter* also one that costs fewer tokens per run and is not worse by more than
    ``margin``, the suite's largest harmless loss in [0, 1].
    """

    accept: Accept = "significant"
    prefer: Prefer = "better"
    margin: float = 0.0

    @property
    def harmless(self) -> float | None:
        """The loss that a cheaper prompt may bring; None where none is looked for."""
        return self.margin if self.prefer == "shorter" else None

    def basis(self, comparison: Comparison, *, cheaper: bool) -> Basis:
        """Why a winner with this comparison on holdout is adopted."""
        if comparison.verdict is Verdict.IMPROVED:
            return "improved"
        if self.harmless is not None and cheaper and comparison.verdict is Verdict.HOLDS:
            return "shorter"
        unproven = comparison.verdict in (Verdict.HOLDS, Verdict.INCONCLUSIVE)
        return (
            "unproven" if self.accept == "best" and unproven and comparison.difference > 0 else ""
        )


@dataclass(frozen=True, kw_only=True)
class Confirmation:
    """A winner beside the incumbent on holdout; ``tokens`` are theirs per run, in that order.

    ``name`` is the same for the same prompts with the same scores; this was the ``use``-th of the
    holdout.
    """

    name: str
    use: int
    evaluation: Evaluation
    comparison: Comparison | None
    tokens: tuple[float, float]
    basis: Basis


def level(use: int, alpha: float = ALPHA) -> float:
    """Two-sided level of the ``use``-th confirmation on one holdout, from 1: 2α/(k(k+1)).

    Only the better side adopts, so each adopts falsely with α/(k(k+1)) at most, and all with α.
    ``alpha`` is the suite's own: of several judged as one family, its share.
    """
    return 2 * alpha / (use * (use + 1))


def choose(
    trials: Sequence[Trial],
    incumbent: Evaluation,
    rule: Rule,
    *,
    groups: Mapping[str, str] | None,
) -> Trial | None:
    """The trial to confirm, given the incumbent and the ``groups`` of dev; None if none is of use.

    The best one, if it beat the incumbent. Where shorter prompts are preferred, the one with the
    fewest tokens per run of those whose interval against the best one (the incumbent, if nothing
    beat it) lies above −margin, if that saves any.
    """
    ranked = likeliest(trials)
    better = next((trial for trial in ranked if trial.difference > 0.0), None)
    if rule.harmless is None:
        return better
    top = better.evaluation if better else incumbent
    cheap: list[tuple[float, Trial]] = []
    for trial in ranked:
        spent, by_top, by_incumbent = _tokens(trial.evaluation, top, incumbent)
        saves = spent < by_top and (trial.difference > 0.0 or spent < by_incumbent)
        if saves and _within(trial.evaluation, top, rule.harmless, groups):
            cheap.append((spent, trial))
    return min(cheap, key=lambda found: found[0])[1] if cheap else better


async def confirm(
    winner: Trial, evaluator: Evaluator, plan: Plan, rule: Rule, *, alpha: float, seed: int
) -> Confirmation:
    """Let the winner meet the incumbent on holdout, whose runs are there already.

    ``alpha`` is the suite's two-sided level over all uses of holdout. A confirmation that an
    earlier search has made, to the score, learns nothing new of holdout: it is the use, and has the
    level, that it had then.
    """
    held = await evaluator.evaluate(winner.proposal.candidate, plan.holdout)
    before = evaluator.kept(plan.incumbent, plan.holdout)
    states = winner.proposal.candidate.states.values()
    name = digest([sorted(state.digest for state in states), before.scores, held.scores], length=8)
    use = evaluator.suite.splits.use_of(name)
    comparison = compare(
        before.scores,
        held.scores,
        groups=groups_of(plan.holdout),
        margin=rule.harmless or 0.0,
        alpha=level(use, alpha),
        seed=seed,
    )
    old, new = _tokens(before, held)
    return Confirmation(
        name=name,
        use=use,
        evaluation=held,
        comparison=comparison,
        tokens=(old, new),
        basis=rule.basis(comparison, cheaper=new < old) if comparison else "",
    )


def _tokens(*evaluations: Evaluation) -> list[float]:
    """Tokens per run of each, over the examples that all were run on."""
    shared = frozenset.intersection(*(evaluation.ids for evaluation in evaluations))
    return [tokens_per_run(one, shared) for one in evaluations]


def _within(
    evaluation: Evaluation, top: Evaluation, margin: float, groups: Mapping[str, str] | None
) -> bool:
    """Whether its interval against ``top`` lies above −margin."""
    ours, theirs = evaluation.scores, top.scores
    shared = [identity for identity in ours if identity in theirs]
    if len(shared) < LEAST_EXAMPLES:
        return False
    losses = [round(ours[identity] - theirs[identity], 9) for identity in shared]
    binary = {*ours.values(), *theirs.values()} <= {0.0, 1.0}
    clusters = [groups.get(identity, identity) for identity in shared] if groups else None
    return paired_interval(losses, clusters, binary=binary)[0] > -margin
