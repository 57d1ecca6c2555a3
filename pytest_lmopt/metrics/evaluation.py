"""Runs → evaluation: the scored runs of one candidate."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from pytest_lmopt.lm.seam import Usage
from pytest_lmopt.lm.tracing import DIRECT, Call
from pytest_lmopt.metrics.score import Score
from pytest_lmopt.runs.run import Ending, Run
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.prompt_state import PromptState


@dataclass(frozen=True, kw_only=True)
class ScoredRun:
    """A run and its score, None where the example is missing or skipped; ``missing`` says why.

    ``judging`` are the metric's own calls.
    """

    run: Run
    score: Score | None
    missing: str = ""
    judging: tuple[Call, ...] = ()

    @property
    def usage(self) -> Usage:
        """What running and scoring cost together."""
        return sum((call.usage for call in self.judging), self.run.usage)


@dataclass(frozen=True)
class Evaluation:
    """The scored runs of one candidate, in the order of the examples, repeats side by side."""

    candidate: Candidate
    runs: tuple[ScoredRun, ...]

    @cached_property
    def scores(self) -> Mapping[str, float]:
        """Mean score of each example's repeats by its id; missing and skipped runs left out."""
        return {
            identity: math.fsum(values) / len(values) for identity, values in self.repeats.items()
        }

    @cached_property
    def repeats(self) -> Mapping[str, list[float]]:
        """All scores of each example by its id; missing and skipped runs left out."""
        repeats: dict[str, list[float]] = {}
        for scored in self.runs:
            if scored.score is not None:
                repeats.setdefault(scored.run.example.id, []).append(scored.score.value)
        return repeats

    @property
    def ids(self) -> frozenset[str]:
        """Ids of the examples that were run, whatever came of it."""
        return frozenset(scored.run.example.id for scored in self.runs)

    @property
    def mean(self) -> float:
        """Mean score; nan if nothing was scored."""
        scores = self.scores.values()
        return math.fsum(scores) / len(scores) if scores else math.nan

    @property
    def usage(self) -> Usage:
        """What all its calls cost."""
        return sum((scored.usage for scored in self.runs), Usage())

    @property
    def only_error(self) -> str:
        """The first error, where the pipeline raised on every example scored; else empty."""
        scored = [scored.run for scored in self.runs if scored.score is not None]
        raised = [run for run in scored if run.ending is Ending.WRONG]
        return raised[0].problem if raised and len(raised) == len(scored) else ""

    @property
    def states(self) -> Mapping[str, PromptState]:
        """Every prompt its runs called, by key, as it was."""
        return {key: state for scored in self.runs for key, state in scored.run.states.items()}

    @property
    def direct_models(self) -> frozenset[str]:
        """The models its runs called without a prompt."""
        names = (call.prompt for scored in self.runs for call in scored.run.trace)
        return frozenset(name.removeprefix(DIRECT) for name in names if name.startswith(DIRECT))

    @property
    def missing(self) -> dict[str, str]:
        """Why there is no answer, by example id."""
        return {scored.run.example.id: scored.missing for scored in self.runs if scored.missing}
