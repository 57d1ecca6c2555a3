"""``auto``: demos and rewritten instructions in one race, then what they found put together."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from itertools import zip_longest

from pytest_lmopt.strategies.bootstrap import Bootstrap
from pytest_lmopt.strategies.labeled import Labeled
from pytest_lmopt.strategies.merging import merges
from pytest_lmopt.strategies.protocol import Bench, History, Proposal, Settings
from pytest_lmopt.strategies.reflect import Reflect, best_round, next_round
from pytest_lmopt.suites.candidate import Candidate

LABELED = 8
"""Labels in the first of the labelled sets; the second has twice as many."""


@dataclass(frozen=True)
class Auto:
    """``bootstrap`` and ``reflect`` side by side, round after round, each building on the best.

    A round has at most ``demo_sets``, ``labeled_sets``, which are larger, ``rewritings``, and
    ``merged`` of the best put together: few, so that a small budget lasts for several. Later rounds
    with rewritings have ``demo_sets`` in all. Ends after ``rounds``, or once ``patience`` of them
    have brought nothing better.
    """

    settings: Settings
    _: KW_ONLY
    demo_sets: int = 2
    labeled_sets: int = 2
    rewritings: int = 4
    merged: int = 2
    rounds: int = 20
    patience: int = 6

    async def propose(self, history: History, bench: Bench) -> Sequence[Proposal]:
        """The proposals of the next round that has any."""
        for number in range(next_round(history), self.rounds + 1):
            if number - best_round(history) > self.patience:
                break
            proposals = await self._round(history, bench, number)
            if proposals:
                return proposals
        return ()

    async def _round(self, history: History, bench: Bench, number: int) -> list[Proposal]:
        """The likeliest first: a race may not afford them all."""
        demos = await self._demos(history, bench, number)
        reflect = Reflect(self.settings, children=self.rewritings)
        may_ask = bench.may_ask()
        rewritten = await reflect.children_of(history, bench, number) if may_ask else []
        likeliest = _better(history)
        if number == 1 and demos and rewritten:
            likeliest = [demos[0].candidate, *(proposal.candidate for proposal in rewritten)]
        together = merges(likeliest, history.candidate, most=self.merged, number=number)
        if number == 1:
            return _alternating(demos, rewritten, together)
        few = demos[: self.demo_sets] if rewritten else demos
        return [*together, *_alternating(few, rewritten)]

    async def _demos(self, history: History, bench: Bench, number: int) -> list[Proposal]:
        """New demo sets, in turn taught and labelled, for the best candidate, who teaches, too.

        None in later rounds if demos have not helped at all.
        """
        best = history.candidate
        if number > 1:
            better = _better(history)
            if not any(_shows_new(candidate, history.candidate) for candidate in better):
                return []
            best = better[0]
        bootstrap = Bootstrap(self.settings, candidates=self.demo_sets)
        labeled = Labeled(self.settings, candidates=self.labeled_sets, demos=LABELED)
        chance = random.Random(f"{self.settings.seed}/{number}")

        def names(kind: str, count: int) -> list[str]:
            return [f"{kind}-{number}-{place}" for place in range(1, 1 + count)]

        taught = await bootstrap.teach(history, bench, best)
        # the teacher has run the first few of train, so looking at them costs nothing
        labels = await labeled.labels(history, bench, probe=True)
        return _alternating(
            bootstrap.sets(taught, names("bootstrap", self.demo_sets), best, chance),
            labeled.sets(labels, names("labeled", self.labeled_sets), best, chance),
        )


def _better(history: History) -> list[Candidate]:
    """The candidates better than the incumbent on dev, best first."""
    return [trial.proposal.candidate for trial in history.trials if trial.difference > 0.0]


def _shows_new(candidate: Candidate, before: Candidate) -> bool:
    return any(state.demos != before.states[key].demos for key, state in candidate.states.items())


def _alternating(*kinds: Sequence[Proposal]) -> list[Proposal]:
    return [each for each_kind in zip_longest(*kinds) for each in each_kind if each is not None]
