"""The best so far, as progress shows it, over all rounds of a search."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from pytest_lmopt import Budget
from pytest_lmopt.blocks.evaluator import Evaluator
from pytest_lmopt.blocks.progress import Tracker
from pytest_lmopt.blocks.runner import LocalRunner
from pytest_lmopt.lm.money.ledger import Account, Ledger
from pytest_lmopt.lm.seam import FunctionLM
from pytest_lmopt.lm.stack import suite_lm
from pytest_lmopt.optimizers.protocol import Bench, History, Proposal
from pytest_lmopt.optimizers.search import search
from pytest_lmopt.runs.executor import InProcessExecutor
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.testing.searches import words
from pytest_lmopt.testing.simulated_model import SimulatedModel

TEXTS = {"good": "SHOUT it, carefully", "bad": "Please"}


class _OneAfterTheOther:
    """A round for each text."""

    async def propose(self, history: History, bench: Bench) -> Sequence[Proposal]:
        """The next one."""
        del bench
        for name, text in list(TEXTS.items())[len(history.trials) :]:
            states = {
                key: replace(state, instruction=text)
                for key, state in history.candidate.states.items()
            }
            return [Proposal(candidate=Candidate(name=name, states=states), reason="")]
        return ()


def test_a_later_round_that_finds_nothing_better_does_not_take_the_lead() -> None:
    """Progress goes on showing the candidate that will be confirmed."""
    model = SimulatedModel(base=0.3, bonus=0.5)
    suite, tracker = words(100, "one step"), Tracker("words")
    ledger = Ledger([Account(Budget(), owner="the test")])
    lm = suite_lm(
        FunctionLM(lambda request: model.answer(request.messages)),
        ledger=ledger,
        store=None,
        mode="off",
    )

    async def run() -> int:
        with InProcessExecutor(lm=lm, model="simulated") as executor:
            evaluator = Evaluator(suite, LocalRunner(suite, executor), tracker=tracker)
            return len((await search(_OneAfterTheOther(), evaluator, ledger, seed=0)).trials)

    assert asyncio.run(run()) == len(TEXTS)
    best = tracker.now().best
    assert best is not None
    assert best.name == "good"
