"""Teaching: a teacher runs over train examples, and what passes is worth showing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import KW_ONLY, dataclass

from pytest_lmopt.metrics.scored_run import ScoredRun
from pytest_lmopt.strategies.protocol import Bench, Settings
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.example import Example


@dataclass(frozen=True)
class Teaching:
    """What the strategies that make ``candidates`` sets of at most ``demos`` demos have in common.

    A run passes with a score of at least ``passing``, and one of each example counts. The teacher
    stops once it has ``pool`` of them per demo, since more would rarely be drawn.
    """

    settings: Settings
    _: KW_ONLY
    candidates: int = 8
    demos: int = 4
    pool: int = 4
    passing: float = 1.0

    @property
    def step(self) -> int:
        """Examples the teacher runs at a time."""
        return 2 * self.demos

    @property
    def enough(self) -> int:
        """Passing runs after which the teacher stops."""
        return self.pool * self.demos

    def passes(self, run: ScoredRun) -> bool:
        """Whether a run is worth showing."""
        return run.score is not None and run.score.value >= self.passing

    def passed(self, runs: Iterable[ScoredRun]) -> list[ScoredRun]:
        """The first run of each example that passes: its repeats would show the same again."""
        first: dict[str, ScoredRun] = {}
        for run in filter(self.passes, runs):
            first.setdefault(run.example, run)
        return list(first.values())

    async def passing_runs(
        self, bench: Bench, teacher: Candidate, examples: Sequence[Example]
    ) -> list[ScoredRun]:
        """One passing run of each example: some examples at a time, until they are enough."""
        passed: list[ScoredRun] = []
        for start in range(0, len(examples), self.step):
            chunk = examples[start : start + self.step]
            evaluation = await bench.run(teacher, chunk)
            passed += self.passed(evaluation.runs)
            if len(passed) >= self.enough or len(evaluation.ids) < len(chunk):
                break
        if not passed:
            bench.explain("no run of the pipeline on train passed, so none can be shown as a demo")
        return passed
