"""Rounds: a strategy proposes, what is new is raced, until either comes to its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pytest_lmopt.blocks.evaluator import Evaluator
from pytest_lmopt.optimizers.journal import Journal
from pytest_lmopt.optimizers.plan import Plan
from pytest_lmopt.optimizers.proposals import proposed
from pytest_lmopt.optimizers.proposing.grounding import about
from pytest_lmopt.optimizers.proposing.leakage import copied
from pytest_lmopt.optimizers.protocol import Bench, History, Optimizer, Proposal, Trial
from pytest_lmopt.optimizers.racing import leading, meet, race, ranked, rungs
from pytest_lmopt.suites.candidate import Candidate


@dataclass(frozen=True, kw_only=True)
class Rounds:
    """The rounds of one search, of however many strategies one after the other.

    ``prompts`` are the incumbent's, spelt out; ``harmless`` is the loss a cheaper prompt may bring,
    None where none is looked for. ``trials`` come best first and fill as they are raced: what was
    raced counts even if the budget ends. ``left`` are the runs left whenever that was asked,
    ``reasons`` why proposals were turned down.
    """

    evaluator: Evaluator
    plan: Plan
    journal: Journal
    prompts: Candidate
    harmless: float | None = None
    trials: list[Trial] = field(default_factory=list)
    left: list[int | None] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    _known: set[str] = field(default_factory=set)

    @property
    def least(self) -> int:
        """Runs that a race takes at least: one candidate's on the first rung."""
        return rungs(len(self.plan.dev))[0]

    async def run(self, optimizer: Optimizer, bench: Bench) -> None:
        """Propose and race until the strategy is finished or nothing more can be paid for.

        Raises ``StrategyError`` where the strategy itself fails, or proposes what can't be tried.
        """
        self._known.add(self.prompts.digest)
        described = about(self.evaluator.suite)
        while True:
            left = self._runs_left()
            if left is not None and left < self.least:
                return  # a strategy would spend on proposals that can't be raced
            history = History(
                candidate=self.prompts,
                incumbent=self.evaluator.kept(self.plan.incumbent, self.plan.dev),
                train=self.plan.train,
                trials=tuple(self.trials),
                about=described,
            )
            self.evaluator.tracker.begin("proposals")
            fresh = self._original(self._distinct(await proposed(optimizer, history, bench)))
            if not fresh:
                return
            self.journal.record("proposed", candidates=[_named(proposal) for proposal in fresh])
            raced = await self._race(fresh)
            if not raced:
                return
            self.journal.record(
                "raced",
                trials=[[*_named(trial.proposal), trial.n, trial.difference] for trial in raced],
            )
            await self._settle()
            self.evaluator.tracker.lead(leading(self.trials[0]))

    async def _race(self, proposals: Sequence[Proposal]) -> list[Trial]:
        """The trials of a race, which count even if the budget ends it."""
        raced: dict[str, Trial] = {}
        try:
            return await race(
                proposals,
                self.plan.incumbent,
                self.plan.dev,
                self.evaluator,
                runs_left=self._runs_left,
                calls=lambda: self.plan.calls,
                harmless=self.harmless,
                trials=raced,
            )
        finally:
            self.trials[:] = ranked([*self.trials, *raced.values()], self.harmless)
            self.plan.keep()

    def _runs_left(self) -> int | None:
        left = self.plan.runs_left()
        self.left.append(left)
        return left

    async def _settle(self) -> None:
        """Let whichever trial is first meet all of dev, as far as whole ones can be paid for.

        One dropped early may come first again, once those before it have done worse later on.
        """
        dev = self.plan.dev
        while (first := self.trials[0]).difference > 0.0:
            missing = len(dev) - len(first.evaluation.ids)
            left = self.plan.runs_left()
            if missing == 0 or (left is not None and left < missing):
                return
            self.evaluator.tracker.begin("race, the first on all of dev")
            met = await meet(
                [first.proposal],
                self.plan.incumbent,
                dev,
                self.evaluator,
                calls=lambda: self.plan.calls,
            )
            self.trials[:] = ranked([*met, *self.trials[1:]], self.harmless)

    def _distinct(self, proposals: Sequence[Proposal]) -> list[Proposal]:
        """Proposals not seen before in this search."""
        fresh = []
        for proposal in proposals:
            if proposal.candidate.digest not in self._known:
                self._known.add(proposal.candidate.digest)
                fresh.append(proposal)
        return fresh

    def _original(self, proposals: Sequence[Proposal]) -> list[Proposal]:
        """Proposals that copy no answer into an instruction."""
        kept = []
        for proposal in proposals:
            words = copied(proposal.candidate, self.prompts, (*self.plan.train, *self.plan.dev))
            if words is None:
                kept.append(proposal)
            else:
                self.journal.record("rejected", candidate=_named(proposal), copies=words)
        if proposals and not kept:
            self.reasons.append(f"all {len(proposals)} proposals copy an answer of train or dev")
        return kept


def _named(proposal: Proposal) -> list[str]:
    return [proposal.candidate.name, proposal.candidate.digest]
