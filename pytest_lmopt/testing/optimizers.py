"""What every strategy must do, whatever it searches by. A strategy's test class inherits this."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from pytest_lmopt import Budget, Example, Prompt
from pytest_lmopt.blocks.evaluator import Evaluator
from pytest_lmopt.blocks.runner import LocalRunner
from pytest_lmopt.errors import TransientError
from pytest_lmopt.lm.money.ledger import Account, Ledger
from pytest_lmopt.lm.seam import FunctionLM, Request
from pytest_lmopt.lm.stack import suite_lm
from pytest_lmopt.metrics import exact_match
from pytest_lmopt.metrics.evaluation import Evaluation
from pytest_lmopt.optimizers.bench import Proposer
from pytest_lmopt.optimizers.protocol import Bench, History, Optimizer, Proposal
from pytest_lmopt.optimizers.search import SearchOutcome, search
from pytest_lmopt.runs.executor import InProcessExecutor
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.dataset import load_dataset
from pytest_lmopt.suites.suite import Suite
from pytest_lmopt.testing.simulated_model import SimulatedModel

PROPOSER = "proposer"
"""Name of the model that proposals are asked of."""

Answer = Callable[[Request], str]


class Spy:
    """A strategy watched: what it saw, what it asked for, what it proposed."""

    def __init__(self, optimizer: Optimizer) -> None:
        self._optimizer = optimizer
        self.seen: set[str] = set()
        self.proposals: list[Proposal] = []

    async def propose(self, history: History, bench: Bench) -> Sequence[Proposal]:
        """Propose as the strategy does, and note what it was shown."""
        before = repr(history)
        self.seen |= {example.id for example in history.train}
        shown = [history.incumbent, *(trial.evaluation for trial in history.trials)]
        self.seen |= {identity for evaluation in shown for identity in evaluation.scores}
        proposals = await self._optimizer.propose(history, _SpyBench(bench, self.seen))
        assert repr(history) == before, "history was changed"
        self.proposals += proposals
        return proposals


class _SpyBench:
    def __init__(self, bench: Bench, seen: set[str]) -> None:
        self._bench = bench
        self._seen = seen

    async def run(self, candidate: Candidate, examples: Sequence[Example]) -> Evaluation:
        self._seen |= {example.id for example in examples}
        return await self._bench.run(candidate, examples)

    async def run_each(
        self, work: Sequence[tuple[Candidate, Sequence[Example]]]
    ) -> Sequence[Evaluation]:
        self._seen |= {example.id for _, examples in work for example in examples}
        return await self._bench.run_each(work)

    def may_ask(self) -> bool:
        return self._bench.may_ask()

    async def ask(self, question: str, *, draw: int = 0) -> str | None:
        return await self._bench.ask(question, draw=draw)


class OptimizerConformance:
    """Inherit, and give ``make``: the strategy from a seed."""

    def make(self, seed: int) -> Optimizer:
        """The strategy under test."""
        raise NotImplementedError("a conformance class names its strategy")

    def search(
        self,
        answer: Answer,
        *,
        calls: int | None = None,
        seed: int = 0,
        concurrency: int = 8,
        examples: int = 150,
        two_steps: bool = False,
    ) -> tuple[SearchOutcome, Spy, list[Request]]:
        """A whole search on a function for a model; with the requests that reached it."""
        asked: list[Request] = []

        def counted(request: Request) -> str:
            asked.append(request)
            return answer(request)

        suite = _suite(examples, two_steps=two_steps)
        ledger = Ledger([Account(Budget(calls=calls), owner="the test")])
        lm = suite_lm(FunctionLM(counted), ledger=ledger, store=None, mode="off")
        spy = Spy(self.make(seed))

        async def run() -> SearchOutcome:
            with InProcessExecutor(lm=lm, model="simulated", concurrency=concurrency) as executor:
                evaluator = Evaluator(suite, LocalRunner(suite, executor))
                proposer = Proposer(lm=lm, model=PROPOSER)
                return await search(spy, evaluator, ledger, seed=seed, proposer=proposer)

        return asyncio.run(run()), spy, asked

    @pytest.mark.parametrize("two_steps", [False, True])
    def test_same_seed_same_search_whatever_the_concurrency(self, two_steps: bool) -> None:
        """Proposals, trials and verdict depend on the seed alone."""
        results = []
        for concurrency in (1, 16):
            outcome, spy, _ = self.search(
                _simulated(SimulatedModel()),
                seed=3,
                calls=900,
                concurrency=concurrency,
                two_steps=two_steps,
            )
            results.append(
                (
                    [(p.candidate.digest, p.reason) for p in spy.proposals],
                    [(t.proposal.candidate.digest, t.difference, t.n) for t in outcome.trials],
                    outcome.confirmation,
                )
            )
        assert results[0] == results[1]

    @pytest.mark.parametrize("calls", [110, 150, 200, 300, 500])
    def test_never_a_call_more_than_the_budget_and_always_a_confirmation(self, calls: int) -> None:
        """Confirmation is set aside first: a winner on dev is never left unproven."""
        outcome, _, asked = self.search(_simulated(SimulatedModel()), calls=calls)
        assert len(asked) <= calls
        assert (outcome.winner is None) == (outcome.confirmation is None)

    def test_never_sees_holdout(self) -> None:
        """What a strategy is shown or may run is train and dev."""
        _, spy, _ = self.search(_simulated(SimulatedModel()))
        holdout = {example.id for example in _suite(150, two_steps=False).splits.holdout}
        assert spy.seen
        assert not spy.seen & holdout

    def test_no_question_is_asked_twice_of_the_same_prompt(self) -> None:
        """Every candidate is evaluated on every example at most once."""
        _, _, asked = self.search(_simulated(SimulatedModel()))
        assert len({request.key for request in asked}) == len(asked)

    def test_survives_a_model_that_knows_nothing(self) -> None:
        """All scores 0: the search ends without a winner."""
        outcome, _, _ = self.search(lambda _: "no idea")
        assert outcome.winner is None
        assert outcome.note

    def test_survives_a_model_that_knows_everything(self) -> None:
        """All scores 1: nothing can be better."""
        outcome, _, _ = self.search(_simulated(SimulatedModel(base=1.0)))
        assert outcome.winner is None

    def test_survives_missing_answers(self) -> None:
        """A few examples without an answer are left out of the comparison, on both sides."""
        model = _simulated(SimulatedModel())

        def sometimes_down(request: Request) -> str:
            if request.messages[-1].content == "word7":
                raise TransientError("down", request=request)
            return model(request)

        outcome, _, _ = self.search(sometimes_down, examples=100)
        assert "w7" not in outcome.incumbent.scores


def _simulated(model: SimulatedModel) -> Answer:
    return lambda request: model.answer(request.messages)


def _suite(examples: int, *, two_steps: bool) -> Suite:
    shout = Prompt(name="shout", instruction="SHOUT it", inputs=["word"], output="loud")
    mirror = Prompt(name="mirror", instruction="MIRROR it", inputs=["loud"], output="back")

    def pipeline(example: Example) -> str:
        loud = shout(word=example.inputs["word"]).text
        return mirror(loud=loud).text if two_steps else loud

    rows = [
        {
            "id": f"w{number}",
            "inputs": {"word": f"word{number}"},
            "expected": f"WORD{number}"[:: -1 if two_steps else 1],
        }
        for number in range(examples)
    ]
    return Suite(
        name="words",
        pipeline=pipeline,
        dataset=load_dataset(rows, beside=Path()),
        metric=exact_match,
        max_missing=0.1,
    )
