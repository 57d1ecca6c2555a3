"""Runs → evaluation: the scored runs of one candidate."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from pytest_lmopt.lm.seam import Usage
from pytest_lmopt.metrics.score import Score
from pytest_lmopt.runs.run import Ending, Run
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.prompt_state import PromptState


@dataclass(frozen=True, kw_only=True)
class ScoredRun:
    """A run and its score; None where the example is missing or skipped."""

    run: Run
    score: Score | None


@dataclass(frozen=True)
class Evaluation:
    """The scored runs of one candidate, one per example, in the order of the examples."""

    candidate: Candidate
    runs: tuple[ScoredRun, ...]

    @cached_property
    def scores(self) -> Mapping[str, float]:
        """Score by example id, without missing and skipped examples."""
        return {
            scored.run.example.id: scored.score.value
            for scored in self.runs
            if scored.score is not None
        }

    @property
    def mean(self) -> float:
        """Mean score; nan if nothing was scored."""
        scores = self.scores.values()
        return math.fsum(scores) / len(scores) if scores else math.nan

    @property
    def usage(self) -> Usage:
        """What all its calls cost."""
        return sum((scored.run.usage for scored in self.runs), Usage())

    @property
    def states(self) -> Mapping[str, PromptState]:
        """Every prompt its runs called, by key, as it was."""
        return {key: state for scored in self.runs for key, state in scored.run.states.items()}

    @property
    def missing(self) -> dict[str, str]:
        """Why there is no answer, by example id."""
        return {
            scored.run.example.id: scored.run.problem
            for scored in self.runs
            if scored.run.ending is Ending.MISSING
        }
