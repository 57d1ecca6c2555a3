"""The search's plan: who may still spend how many runs, so that the confirmation never lacks any.

Plans count logical calls (replayed ones too) and calls that brought no answer, so a search
repeated from the recordings, or continued after a kill, takes the decisions of the one that paid.
"""

from __future__ import annotations

from functools import cached_property

from pytest_lmopt.blocks.evaluator import Evaluator
from pytest_lmopt.lm.money.ledger import Ledger
from pytest_lmopt.lm.money.protocol import Amount
from pytest_lmopt.metrics.evaluation import Evaluation
from pytest_lmopt.strategies.journal import Journal
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.splits import seeded_order


class Plan:
    """Examples in seeded order, and the runs left after what judging will need.

    ``aside`` are runs kept for later rounds.
    """

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
        self.aside = 0

    @property
    def calls(self) -> int:
        """Logical calls made so far: of the pipeline, its scoring and the proposer."""
        return self._evaluator.usage.calls

    @property
    def confirmation_calls(self) -> int:
        """Calls that incumbent and winner will make on holdout, and accepting the winner."""
        return self._judging_runs * self._evaluator.calls_per_example

    def set_aside(self) -> Amount:
        """What those will take if every run is as dear as the dearest so far.

        A call is paid for at its most first, so one such reservation comes on top.
        """
        runs = self._judging_runs * self._evaluator.suite.repeats
        run, call = self._evaluator.dearest, self._reservation
        return Amount(
            calls=runs * run.calls,
            tokens=runs * run.tokens + call.tokens,
            micro_usd=runs * run.micro_usd + call.micro_usd,
        )

    def keep(self) -> None:
        """Set it aside anew: candidates may be dearer than the incumbent."""
        self._ledger.keep(self.set_aside())

    @property
    def calls_per_run(self) -> int:
        """Most calls that a run of any candidate on one example has made, with all its repeats."""
        return self._evaluator.calls_per_example

    def runs_left(self) -> int | None:
        """Runs that can be spent before judging; None without a limit on calls."""
        if self._granted is None:
            return None
        used = self.calls + self._ledger.wasted
        met = len(self._evaluator.kept(self.incumbent, self.dev).ids)
        later = len(self.dev) - met + self._judging_runs
        left = (self._granted - used) // self._evaluator.calls_per_example - later - self.aside
        return self._journal.decided("runs left", max(0, left))

    @cached_property
    def _reservation(self) -> Amount:
        """The most that a call of the incumbent's can cost: later a proposer's are the dearest."""
        return self._ledger.dearest

    @property
    def _judging_runs(self) -> int:
        """Incumbent and winner on holdout; where answers are random, an accepted one's anew."""
        random = answers_vary(self._evaluator.kept(self.incumbent, self.dev))
        return 2 * len(self.holdout) + (len(self.dev) + len(self.holdout) if random else 0)


def answers_vary(evaluation: Evaluation) -> bool:
    """Whether asking again may bring other answers, be it through prompts or past them."""
    return any(state.random for state in evaluation.states.values()) or any(
        outcome.varies for outcome in evaluation.outcomes
    )
