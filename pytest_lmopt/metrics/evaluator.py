"""Evaluating a suite's candidates: run, score, keep; nothing is run twice."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from pytest_lmopt.errors import (
    AnswerError,
    BudgetExhaustedError,
    IncompleteError,
    LmoptError,
    MissingAnswerError,
    RefusedError,
)
from pytest_lmopt.lm.seam import Usage
from pytest_lmopt.lm.tracing import Call, running
from pytest_lmopt.metrics.evaluation import Evaluation, ScoredRun
from pytest_lmopt.metrics.score import Score, score_with
from pytest_lmopt.metrics.unrecorded import incomplete_replay
from pytest_lmopt.runs.executor import Executor
from pytest_lmopt.runs.run import Ending, Run
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.example import Example
from pytest_lmopt.suites.suite import Suite

BLOCK = 25
"""Examples per block: large enough to keep the executor busy, small enough to stop early."""


class Evaluator:
    """Runs candidates over examples of one suite and scores them, each pair once.

    ``usage`` counts every call, replayed or paid, so it is the same however much was recorded
    before: plans rest on it.
    """

    def __init__(self, suite: Suite, executor: Executor) -> None:
        self.suite = suite
        self.usage = Usage()
        self._executor = executor
        self._done: dict[tuple[str, str, int], ScoredRun] = {}
        self._missing: dict[str, str] = {}
        self._unrecorded: list[Call] = []

    async def evaluate(
        self, candidate: Candidate, examples: Sequence[Example], *, draw: int = 0
    ) -> Evaluation:
        """Evaluate a candidate; what was evaluated before is not run again.

        Where a model's answers are random, each ``draw`` asks for answers of its own.
        Raises ``IncompleteError`` once more than the suite's ``max_missing`` have no answer, or at
        the end of a replay that lacked any, and whatever ends a block early.
        """
        identity = candidate.digest
        last = self._repeats(draw)[-1]
        todo = [example for example in examples if (identity, example.id, last) not in self._done]
        for start in range(0, len(todo), BLOCK):
            try:
                await self._block(candidate, todo[start : start + BLOCK], draw)
            except BudgetExhaustedError as error:
                raise BudgetExhaustedError(
                    f"{error}. {len(self._done)} runs are complete, {len(todo) - start} of this "
                    f"evaluation's {len(examples)} examples are not{self._estimate(todo[start:])}; "
                    "answers already paid for are recorded, so running again with a larger budget "
                    "pays only for the rest",
                    limit=error.limit,
                ) from None
            if not self._unrecorded:  # a replay costs nothing, and is to name all that it lacks
                self._check_missing(len(examples))
        if self._unrecorded:
            raise incomplete_replay(self._unrecorded, dict(self._missing))
        return self.kept(candidate, examples, draw=draw)

    def kept(
        self, candidate: Candidate, examples: Sequence[Example], *, draw: int = 0
    ) -> Evaluation:
        """What has been evaluated so far of a candidate on some examples."""
        identity = candidate.digest
        done = (
            self._done.get((identity, example.id, repeat))
            for example in examples
            for repeat in self._repeats(draw)
        )
        return Evaluation(candidate, tuple(scored for scored in done if scored is not None))

    @property
    def calls_per_example(self) -> int:
        """Most calls any run and its scoring have made so far, times the repeats."""
        most = max((scored.usage.calls for scored in self._done.values()), default=1)
        return max(1, most) * self.suite.repeats

    def _repeats(self, draw: int) -> range:
        return range(draw * self.suite.repeats, (draw + 1) * self.suite.repeats)

    async def _block(self, candidate: Candidate, examples: Sequence[Example], draw: int) -> None:
        identity = candidate.digest
        for repeat in self._repeats(draw):
            runs = await self._executor.run_block(
                self.suite.pipeline, candidate, examples, repeat=repeat
            )
            for scored in await asyncio.gather(*map(self._scored, runs)):
                run = scored.run
                self._done[identity, run.example.id, run.repeat] = scored
                self.usage += scored.usage
                calls = (*run.trace, *scored.judging)
                self._unrecorded += [call for call in calls if call.unrecorded]
                if scored.missing:
                    self._missing[run.example.id] = scored.missing

    async def _scored(self, run: Run) -> ScoredRun:
        if run.ending is Ending.SKIPPED:
            return ScoredRun(run=run, score=None)
        if run.ending is Ending.MISSING:
            return ScoredRun(run=run, score=None, missing=run.problem)
        if run.ending is not Ending.RETURNED:
            return ScoredRun(run=run, score=Score(value=0.0, feedback=run.problem))
        context = self._executor.judging()
        try:
            with running(context):
                score = await score_with(self.suite.metric, run.example, run.prediction)
            if context.stop is not None:
                raise context.stop
        except LmoptError as error:
            # a metric may have caught it, or have been told of it in litellm's words
            problem = context.stop or error
            if not isinstance(problem, MissingAnswerError | RefusedError | AnswerError):
                raise problem from None
            missing = f"the judge: {problem}"
            return ScoredRun(run=run, score=None, missing=missing, judging=context.trace)
        return ScoredRun(run=run, score=score, judging=context.trace)

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

    def _estimate(self, examples: Sequence[Example]) -> str:
        calls = self.calls_per_example * len(examples)
        return f" (about {calls} more calls)" if self._done else ""
