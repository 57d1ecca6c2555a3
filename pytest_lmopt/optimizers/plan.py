"""The search's plan: who may still spend how many runs, so that the confirmation never lacks any.

Plans count logical calls (replayed ones too) and calls that brought no answer, so a search
repeated from the recordings, or continued after a kill, takes the decisions of the one that paid.
"""

from __future__ import annotations

from collections.abc import Sequence

from pytest_lmopt.blocks.evaluator import Evaluator
from pytest_lmopt.lm.money.ledger import Ledger
from pytest_lmopt.metrics.evaluation import Evaluation
from pytest_lmopt.optimizers.journal import Journal
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.example import Example
from pytest_lmopt.suites.splits import seeded_order

STRATEGY_SHARE = 0.4
"""Most of the runs beyond the judging ones that a strategy may spend on train."""


class Plan:
    """Examples in seeded order, and the runs left after what judging will need."""

    def __init__(
        self, evaluator: Evaluator, ledger: Ledger, journal: Journal, *, seed: int
    ) -> None:
        splits = evaluator.suite.splits
        self.train = seeded_order(splits.train, seed=seed)
        self.dev = seeded_order(splits.dev, seed=seed)
        self.holdout = seeded_order(splits.holdout, seed=seed)
        self.incumbent = Candidate(name="incumbent", states={})
        self._evaluator = evaluator
        self._ledger = ledger
        self._granted = ledger.granted
        self._journal = journal

    @property
    def confirmation_calls(self) -> int:
        """Calls that incumbent and winner will make on holdout, and accepting the winner."""
        runs = 2 * len(self.holdout) + self._accepting_runs
        return runs * self._evaluator.calls_per_example

    def runs_left(self) -> int | None:
        """Runs that can be spent before judging; None without a limit on calls."""
        if self._granted is None:
            return None
        used = self._evaluator.usage.calls + self._ledger.wasted
        met = len(self._evaluator.kept(self.incumbent, self.dev).ids)
        later = len(self.dev) - met + 2 * len(self.holdout) + self._accepting_runs
        left = (self._granted - used) // self._evaluator.calls_per_example - later
        return self._journal.decided("runs left", max(0, left))

    @property
    def _accepting_runs(self) -> int:
        """Runs that draw an accepted winner's scores afresh; none where answers are not random."""
        random = answers_vary(self._evaluator.kept(self.incumbent, self.dev))
        return len(self.dev) + len(self.holdout) if random else 0


def answers_vary(evaluation: Evaluation) -> bool:
    """Whether asking again may bring other answers, be it through prompts or past them."""
    return any(state.random for state in evaluation.states.values()) or any(
        outcome.varies for outcome in evaluation.outcomes
    )


class TrainBench:
    """The bench a strategy works at: train examples only, up to its share of the plan."""

    def __init__(self, evaluator: Evaluator, plan: Plan) -> None:
        self._evaluator = evaluator
        self._train = frozenset(example.id for example in plan.train)
        left = plan.runs_left()
        self._allowed = None if left is None else int(left * STRATEGY_SHARE)

    async def run(self, candidate: Candidate, examples: Sequence[Example]) -> Evaluation:
        """Evaluate on as many of the examples as the allowance still covers."""
        strangers = [example.id for example in examples if example.id not in self._train]
        if strangers:
            raise ValueError(f"a strategy may run train examples only, not {strangers[0]!r}")
        if self._allowed is not None:
            examples = examples[: self._allowed]
            self._allowed -= len(examples)
        return await self._evaluator.evaluate(candidate, examples)
