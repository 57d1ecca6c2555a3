"""Evaluations and search outcomes as the plain values of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_lmopt.assessment.acceptance import Acceptance
from pytest_lmopt.assessment.gains import gains_of
from pytest_lmopt.blocks.progress import spending
from pytest_lmopt.lm.money.ledger import Ledger
from pytest_lmopt.metrics.evaluation import Evaluation
from pytest_lmopt.metrics.scored_run import Outcome, first_missing
from pytest_lmopt.reports.suite_report import (
    Charged,
    FailingExample,
    Repeats,
    SearchReport,
    Status,
    SuiteReport,
    TrialReport,
)
from pytest_lmopt.runs.run import Ending
from pytest_lmopt.stats.intervals import mean_interval
from pytest_lmopt.stats.repeats import pass_at_k, pass_hat_k
from pytest_lmopt.suites.clusters import clusters_of
from pytest_lmopt.suites.suite import Suite
from pytest_lmopt.wire import Usage

if TYPE_CHECKING:
    from pytest_lmopt.strategies.protocol import Trial
    from pytest_lmopt.strategies.search import SearchOutcome


def describe_evaluation(
    suite: Suite,
    evaluation: Evaluation,
    *,
    status: Status,
    usage: Usage,
    seconds: float,
    show_holdout: bool,
) -> SuiteReport:
    """The report of an evaluation, not yet compared with anything."""
    scores = list(evaluation.scores.values())
    clusters = clusters_of(evaluation.scores, suite.dataset)
    low, high = mean_interval(scores, clusters) if scores else (None, None)
    # of those with a score other runs were answered
    missing = {
        each: why for each, why in evaluation.missing.items() if each not in evaluation.scores
    }
    skipped = {
        each.example
        for each in evaluation.outcomes
        if each.ending is Ending.SKIPPED and each.example not in evaluation.scores
    }
    hidden = set() if show_holdout else {example.id for example in suite.splits.holdout}
    first = first_missing(missing or evaluation.missing, hidden) if evaluation.missing else ()
    return SuiteReport(
        suite=suite.name,
        status=status,
        problem="",
        model=suite.model or "",
        n=len(scores),
        score=evaluation.mean if scores else None,
        low=low,
        high=high,
        baseline="no baseline",
        comparison=None,
        failing=_failing(suite, evaluation, show_holdout=show_holdout),
        missing=len(missing),
        missing_because=": ".join(first),
        skipped=len(skipped.difference(missing)),
        usage=usage,
        budget=str(suite.budget),
        seconds=seconds,
        repeats=_reliability(evaluation, suite.repeats),
        threshold=suite.threshold,
        margin=suite.margin,
        dataset=suite.dataset.digest,
        metric=suite.metric_digest,
    )


def describe_charged(ledger: Ledger) -> tuple[Charged, ...]:
    """What the budgets were charged, by kind."""
    return tuple(
        Charged(kind=kind, amount=amount, limit=limit)
        for kind, amount, limit in spending(ledger.accounts)
    )


def _reliability(evaluation: Evaluation, k: int) -> Repeats | None:
    """pass@k and pass^k over the examples with all ``k`` repeats scored."""
    complete = [scores for scores in evaluation.repeats.values() if len(scores) == k]
    if k < 2 or not complete:
        return None
    passed = [sum(score >= 1.0 for score in scores) for scores in complete]
    return Repeats(
        k=k,
        any_pass=sum(pass_at_k(k, count, k) for count in passed) / len(complete),
        all_pass=sum(pass_hat_k(k, count, k) for count in passed) / len(complete),
    )


def describe_search(
    outcome: SearchOutcome, acceptance: Acceptance, *, strategy: str
) -> SearchReport:
    """The report of a search."""
    winner = outcome.winner.proposal if outcome.winner else None
    diff, unwritable = acceptance.diff(winner.candidate if winner else outcome.prompts, outcome)
    incumbent, *trials = describe_trials(outcome)
    return SearchReport(
        strategy=strategy,
        trials=tuple(trials),
        incumbent=incumbent,
        winner=winner.candidate.name if winner else None,
        reason=winner.reason if winner else "",
        confirmation=outcome.confirmation,
        holdout_use=outcome.use,
        accepted=outcome.accepted,
        note=outcome.note,
        diff=diff,
        unwritable=unwritable,
        basis=outcome.basis,
        tokens=outcome.tokens,
        holdout=len(outcome.incumbent.ids) - len(outcome.dev.ids),
        alpha=outcome.alpha,
        detectable=outcome.detectable,
        changes=acceptance.changes(winner.candidate, outcome.prompts) if winner else (),
        gains=gains_of(outcome, acceptance.name),
    )


def describe_trials(outcome: SearchOutcome) -> list[TrialReport]:
    """The incumbent on dev, then the candidates raced; the Pareto front of them all is marked."""
    from pytest_lmopt.strategies.protocol import Proposal, Trial

    incumbent = Trial(
        proposal=Proposal(candidate=outcome.prompts, reason=""),
        evaluation=outcome.dev,
        difference=0.0,
        low=0.0,
        high=0.0,
        n=len(outcome.dev.scores),
    )
    trials = (incumbent, *outcome.trials)
    costs = [_costs(trial) for trial in trials]
    return [
        TrialReport(
            name=trial.proposal.candidate.name,
            reason=trial.proposal.reason,
            difference=trial.difference,
            low=trial.low,
            high=trial.high,
            n=trial.n,
            score=trial.evaluation.mean if trial.evaluation.scores else None,
            tokens=tokens,
            seconds=seconds,
            size=trial.proposal.candidate.size,
            calls=trial.calls,
            efficient=bool(trial.evaluation.scores)
            and not any(
                _dominates((other, *theirs), (trial, tokens, seconds))
                for other, theirs in zip(trials, costs, strict=True)
                if other.evaluation.scores
            ),
        )
        for trial, (tokens, seconds) in zip(trials, costs, strict=True)
    ]


def _costs(trial: Trial) -> tuple[float, float]:
    """Tokens and seconds per call."""
    usage = trial.evaluation.usage
    calls = max(1, usage.calls)
    return usage.tokens / calls, usage.milliseconds / 1000 / calls


def _dominates(one: tuple[Trial, float, float], other: tuple[Trial, float, float]) -> bool:
    """Whether ``one`` is nowhere worse than ``other`` and somewhere better."""
    ours = (one[0].difference, -one[1], -one[2])
    theirs = (other[0].difference, -other[1], -other[2])
    return ours != theirs and all(a >= b for a, b in zip(ours, theirs, strict=True))


def _failing(
    suite: Suite, evaluation: Evaluation, *, show_holdout: bool
) -> tuple[FailingExample, ...]:
    """Examples below 1, with the first of their runs that was.

    Those of holdout come last and by id only, so that nobody tunes to them.
    """
    hidden = set() if show_holdout else {example.id for example in suite.splits.holdout}
    first: dict[str, Outcome] = {}
    for outcome in evaluation.outcomes:
        if outcome.value is not None and outcome.value < 1.0:
            first.setdefault(outcome.example, outcome)
    failed = list(first.values())
    examples = {example.id: example for example in suite.dataset}
    open_ones = [
        FailingExample(
            id=run.example,
            inputs=str(dict(examples[run.example].inputs)),
            expected=str(examples[run.example].expected),
            got=run.got,
            feedback=run.score.feedback if run.score else "",
        )
        for run in evaluation.read(each for each in failed if each.example not in hidden)
    ]
    closed_ones = [FailingExample(id=each.example) for each in failed if each.example in hidden]
    return (*open_ones, *closed_ones)
