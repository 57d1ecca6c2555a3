"""Runs → evaluation: the scored runs of one candidate."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from pytest_lmopt.metrics.scored_run import Outcome, ScoredRun
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.prompt_state import PromptState
from pytest_lmopt.wire import Usage


@dataclass(frozen=True)
class Evaluation:
    """The outcomes of one candidate, in the order of the examples, repeats side by side.

    ``read`` fetches the whole runs of some outcomes, which are not kept in memory.
    """

    candidate: Candidate
    outcomes: tuple[Outcome, ...]
    read: Callable[[Iterable[Outcome]], Iterator[ScoredRun]] = field(repr=False, compare=False)

    @cached_property
    def scores(self) -> Mapping[str, float]:
        """Mean score of each example's repeats by its id; missing and skipped runs left out."""
        once = {each.example: each.value for each in self.outcomes if each.value is not None}
        if len(once) == sum(each.value is not None for each in self.outcomes):
            return once
        return {
            identity: math.fsum(values) / len(values) for identity, values in self.repeats.items()
        }

    @property
    def repeats(self) -> Mapping[str, list[float]]:
        """All scores of each example by its id; missing and skipped runs left out."""
        repeats: dict[str, list[float]] = {}
        for outcome in self.outcomes:
            if outcome.value is not None:
                repeats.setdefault(outcome.example, []).append(outcome.value)
        return repeats

    @property
    def runs(self) -> Iterator[ScoredRun]:
        """The whole scored runs, one after the other."""
        return self.read(self.outcomes)

    @property
    def ids(self) -> frozenset[str]:
        """Ids of the examples that were run, whatever came of it."""
        return frozenset(outcome.example for outcome in self.outcomes)

    @property
    def mean(self) -> float:
        """Mean score; nan if nothing was scored."""
        scores = self.scores.values()
        return math.fsum(scores) / len(scores) if scores else math.nan

    @property
    def usage(self) -> Usage:
        """What all its calls cost."""
        return sum((outcome.usage for outcome in self.outcomes), Usage())

    @property
    def states(self) -> Mapping[str, PromptState]:
        """Every prompt its runs called, by key, as it was."""
        different = {id(outcome.states): outcome.states for outcome in self.outcomes}
        return {key: state for states in different.values() for key, state in states.items()}

    @property
    def client_models(self) -> frozenset[str]:
        """The models that clients of the pipeline asked."""
        return frozenset().union(*{outcome.client_models for outcome in self.outcomes})

    @property
    def missing(self) -> dict[str, str]:
        """Why there is no answer, by example id."""
        return {outcome.example: outcome.missing for outcome in self.outcomes if outcome.missing}
