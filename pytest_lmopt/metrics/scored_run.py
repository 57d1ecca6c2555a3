"""A scored run as it is kept: plain values only, so that it can be stored and sent."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass

from pytest_lmopt.errors.running import ANSWER_WAS
from pytest_lmopt.lm.net.openings import Opening
from pytest_lmopt.lm.tracing import Call
from pytest_lmopt.metrics.score import Score
from pytest_lmopt.runs.run import Ending
from pytest_lmopt.suites.prompt_state import PromptState
from pytest_lmopt.wire import Usage

NOTHING = type(None).__name__


@dataclass(frozen=True, kw_only=True)
class ScoredRun:
    """A run and its score, None where the example is missing or skipped; ``missing`` says why.

    ``example`` is the example's id, ``got`` the prediction as text, or why there is none, and
    ``kind`` the name of its type; ``judging`` are the metric's own calls, ``states`` the prompts
    the run called, by key. ``answered`` are the places in ``trace`` of the prompt calls whose
    outputs say the prediction, each with the form in which they do. ``openings`` are what run and
    metric opened past the interception.
    """

    example: str
    repeat: int
    ending: Ending
    score: Score | None
    got: str
    kind: str = NOTHING
    missing: str = ""
    trace: tuple[Call, ...] = ()
    judging: tuple[Call, ...] = ()
    states: Mapping[str, PromptState]
    answered: tuple[tuple[int, str], ...] = ()
    openings: tuple[Opening, ...] = ()

    @property
    def usage(self) -> Usage:
        """What running and scoring cost together."""
        return sum((call.usage for call in (*self.trace, *self.judging)), Usage())

    @property
    def client_models(self) -> frozenset[str]:
        """The models that clients of the pipeline asked."""
        return frozenset(
            call.request.model for call in self.trace if call.dialect and call.request is not None
        )

    @property
    def varies(self) -> bool:
        """Whether a client of the pipeline may get another answer another time."""
        return any(
            call.dialect
            and call.request is not None
            and {**call.request.params, **call.request.params.get("body", {})}.get("temperature")
            != 0
            for call in self.trace
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What is kept in memory of a scored run, however many there are; the rest is on disk.

    ``value`` is its score, None if it has none; all others are as in ``ScoredRun``. Runs that
    called the same prompts share one mapping of ``states``.
    """

    example: str
    repeat: int
    ending: Ending
    value: float | None
    kind: str
    missing: str
    usage: Usage
    states: Mapping[str, PromptState]
    client_models: frozenset[str]
    varies: bool


def first_missing(missing: Mapping[str, str], hidden: Set[str]) -> tuple[str, str]:
    """The first of the missing examples, and why it has no answer.

    Of one that is ``hidden`` without what a judge answered, which may quote it.
    """
    example, reason = next(iter(missing.items()))
    return example, reason.partition(ANSWER_WAS)[0] if example in hidden else reason
