"""Rounds: what is first has met all of dev before anything is made of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pytest_lmopt import Budget
from pytest_lmopt.blocks.evaluator import Evaluator
from pytest_lmopt.blocks.runner import LocalRunner
from pytest_lmopt.lm.money.ledger import Account, Ledger
from pytest_lmopt.lm.seam import FunctionLM, Request
from pytest_lmopt.lm.stack import suite_lm
from pytest_lmopt.optimizers.protocol import Bench, History, Proposal, Trial
from pytest_lmopt.optimizers.search import search
from pytest_lmopt.runs.executor import InProcessExecutor
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.splits import seeded_order
from pytest_lmopt.testing.searches import words

SUITE = words(200, "one step")
DEV = [example.inputs["word"] for example in seeded_order(SUITE.splits.dev, seed=0)]
RIGHT = {"lucky": set(DEV[:16]), "steady": {*DEV[:10], *DEV[16:]}}


@dataclass(frozen=True)
class _Both:
    """Proposes both at once, and no more."""

    async def propose(self, history: History, bench: Bench) -> Sequence[Proposal]:
        """Those that were not raced yet."""
        del bench
        return [
            Proposal(
                candidate=Candidate(
                    name=name,
                    states={
                        key: replace(state, instruction=name)
                        for key, state in history.candidate.states.items()
                    },
                ),
                reason="",
            )
            for name in ([] if history.trials else RIGHT)
        ]


def _answer(request: Request) -> str:
    told, word = request.messages[0].content.split()[0], request.messages[-1].content
    return word.upper() if word in RIGHT.get(told, ()) else word


def _trials(calls: int | None) -> list[tuple[str, int]]:
    ledger = Ledger([Account(Budget(calls=calls), owner="the test")])
    lm = suite_lm(FunctionLM(_answer), ledger=ledger, store=None, mode="off")

    async def run() -> Sequence[Trial]:
        with InProcessExecutor(lm=lm, model="simulated") as executor:
            evaluator = Evaluator(SUITE, LocalRunner(SUITE, executor))
            return (await search(_Both(), evaluator, ledger, seed=0)).trials

    return [(trial.proposal.candidate.name, trial.n) for trial in asyncio.run(run())]


def test_one_dropped_early_comes_first_once_the_others_have_done_worse() -> None:
    """And then meets the examples it has missed."""
    assert _trials(None) == [("steady", len(DEV)), ("lucky", len(DEV))]


def test_it_stays_with_what_it_has_met_where_the_rest_can_not_be_paid() -> None:
    """The confirmation is never short of calls for it."""
    both = len(DEV) + len(SUITE.splits.holdout)
    judging = 2 * both + len(SUITE.splits.holdout)  # the incumbent, the winner, its baseline
    assert _trials(judging + 16 + len(DEV)) == [("steady", 16), ("lucky", len(DEV))]
