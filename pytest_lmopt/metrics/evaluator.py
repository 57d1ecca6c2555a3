"""Evaluating a suite's candidates: run, score, keep; nothing is run twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pytest_lmopt.errors import BudgetExhaustedError, IncompleteError
from pytest_lmopt.lm.seam import Usage
from pytest_lmopt.metrics.evaluation import Evaluation, ScoredRun
from pytest_lmopt.metrics.score import Score, score_with
from pytest_lmopt.runs.executor import Executor
from pytest_lmopt.runs.run import Ending, Run
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.example import Example
from pytest_lmopt.suites.suite import Suite

BLOCK = 25
"""Examples per block: large enough to keep the executor busy, small enough to stop early."""


class Evaluator:
    """Runs candidates over examples of one suite and scores them, each pair once.

    ``usage`` counts every call a run made, replayed or paid, so it is the same however much was
    recorded before: plans rest on it.
    """

    def __init__(
        self, suite: Suite, executor: Executor, *, progress: Callable[[int], None] | None = None
    ) -> None:
        self.suite = suite
        self.usage = Usage()
        self._executor = executor
        self._progress = progress
        self._done: dict[tuple[str, str], ScoredRun] = {}
        self._missing: dict[str, str] = {}

    async def evaluate(self, candidate: Candidate, examples: Sequence[Example]) -> Evaluation:
        """Evaluate a candidate; what was evaluated before is not run again.

        Raises ``IncompleteError`` once more than the suite's ``max_missing`` have no answer, and
        whatever ends a block early.
        """
        identity = candidate.digest
        todo = [example for example in examples if (identity, example.id) not in self._done]
        for start in range(0, len(todo), BLOCK):
            block = todo[start : start + BLOCK]
            try:
                runs = await self._executor.run_block(self.suite.pipeline, candidate, block)
            except BudgetExhaustedError as error:
                raise BudgetExhaustedError(
                    f"{error}. {len(self._done)} runs are complete, {len(todo) - start} of this "
                    f"evaluation's {len(examples)} are not{self._estimate(len(todo) - start)}; "
                    "answers already paid for are recorded, so running again with a larger budget "
                    "pays only for the rest",
                    limit=error.limit,
                ) from None
            for run in runs:
                await self._file(identity, run)
            self._check_missing(len(examples))
        return self.kept(candidate, examples)

    def kept(self, candidate: Candidate, examples: Sequence[Example]) -> Evaluation:
        """What has been evaluated so far of a candidate on some examples."""
        identity = candidate.digest
        done = (self._done.get((identity, example.id)) for example in examples)
        return Evaluation(candidate, tuple(scored for scored in done if scored is not None))

    @property
    def calls_per_run(self) -> int:
        """Most calls any run has made so far; 1 before the first."""
        return max((len(scored.run.trace) for scored in self._done.values()), default=1) or 1

    async def _file(self, identity: str, run: Run) -> None:
        self._done[identity, run.example.id] = ScoredRun(run=run, score=await self._score(run))
        self.usage += run.usage
        if run.ending is Ending.MISSING:
            self._missing[run.example.id] = run.problem
        if self._progress:
            self._progress(len(self._done))

    async def _score(self, run: Run) -> Score | None:
        if run.ending in (Ending.MISSING, Ending.SKIPPED):
            return None
        if run.ending is Ending.RETURNED:
            return await score_with(self.suite.metric, run.example, run.prediction)
        return Score(value=0.0, feedback=run.problem)

    def _check_missing(self, at_least: int) -> None:
        base = max(len(self._done), len(self.suite.splits.judged), at_least)
        if len(self._missing) > self.suite.max_missing * base:
            identity, reason = next(iter(self._missing.items()))
            raise IncompleteError(
                f"{len(self._missing)} of {len(self._done)} runs have no answer, more than "
                f"max_missing={self.suite.max_missing:g} of {base} allows; the first is example "
                f"{identity!r}: {reason}. Nothing is judged. The other answers are recorded: "
                "once the model answers again, the same command asks only for what is missing",
                missing=dict(self._missing),
            )

    def _estimate(self, runs: int) -> str:
        calls = self.calls_per_run * runs
        return f" (about {calls} more calls)" if self._done else ""
