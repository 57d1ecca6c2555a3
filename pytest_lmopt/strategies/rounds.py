"""Rounds: a strategy proposes, what is new is raced, until either comes to its end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from pytest_lmopt.blocks.evaluator import Evaluator
from pytest_lmopt.strategies.believing import tokens_per_run
from pytest_lmopt.strategies.journal import Journal
from pytest_lmopt.strategies.plan import Plan
from pytest_lmopt.strategies.proposals import proposed
from pytest_lmopt.strategies.proposing.grounding import about
from pytest_lmopt.strategies.proposing.leakage import copied
from pytest_lmopt.strategies.protocol import About, Bench, History, Proposal, Strategy, Trial
from pytest_lmopt.strategies.racing import leading, meet, race, ranked, rungs
from pytest_lmopt.suites.candidate import Candidate

RIVALS = 2
"""Cheaper trials at most that meet all of dev in the end though they were dropped."""

SAVING = 0.9
"""Most tokens per run, over the first one's, of a cheaper trial that is worth these runs."""


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

    @property
    def perfect(self) -> Trial | None:
        """A trial that is right on all of dev, if there is one: nothing can be better there."""
        dev = frozenset(example.id for example in self.plan.dev)
        for trial in self.trials:
            scores = trial.evaluation.scores
            if scores and trial.evaluation.ids >= dev and min(scores.values()) >= 1.0:
                return trial
        return None

    async def run(self, strategy: Strategy, bench: Bench, *, shortening: bool = False) -> None:
        """Propose and race until the strategy is finished or nothing more can be paid for.

        Also until a trial is ``perfect``, unless the prompts are only ``shortening``. In the end
        cheaper trials that were equal to the first one have their chance. Raises ``StrategyError``
        where the strategy itself fails, or proposes what can't be tried.
        """
        self._known.add(self.prompts.digest)
        described = about(self.evaluator.suite)
        while await self._round(strategy, bench, described):
            if not shortening and self.perfect is not None:
                break
        await self._settle_rivals()

    async def _round(self, strategy: Strategy, bench: Bench, described: About) -> bool:
        """One round; whether there may be another."""
        left = self._runs_left()
        if left is not None and left < self.least:
            return False  # a strategy would spend on proposals that can't be raced
        history = History(
            candidate=self.prompts,
            incumbent=self.evaluator.kept(self.plan.incumbent, self.plan.dev),
            train=self.plan.train,
            trials=tuple(self.trials),
            about=described,
        )
        self.evaluator.tracker.begin("proposals")
        fresh = self._original(self._distinct(await proposed(strategy, history, bench)))
        if not fresh:
            return False
        self.journal.record("proposed", candidates=[_named(proposal) for proposal in fresh])
        raced = await self._race(fresh)
        if not raced:
            return False
        self.journal.record(
            "raced",
            trials=[[*_named(trial.proposal), trial.n, trial.difference] for trial in raced],
        )
        await self._settle()
        self.evaluator.tracker.lead(leading(self.trials[0]))
        return True

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
            await self._meet_all(first)

    async def _settle_rivals(self) -> None:
        """Let cheaper trials that are equal to the first one so far meet the rest of dev.

        Dropped early, they met fewer examples; if they stay equal, they come first.
        """
        dev = self.plan.dev
        for _ in range(RIVALS if self.harmless is None and self.trials else 0):
            first = self.trials[0]
            rivals = [trial for trial in self.trials[1:] if _rivals(trial, first)]
            if first.difference <= 0.0 or not rivals:
                return
            rival = min(rivals, key=lambda trial: tokens_per_run(trial.evaluation))
            left = self.plan.runs_left()
            if left is not None and left < len(dev) - len(rival.evaluation.ids):
                return
            self.evaluator.tracker.begin("race, a cheaper one on all of dev")
            await self._meet_all(rival)

    async def _meet_all(self, trial: Trial) -> None:
        """Let a trial meet all of dev, and rank it anew."""
        met = await meet(
            [trial.proposal],
            self.plan.incumbent,
            self.plan.dev,
            self.evaluator,
            calls=lambda: self.plan.calls,
        )
        others = [each for each in self.trials if each is not trial]
        self.trials[:] = ranked([*met, *others], self.harmless)

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


def _rivals(trial: Trial, first: Trial) -> bool:
    """Whether a trial that met fewer examples was equal to the first on these, and is cheaper."""
    ours, theirs = trial.evaluation.scores, first.evaluation.scores
    shared = frozenset(ours) & frozenset(theirs)
    if trial.n >= first.n or not shared:
        return False
    loss = math.fsum(theirs[identity] - ours[identity] for identity in shared)
    spent = tokens_per_run(trial.evaluation, shared)
    return loss <= 1e-9 and spent < SAVING * tokens_per_run(first.evaluation, shared)


def _named(proposal: Proposal) -> list[str]:
    return [proposal.candidate.name, proposal.candidate.digest]
