"""Whole searches on a function for a model, watched: for the contract of strategies."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pytest_lmopt import Budget, Example, Prompt
from pytest_lmopt.blocks.evaluator import Evaluator
from pytest_lmopt.blocks.runner import LocalRunner
from pytest_lmopt.comparison.verdict import ALPHA
from pytest_lmopt.lm.money.ledger import Account, Ledger
from pytest_lmopt.lm.seam import FunctionLM
from pytest_lmopt.lm.stack import suite_lm
from pytest_lmopt.metrics import exact_match
from pytest_lmopt.metrics.evaluation import Evaluation
from pytest_lmopt.runs.executor import InProcessExecutor
from pytest_lmopt.strategies.bench import Proposer
from pytest_lmopt.strategies.confirming import Rule
from pytest_lmopt.strategies.protocol import Bench, History, Proposal, Strategy
from pytest_lmopt.strategies.search import SearchOutcome, search
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.dataset import load_dataset
from pytest_lmopt.suites.suite import Pipeline, Suite
from pytest_lmopt.testing.simulated_model import SimulatedModel
from pytest_lmopt.wire import Request

PROPOSER = "proposer"
"""Name of the model that proposals are asked of."""

Answer = Callable[[Request], str]

Kind = Literal["one step", "two steps", "shared", "long"]
"""What a pipeline does with a word: shout it; shout and mirror it; shout it twice by one prompt and
once more by one with two outputs; shout an answer long enough to be copied."""


class Spy:
    """A strategy watched: the examples it saw, what it asked and proposed, whether it meddled."""

    def __init__(self, strategy: Strategy) -> None:
        self._strategy = strategy
        self.seen: set[str] = set()
        self.questions: list[str] = []
        self.proposals: list[Proposal] = []
        self.changed_history = False

    async def propose(self, history: History, bench: Bench) -> Sequence[Proposal]:
        """Propose as the strategy does, and note what it was shown."""
        before = repr(history)
        self.seen |= {example.id for example in history.train}
        shown = [history.incumbent, *(trial.evaluation for trial in history.trials)]
        self.seen |= {identity for evaluation in shown for identity in evaluation.scores}
        proposals = await self._strategy.propose(history, _SpyBench(bench, self))
        self.changed_history = self.changed_history or repr(history) != before
        self.proposals += proposals
        return proposals


class _SpyBench:
    def __init__(self, bench: Bench, spy: Spy) -> None:
        self._bench = bench
        self._spy = spy

    async def run(self, candidate: Candidate, examples: Sequence[Example]) -> Evaluation:
        self._spy.seen |= {example.id for example in examples}
        return await self._bench.run(candidate, examples)

    async def run_each(
        self, work: Sequence[tuple[Candidate, Sequence[Example]]]
    ) -> Sequence[Evaluation]:
        self._spy.seen |= {example.id for _, examples in work for example in examples}
        return await self._bench.run_each(work)

    def explain(self, why: str) -> None:
        self._bench.explain(why)

    def may_ask(self) -> bool:
        return self._bench.may_ask()

    async def ask(self, question: str, *, draw: int = 0) -> str | None:
        self._spy.questions.append(question)
        return await self._bench.ask(question, draw=draw)


@dataclass(frozen=True, kw_only=True)
class Searched:
    """A search that is over: what it found, what its strategy did, what reached the model.

    ``tokens`` are those charged.
    """

    outcome: SearchOutcome
    spy: Spy
    requests: list[Request]
    suite: Suite
    tokens: int


def searched(
    strategy: Strategy,
    answer: Answer,
    *,
    calls: int | None = None,
    tokens: int | None = None,
    seed: int = 0,
    concurrency: int = 8,
    examples: int = 150,
    kind: Kind = "one step",
    rule: Rule | None = None,
    alpha: float = ALPHA,
) -> Searched:
    """A whole search within ``calls`` and ``tokens``.

    ``answer`` is all models, the proposer's by its name; ``alpha`` the suite's level.
    """
    requests: list[Request] = []

    def counted(request: Request) -> str:
        requests.append(request)
        return answer(request)

    suite = words(examples, kind)
    account = Account(Budget(calls=calls, tokens=tokens), owner="the test")
    ledger = Ledger([account])
    lm = suite_lm(FunctionLM(counted), ledger=ledger, store=None, mode="off")
    spy = Spy(strategy)

    async def run() -> SearchOutcome:
        with InProcessExecutor(lm=lm, model="simulated", concurrency=concurrency) as executor:
            evaluator = Evaluator(suite, LocalRunner(suite, executor))
            proposer = Proposer(lm=lm, model=PROPOSER)
            return await search(
                spy, evaluator, ledger, seed=seed, alpha=alpha, proposer=proposer, rule=rule
            )

    outcome = asyncio.run(run())
    return Searched(
        outcome=outcome, spy=spy, requests=requests, suite=suite, tokens=account.spent.tokens
    )


def simulated(model: SimulatedModel, *, proposer: Answer | None = None) -> Answer:
    """The model, and a proposer; without one, the one that ``proposing`` makes."""

    def answer(request: Request) -> str:
        if request.model == PROPOSER:
            return (proposer or proposing)(request)
        text = model.answer(request.messages)
        twice = "louder: ..." in request.messages[0].content
        return f"loud: {text}\nlouder: {text}!" if twice else text

    return answer


def proposing(request: Request) -> str:
    """Instructions for whatever prompt was asked about; one of a few, by the question."""
    number = int(request.key[:4], 16) % 7
    return "\n".join(
        f'<instruction prompt="{name}">{task} it carefully, way {number}.</instruction>'
        for name, task in (("shout", "SHOUT"), ("mirror", "MIRROR"), ("echo", "SHOUT"))
    )


def words(examples: int, kind: Kind) -> Suite:
    """A suite of so many words; see ``Kind``."""
    shout = Prompt(name="shout", instruction="SHOUT it", inputs=["word"], output="loud")
    mirror = Prompt(name="mirror", instruction="MIRROR it", inputs=["loud"], output="back")
    echo = Prompt(
        name="echo",
        instruction="SHOUT it twice",
        inputs=["word"],
        outputs=["loud", "louder"],
        format="lines",
    )

    async def one_step(example: Example) -> str:
        return (await shout.acall(word=example.inputs["word"])).text

    async def two_steps(example: Example) -> str:
        return (await mirror.acall(loud=await one_step(example))).text

    async def shared(example: Example) -> str:
        said = await echo.acall(word=example.inputs["word"])
        again = await shout.acall(word=f"the {example.inputs['word']}")
        return f"{await one_step(example)} {said.louder} {again.text}"

    pipelines: dict[Kind, Pipeline] = {"two steps": two_steps, "shared": shared}
    return Suite(
        name="words",
        pipeline=pipelines.get(kind, one_step),
        dataset=load_dataset([_row(number, kind) for number in range(examples)], beside=Path()),
        metric=exact_match,
        max_missing=0.1,
    )


def _row(number: int, kind: Kind) -> dict[str, object]:
    word, loud = f"word{number}", f"WORD{number}"
    if kind == "long":
        word += f" and more words than six, all about {number}"
    expected = {
        "one step": loud,
        "two steps": loud[::-1],
        "shared": f"{loud} {loud}! THE {loud}",
        "long": word.upper(),
    }[kind]
    return {"id": f"w{number}", "inputs": {"word": word}, "expected": expected}


def mentions(text: str, example: Example) -> bool:
    """Whether a text holds an example's input or expected answer, as a word of its own."""
    values = (*example.inputs.values(), example.expected)
    return any(re.search(rf"(?<!\w){re.escape(str(value))}(?!\w)", text) for value in values)
