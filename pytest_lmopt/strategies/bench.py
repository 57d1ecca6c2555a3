"""The bench a strategy works at: it runs train examples and asks the proposer, up to a share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_lmopt.blocks.evaluator import Evaluator
from pytest_lmopt.errors import LMError
from pytest_lmopt.lm.seam import LM
from pytest_lmopt.metrics.evaluation import Evaluation
from pytest_lmopt.strategies.plan import Plan
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.example import Example
from pytest_lmopt.wire import Message, Request

STRATEGY_SHARE = 0.4
"""Most of the calls beyond the judging ones that a strategy may spend."""

PARAMS = {"temperature": 1.0, "max_tokens": 2048}
"""How proposers are asked: proposals should differ from each other."""


@dataclass(frozen=True, kw_only=True)
class Proposer:
    """The model that writes proposals, metered like the pipeline's."""

    lm: LM
    model: str


class TrainBench:
    """Runs train examples only and asks ``proposer``, while the strategy's share lasts.

    ``unheard``: something was asked, and there was no proposer. ``reasons`` are those why less was
    proposed.
    """

    def __init__(self, evaluator: Evaluator, plan: Plan, proposer: Proposer | None) -> None:
        self._evaluator = evaluator
        self._plan = plan
        self._proposer = proposer
        self.unheard = False
        self.reasons: list[str] = []
        self._answers: dict[tuple[str, int], str | None] = {}
        self._train = frozenset(example.id for example in plan.train)
        left = plan.runs_left()
        self._calls = None if left is None else int(left * STRATEGY_SHARE) * plan.calls_per_run

    async def run(self, candidate: Candidate, examples: Sequence[Example]) -> Evaluation:
        """Evaluate on as many of the examples as the allowance still covers."""
        (evaluation,) = await self.run_each([(candidate, examples)])
        return evaluation

    async def run_each(
        self, work: Sequence[tuple[Candidate, Sequence[Example]]]
    ) -> Sequence[Evaluation]:
        """As the protocol says; the first in ``work`` are paid first, what several want once."""
        paid: defaultdict[str, set[str]] = defaultdict(set)
        return await self._evaluator.evaluate_each(
            [
                (candidate, self._covered(candidate, examples, paid[candidate.digest]))
                for candidate, examples in work
            ]
        )

    def _covered(
        self, candidate: Candidate, examples: Sequence[Example], paid: set[str]
    ) -> Sequence[Example]:
        """The examples whose runs are done or ``paid`` already, or can be, which they now are."""
        strangers = [example.id for example in examples if example.id not in self._train]
        if strangers:
            raise ValueError(f"a strategy may run train examples only, not {strangers[0]!r}")
        if self._calls is None:
            return examples
        price = self._plan.calls_per_run
        done = self._evaluator.kept(candidate, examples).ids | paid
        fresh = [example.id for example in examples if example.id not in done]
        affordable = fresh[: self._calls // price]
        self._calls -= len(affordable) * price
        paid.update(affordable)
        return [example for example in examples if example.id in done.union(affordable)]

    def explain(self, why: str) -> None:
        """As the protocol says; each reason once."""
        if why not in self.reasons:
            self.reasons.append(why)

    def may_ask(self) -> bool:
        """As the protocol says."""
        self.unheard = self._proposer is None
        return not self.unheard

    async def ask(self, question: str, *, draw: int = 0) -> str | None:
        """As the protocol says."""
        if not self.may_ask() or self._proposer is None:
            return None
        if (question, draw) not in self._answers:
            self._answers[question, draw] = await self._asked(self._proposer, question, draw)
        return self._answers[question, draw]

    async def _asked(self, proposer: Proposer, question: str, draw: int) -> str | None:
        if self._calls is not None:
            if self._calls < 1:
                return None
            self._calls -= 1
        request = Request(
            model=proposer.model,
            messages=(Message("user", question),),
            params=PARAMS,
            repeat=draw,
        )
        try:
            completion = await proposer.lm.complete(request)
        except LMError as error:
            self.explain(f"the proposer {proposer.model} gave no answer ({error})")
            return None
        self._evaluator.usage += completion.usage
        return completion.text
