"""Evaluating a suite's candidates: run, score, keep; nothing is run twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import aclosing
from functools import partial

from pytest_lmopt.blocks.archive import Archive
from pytest_lmopt.blocks.progress import Tracker
from pytest_lmopt.blocks.runner import Block, BlockRunner, piece_size
from pytest_lmopt.blocks.unrecorded import incomplete_replay
from pytest_lmopt.errors import BudgetExhaustedError, IncompleteError
from pytest_lmopt.lm.money.protocol import Amount
from pytest_lmopt.lm.net.openings import Opening, merged
from pytest_lmopt.lm.tracing import Call
from pytest_lmopt.metrics.evaluation import Evaluation
from pytest_lmopt.metrics.scored_run import Outcome, ScoredRun, first_missing
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.example import Example
from pytest_lmopt.suites.suite import Suite
from pytest_lmopt.wire import Usage


class Evaluator:
    """Runs candidates over examples of one suite and scores them, each pair once.

    ``usage`` counts every call, replayed or paid, so it is the same however much was recorded
    before: plans rest on it. A search adds its proposer's. ``dearest`` is the most that any run
    and its scoring took. ``openings`` are what all runs opened past the interception. ``tracker``
    is told what is done. ``recording``: answers are kept for a
    later run.
    """

    def __init__(
        self,
        suite: Suite,
        runner: BlockRunner,
        *,
        tracker: Tracker | None = None,
        recording: bool = True,
    ) -> None:
        self.suite = suite
        self._recording = recording
        self.tracker = tracker or Tracker(suite.name)
        self.usage = Usage()
        self._runner = runner
        self._archive = Archive()
        # by candidate and repeat, then by example: of those there may be many
        self._done: dict[tuple[str, int], dict[str, Outcome]] = {}
        self.dearest = Amount(calls=1)
        self.openings: tuple[Opening, ...] = ()
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
        (evaluation,) = await self.evaluate_all([candidate], examples, draw=draw)
        return evaluation

    async def evaluate_all(
        self, candidates: Sequence[Candidate], examples: Sequence[Example], *, draw: int = 0
    ) -> list[Evaluation]:
        """Evaluate several candidates on the same examples, as ``evaluate`` does one."""
        return await self.evaluate_each([(each, examples) for each in candidates], draw=draw)

    async def evaluate_each(
        self, work: Sequence[tuple[Candidate, Sequence[Example]]], *, draw: int = 0
    ) -> list[Evaluation]:
        """Evaluate candidates on examples of their own, as ``evaluate`` does one."""
        todo = self._distinct(work, draw)
        size = piece_size(sum(len(left) for _, left in todo), hands=self._runner.hands)
        blocks = [
            Block(candidate=candidate, examples=tuple(left[start : start + size]), repeat=repeat)
            for candidate, left in todo
            for start in range(0, len(left), size)
            for repeat in self._repeats(draw)
        ]
        self.tracker.expect(sum(len(block.examples) for block in blocks))
        whose = iter(blocks)
        try:
            async with aclosing(self._runner.run(blocks)) as results:
                async for runs in results:
                    self._file(next(whose).candidate, runs)
                    if not self._unrecorded:  # a replay is free, and is to name all that it lacks
                        self._check_missing(max(len(examples) for _, examples in work))
        except BudgetExhaustedError as error:
            left = sum(len(left) for _, left in self._distinct(work, draw))
            wanted = sum(len(examples) for _, examples in work)
            raise BudgetExhaustedError(
                f"{error}. {self._complete_runs} runs are complete, {left} of this evaluation's "
                f"{wanted} examples are not{self._estimate(left)}"
                + self._if_recorded(
                    "; answers already paid for are recorded, so running again with a larger "
                    "budget pays only for the rest"
                ),
                limit=error.limit,
            ) from None
        if self._unrecorded:
            raise incomplete_replay(self._unrecorded, dict(self._missing))
        return [self.kept(candidate, examples, draw=draw) for candidate, examples in work]

    def kept(
        self, candidate: Candidate, examples: Sequence[Example], *, draw: int = 0
    ) -> Evaluation:
        """What has been evaluated so far of a candidate on some examples."""
        identity = candidate.digest
        of_repeats = [self._done.get((identity, repeat), {}) for repeat in self._repeats(draw)]
        done = (runs.get(example.id) for example in examples for runs in of_repeats)
        return Evaluation(
            candidate,
            tuple(outcome for outcome in done if outcome is not None),
            partial(self._archive.read, identity),
        )

    @property
    def calls_per_example(self) -> int:
        """Most calls any run and its scoring have made so far, times the repeats."""
        return self.dearest.calls * self.suite.repeats

    @property
    def _complete_runs(self) -> int:
        return sum(map(len, self._done.values()))

    def _repeats(self, draw: int) -> range:
        return range(draw * self.suite.repeats, (draw + 1) * self.suite.repeats)

    def _distinct(
        self, work: Sequence[tuple[Candidate, Sequence[Example]]], draw: int
    ) -> list[tuple[Candidate, list[Example]]]:
        """What is still to be run of some work, each pair once."""
        planned: set[tuple[str, str]] = set()
        todo = []
        for candidate, examples in work:
            identity, last = candidate.digest, self._repeats(draw)[-1]
            known = self._done.get((identity, last), {})
            left = []
            for example in examples:
                if example.id not in known and (identity, example.id) not in planned:
                    planned.add((identity, example.id))
                    left.append(example)
            todo.append((candidate, left))
        return todo

    def _file(self, candidate: Candidate, runs: Sequence[ScoredRun]) -> None:
        identity = candidate.digest
        opened = [each for run in runs for each in run.openings]
        if opened:
            self.openings = merged((*self.openings, *opened))
        for outcome in self._archive.put(identity, runs):
            self._done.setdefault((identity, outcome.repeat), {})[outcome.example] = outcome
            self.usage += outcome.usage
            took = outcome.usage
            self.dearest = self.dearest.or_dearer(
                Amount(calls=took.calls, tokens=took.tokens, micro_usd=took.micro_usd or 0)
            )
            if outcome.missing:
                self._missing[outcome.example] = outcome.missing
        self.tracker.add(len(runs), list(self._complete(identity, runs)))
        self._unrecorded += [
            call for run in runs for call in (*run.trace, *run.judging) if call.unrecorded
        ]

    def _complete(self, identity: str, runs: Sequence[ScoredRun]) -> Iterator[float]:
        """Scores of the examples whose last repeat is among these runs."""
        k = self.suite.repeats
        for run in runs:
            if (run.repeat + 1) % k == 0:
                repeats = range(run.repeat + 1 - k, run.repeat + 1)
                kept = [self._done.get((identity, repeat), {}) for repeat in repeats]
                done = [runs.get(run.example) for runs in kept]
                values = [one.value for one in done if one is not None and one.value is not None]
                if values:
                    yield sum(values) / len(values)

    def _check_missing(self, at_least: int) -> None:
        base = max(self._complete_runs, len(self.suite.splits.judged), at_least)
        if len(self._missing) > self.suite.max_missing * base:
            hidden = {example.id for example in self.suite.splits.holdout}
            identity, reason = first_missing(self._missing, hidden)
            raise IncompleteError(
                f"{len(self._missing)} of {self._complete_runs} runs have no answer, more than "
                f"max_missing={self.suite.max_missing:g} of {base} allows; the first is example "
                f"{identity!r}: {reason}. Nothing is judged"
                + self._if_recorded(
                    ". The other answers are recorded: once the model answers again, the same "
                    "command asks only for what is missing"
                ),
                missing=dict(self._missing),
            )

    def _if_recorded(self, advice: str) -> str:
        return advice if self._recording else ""

    def _estimate(self, examples: int) -> str:
        calls = self.calls_per_example * examples
        return f" (about {calls} more calls)" if self._done else ""
