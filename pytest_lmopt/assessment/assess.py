"""Assessing a suite: evaluate or search, compare with the baseline, gate, report."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_lmopt.assessment.acceptance import Acceptance, prompt_name
from pytest_lmopt.assessment.baseline import COMPARED, Baseline, Gating
from pytest_lmopt.assessment.describe import describe_charged, describe_evaluation, describe_search
from pytest_lmopt.assessment.early_stop import evaluate_until_certain, stopped_comparison
from pytest_lmopt.assessment.judging import judge, unacceptable
from pytest_lmopt.assessment.oversights import overlooked
from pytest_lmopt.assessment.placement import as_split
from pytest_lmopt.assessment.rows import keep_rows
from pytest_lmopt.assessment.terms import Terms
from pytest_lmopt.blocks.evaluator import Evaluator
from pytest_lmopt.blocks.progress import Tracker
from pytest_lmopt.blocks.runner import BlockRunner
from pytest_lmopt.comparison.verdict import compare
from pytest_lmopt.errors import BudgetExhaustedError, SuiteError
from pytest_lmopt.lm.money.ledger import Ledger
from pytest_lmopt.lm.net.audit import loaded_libraries
from pytest_lmopt.lm.net.openings import merged
from pytest_lmopt.lm.seam import LM
from pytest_lmopt.metrics.evaluation import Evaluation
from pytest_lmopt.reports.suite_report import Status, SuiteReport
from pytest_lmopt.snapshots.snapshot import Snapshot
from pytest_lmopt.snapshots.store import load_snapshot
from pytest_lmopt.stats.betting import ConfidenceSequence
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.clusters import duplicates_note, groups_of
from pytest_lmopt.suites.splits import seeded_order
from pytest_lmopt.suites.suite import Suite
from pytest_lmopt.wire import PACKAGED, Usage

if TYPE_CHECKING:
    from pytest_lmopt.strategies.bench import Proposer
    from pytest_lmopt.strategies.search import SearchOutcome


class Assessment:
    """One suite under assessment; ``lm`` is what a search's proposer is asked through."""

    def __init__(
        self,
        suite: Suite,
        runner: BlockRunner,
        ledger: Ledger,
        terms: Terms,
        *,
        lm: LM | None = None,
        tracker: Tracker | None = None,
    ) -> None:
        self._suite = suite
        self._terms = terms
        self._ledger = ledger
        self._runner = runner
        self._lm = lm
        self._tracker = tracker or Tracker(suite.name)
        self._evaluator = self._new_evaluator()
        self._incumbent = Candidate(name="incumbent", states={})
        self._started = time.monotonic()
        self._snapshot: Snapshot | None = None

    async def run(self) -> SuiteReport:
        """Evaluate or search, then compare and gate; raises what makes the suite an error."""
        terms = self._terms
        snapshot = self._snapshot = self._load()
        self._suite = as_split(self._suite, snapshot, terms.resplit)
        self._evaluator = self._new_evaluator()
        acceptance = Acceptance(self._suite, terms, snapshot)
        before = Baseline.of(snapshot, self._suite)
        former = terms.former is not None and snapshot is not None
        outcome: SearchOutcome | None = None
        sequence: ConfidenceSequence | None = None
        if terms.strategy is None:
            evaluation, sequence = await self._evaluate(before)
        else:
            outcome = await self._search(terms.strategy)
            evaluation = outcome.incumbent
        if former and not acceptance.same_texts(evaluation):  # another test, not a renamed one
            former, before = False, Baseline.of(None, self._suite)
            acceptance = Acceptance(self._suite, terms, None)
        keep_rows(self._suite, terms, evaluation, before.scores, outcome)
        gating = self._against(before, evaluation, acceptance, sequence)
        problem, nothing = judge(self._suite, terms, evaluation, gating, found=outcome)
        changed = acceptance.changed(evaluation)
        report = replace(
            self._report(evaluation, "failed" if problem else "passed"),
            problem=problem,
            warning="" if nothing else overlooked(self._suite, evaluation),
            baseline=gating.baseline,
            comparison=gating.comparison,
            notes=(*self._notes(before, evaluation, former=former), *self._uncounted(changed)),
            accepting=terms.accepting,
            spared=len(self._suite.splits.judged) - len(evaluation.ids),
            changed=changed,
        )
        if outcome is not None and terms.strategy is not None:
            described = describe_search(outcome, acceptance, strategy=terms.strategy)
            counted = acceptance.of_use(outcome, evaluation)
            report = replace(report, search=described, counted=counted)
        # a proven winner is accepted however red the incumbent is: it is the cure
        found_nothing = outcome is not None and not outcome.accepted
        scores = evaluation if outcome is None else await self._accepted_scores(outcome)
        withheld = unacceptable(
            self._suite,
            scores,
            red=problem if found_nothing and terms.accepting else "",
            unwritable=report.search.unwritable if report.search else (),
        )
        if withheld:
            return replace(report, withheld=withheld)
        if outcome is None and not terms.accepting and terms.record is None:
            return replace(report, accept=dict.fromkeys(acceptance.names(), ""))
        if outcome is None:
            return replace(report, accept=acceptance.of_evaluation(scores))
        return replace(report, accept=acceptance.of_search(outcome, scores))

    def unfinished(self, status: Status, problem: str) -> SuiteReport:
        """The report of a suite that could not be finished, with what was evaluated.

        Before any run is complete, its prompts are known only as they were accepted.
        """
        kept = self._evaluator.kept(self._incumbent, self._suite.splits.judged)
        keep_rows(self._suite, self._terms, kept)
        report = self._report(kept, status)
        accepted = self._snapshot.texts if self._snapshot else ()
        prompts = tuple(sorted({*report.prompts, *accepted}))
        if self._terms.replaying:
            change = Acceptance(self._suite, self._terms, self._snapshot).model_change(kept)
            if change:
                problem = f"no recordings for the changed model ({change}): {problem}"
        usage = self._at_least_charged(report.usage)
        return replace(report, problem=problem, prompts=prompts, usage=usage)

    def _at_least_charged(self, usage: Usage) -> Usage:
        """The usage, with calls that were charged but brought no finished run."""
        if not self._ledger.accounts:
            return usage
        spent = self._ledger.accounts[0].spent
        calls = max(usage.calls, usage.replayed + spent.calls)
        priced = usage.micro_usd is not None
        micro_usd = max(usage.micro_usd or 0, usage.saved_micro_usd + spent.micro_usd)
        return replace(usage, calls=calls, micro_usd=micro_usd if priced else None)

    def _new_evaluator(self) -> Evaluator:
        recording = self._terms.recording
        return Evaluator(self._suite, self._runner, tracker=self._tracker, recording=recording)

    def _load(self) -> Snapshot | None:
        """The suite's snapshot, or the one that it had under another name."""
        terms = self._terms
        snapshot = load_snapshot(terms.snapshot, self._suite)
        if snapshot is None and terms.former is not None:
            snapshot = load_snapshot(terms.former, self._suite)
        return snapshot

    def _uncounted(self, changed: tuple[str, ...]) -> Iterator[str]:
        """Say so where a look at holdout is accepted that no level accounts for."""
        if self._terms.accepting and self._terms.strategy is None and changed:
            yield (
                f"accepted by hand: {', '.join(changed)}; this look at holdout is not counted, so "
                "of several such edits the best may be luck"
            )

    def _notes(self, before: Baseline, evaluation: Evaluation, *, former: bool) -> Iterator[str]:
        """Say how the dataset changed, which rows belong together, and whose the baseline is."""
        if former and self._terms.former is not None:
            name = prompt_name(str(self._terms.former), root=self._terms.root)
            moved = "" if self._terms.accepting else "; --lm-snapshot-update moves it to this test"
            yield (
                f"the baseline is that of {name}, whose test is gone and had the same dataset, "
                f"metric and prompts{moved}"
            )
        rows, left = self._suite.dataset.examples, len(self._suite.splits.left)
        yield from filter(None, (before.changes(evaluation), duplicates_note(rows)))
        if left:
            yield (
                f"{left} row{'s' if left > 1 else ''} left holdout: train or dev has their inputs "
                "or their group"
            )

    async def _evaluate(self, before: Baseline) -> tuple[Evaluation, ConfidenceSequence | None]:
        """Evaluate on dev and holdout; the sequence is there if it stopped before the end."""
        judged = self._suite.splits.judged
        self._tracker.begin("evaluation", of=len(judged) * self._suite.repeats, scored=True)
        if not self._may_stop(before):
            return await self._evaluator.evaluate(self._incumbent, judged), None
        evaluation, sequence = await evaluate_until_certain(
            self._evaluator,
            self._incumbent,
            seeded_order(judged, seed=self._terms.seed),
            before.scores,
            alpha=self._terms.alpha / 2,
        )
        return evaluation, sequence if len(evaluation.ids) < len(judged) else None

    def _may_stop(self, before: Baseline) -> bool:
        """Not without a baseline that counts, nor on examples that are not independent."""
        return (
            self._terms.early_stop
            and not self._terms.accepting
            and self._terms.record is None
            and not before.stale
            and not before.too_few(len(before.scores))
            and groups_of(self._suite.dataset) is None
        )

    async def _search(self, strategy: str) -> SearchOutcome:
        splits = self._suite.splits
        if not (splits.train and splits.dev and splits.holdout):
            sizes = f"{len(splits.train)}/{len(splits.dev)}/{len(splits.holdout)}"
            raise SuiteError(
                f"its {len(self._suite.dataset)} examples split into train/dev/holdout {sizes}; "
                "a search needs some of each: give it about 50 examples or more, or a 'split' "
                "field in the data",
                suite=self._suite.name,
            )
        from pytest_lmopt.strategies.confirming import Rule
        from pytest_lmopt.strategies.journal import Journal
        from pytest_lmopt.strategies.protocol import Settings
        from pytest_lmopt.strategies.registry import make
        from pytest_lmopt.strategies.search import search

        terms, margin = self._terms, self._suite.margin
        settings = Settings(seed=terms.seed, meta_prompts=terms.meta_prompts)
        return await search(
            make(strategy, settings, terms.offered),
            self._evaluator,
            self._ledger,
            seed=terms.seed,
            alpha=terms.alpha,
            journal=Journal(terms.journal, resume=terms.resume),
            proposer=self._proposer(),
            rule=Rule(accept=terms.accept, prefer=terms.prefer, margin=margin),
        )

    def _proposer(self) -> Proposer | None:
        """The model that writes proposals: the one asked for, else the suite's own.

        Unless asked for, that is not the packaged one: it is too small to write instructions.
        """
        from pytest_lmopt.strategies.bench import Proposer

        own = None if self._suite.model == PACKAGED else self._suite.model
        model = self._terms.proposer or own
        return Proposer(lm=self._lm, model=model) if self._lm is not None and model else None

    async def _accepted_scores(self, outcome: SearchOutcome) -> Evaluation:
        """The evaluation that accepting makes the baseline.

        A winner's is of all judged examples. Where answers are random it is drawn afresh: those
        that won the selection were luckier than the next ones will be.
        """
        if outcome.winner is None or not outcome.accepted:
            return outcome.incumbent
        from pytest_lmopt.strategies.plan import answers_vary

        winner, judged = outcome.winner.proposal.candidate, self._suite.splits.judged
        draw = 1 if answers_vary(outcome.incumbent) else 0
        if self._terms.accepting:
            self._tracker.begin("acceptance")
            try:
                return await self._evaluator.evaluate(winner, judged, draw=draw)
            except BudgetExhaustedError:
                if draw:
                    raise
        return self._evaluator.kept(winner, judged)

    def _against(
        self,
        before: Baseline,
        evaluation: Evaluation,
        acceptance: Acceptance,
        sequence: ConfidenceSequence | None,
    ) -> Gating:
        """Compare with the baseline, and say whether that gates the suite."""
        if before.missing:
            return Gating(baseline=before.missing)
        # whoever may stop early spends half of alpha on looking
        shared = 2 if self._terms.early_stop else 1
        comparison = compare(
            before.scores,
            evaluation.scores,
            groups=groups_of(self._suite.dataset),
            margin=self._suite.margin,
            alpha=self._terms.alpha / shared,
            unchanged=acceptance.unchanged(evaluation),
            seed=self._terms.seed,
        )
        spared = 0
        if comparison is not None and sequence is not None:
            comparison = stopped_comparison(comparison, sequence, margin=self._suite.margin)
            spared = len(before.scores.keys() - evaluation.ids)
        compared = (comparison.n if comparison else 0) + spared
        return Gating(
            baseline=before.stale or before.too_few(compared) or COMPARED, comparison=comparison
        )

    def _report(self, evaluation: Evaluation, status: Status) -> SuiteReport:
        described = describe_evaluation(
            self._suite,
            evaluation,
            status=status,
            usage=self._evaluator.usage,
            seconds=time.monotonic() - self._started,
            show_holdout=self._terms.show_holdout,
        )
        setup = self._terms.setup
        outside = (
            replace(described, usage=described.usage + setup.usage, setup=setup.usage)
            if setup is not None
            else described
        )
        opened = setup.openings.listed() if setup is not None else ()
        acceptance = Acceptance(self._suite, self._terms, None)
        digests = acceptance.digests(evaluation.states)
        return replace(
            outside,
            model=acceptance.model(evaluation) if evaluation.outcomes else described.model,
            charged=describe_charged(self._ledger),
            openings=merged((*opened, *self._evaluator.openings, *loaded_libraries())),
            prompts=tuple(sorted(digests)),
            digests=digests,
        )
