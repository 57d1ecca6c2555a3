"""Assessing a suite: evaluate or search, compare with the baseline, gate, report."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from pathlib import Path

from pytest_lmopt.assessment.acceptance import Acceptance
from pytest_lmopt.assessment.describe import describe_evaluation, describe_search
from pytest_lmopt.comparison.gate import GateMode, gate_failure
from pytest_lmopt.comparison.verdict import Comparison, compare
from pytest_lmopt.errors import SuiteError
from pytest_lmopt.lm.ledger import Ledger
from pytest_lmopt.metrics.evaluation import Evaluation
from pytest_lmopt.metrics.evaluator import Evaluator
from pytest_lmopt.optimizers.registry import STRATEGIES
from pytest_lmopt.optimizers.search import SearchOutcome, search
from pytest_lmopt.reports.suite_report import Status, SuiteReport
from pytest_lmopt.runs.executor import Executor
from pytest_lmopt.snapshots.snapshot import Snapshot
from pytest_lmopt.snapshots.store import comparable_scores, load_snapshot, stale_because
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.example import groups_of
from pytest_lmopt.suites.suite import Suite


@dataclass(frozen=True, kw_only=True)
class Terms:
    """How a suite is assessed: the session's settings, without the session."""

    root: Path
    snapshot: Path
    seed: int = 0
    gate: GateMode = "regression"
    strategy: str | None = None
    accepting: bool = False
    show_holdout: bool = False


class Assessment:
    """One suite under assessment."""

    def __init__(self, suite: Suite, executor: Executor, ledger: Ledger, terms: Terms) -> None:
        self._suite = suite
        self._terms = terms
        self._ledger = ledger
        self._evaluator = Evaluator(suite, executor)
        self._incumbent = Candidate(name="incumbent", states={})
        self._started = time.monotonic()

    async def run(self) -> SuiteReport:
        """Evaluate or search, then compare and gate; raises what makes the suite an error."""
        snapshot = load_snapshot(self._terms.snapshot)
        acceptance = Acceptance(self._suite, self._terms.root, self._terms.snapshot, snapshot)
        outcome: SearchOutcome | None = None
        if self._terms.strategy is None:
            judged = self._suite.splits.judged
            evaluation = await self._evaluator.evaluate(self._incumbent, judged)
        else:
            outcome = await self._search(self._terms.strategy, acceptance.holdout_use)
            evaluation = outcome.incumbent
        baseline, comparison = self._against(snapshot, evaluation, acceptance)
        spared = baseline != "compared" or self._terms.accepting
        problem = gate_failure(
            evaluation.mean,
            # accepting makes today's scores the baseline, so the old one can't fail them
            None if spared else comparison,
            threshold=self._suite.threshold,
            margin=self._suite.margin,
            mode=self._terms.gate,
        )
        report = replace(
            self._report(evaluation, "failed" if problem else "passed"),
            problem=problem or "",
            model=acceptance.model(evaluation.states),
            baseline=baseline,
            comparison=comparison,
        )
        if outcome is not None and self._terms.strategy is not None:
            described = describe_search(outcome, acceptance, strategy=self._terms.strategy)
            report = replace(report, search=described)
        if math.isnan(evaluation.mean):
            return report
        if outcome is None:
            return replace(report, accept=acceptance.of_evaluation(evaluation))
        return replace(report, accept=acceptance.of_search(outcome, self._evaluator))

    def unfinished(self, status: Status, problem: str) -> SuiteReport:
        """The report of a suite that could not be finished, with what was evaluated."""
        kept = self._evaluator.kept(self._incumbent, self._suite.splits.judged)
        return replace(self._report(kept, status), problem=problem)

    async def _search(self, strategy: str, holdout_use: int) -> SearchOutcome:
        splits = self._suite.splits
        if not (splits.train and splits.dev and splits.holdout):
            sizes = f"{len(splits.train)}/{len(splits.dev)}/{len(splits.holdout)}"
            raise SuiteError(
                f"its {len(self._suite.dataset)} examples split into train/dev/holdout {sizes}; "
                "a search needs some of each: give it about 50 examples or more, or a 'split' "
                "field in the data",
                suite=self._suite.name,
            )
        return await search(
            STRATEGIES[strategy](self._terms.seed),
            self._evaluator,
            self._ledger,
            seed=self._terms.seed,
            holdout_use=holdout_use,
        )

    def _against(
        self, snapshot: Snapshot | None, evaluation: Evaluation, acceptance: Acceptance
    ) -> tuple[str, Comparison | None]:
        """What the baseline is, and the comparison with it."""
        if snapshot is None:
            return "no baseline", None
        changed = stale_because(
            snapshot,
            dataset=self._suite.dataset.digest,
            metric=self._suite.metric_digest,
            model=acceptance.model(evaluation.states),
        )
        prompts = acceptance.digests(evaluation.states)
        comparison = compare(
            comparable_scores(snapshot, self._suite.dataset),
            evaluation.scores,
            groups=groups_of(self._suite.dataset),
            margin=self._suite.margin,
            unchanged=not changed and dict(snapshot.prompts) == prompts,
            seed=self._terms.seed,
        )
        return f"stale ({', '.join(changed)} changed)" if changed else "compared", comparison

    def _report(self, evaluation: Evaluation, status: Status) -> SuiteReport:
        return describe_evaluation(
            self._suite,
            evaluation,
            status=status,
            usage=self._evaluator.usage,
            seconds=time.monotonic() - self._started,
            show_holdout=self._terms.show_holdout,
        )
