"""One run of a pipeline: how it ended, what it predicted, what it called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pytest_lmopt.lm.net.openings import Opening
from pytest_lmopt.lm.tracing import Call
from pytest_lmopt.suites.example import Example
from pytest_lmopt.suites.prompt_state import PromptState
from pytest_lmopt.wire import Usage


class Ending(StrEnum):
    """How a run ended. Only ``MISSING`` and ``SKIPPED`` leave the example out of comparisons."""

    RETURNED = "returned"
    FAILED = "failed"
    """An assertion failed: scores 0, the message is feedback."""
    WRONG = "wrong"
    """The pipeline raised, or an answer lacked its fields: scores 0."""
    MISSING = "missing"
    """A model gave no answer after the retries: says nothing about the prompt."""
    SKIPPED = "skipped"


class ExampleSkipped(Exception):  # noqa: N818 - a signal, not an error
    """Raised by a pipeline to leave its example out."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """Outcome of one pipeline run on one example; ``repeat`` counts its runs from 0.

    ``problem`` says why the run did not return; ``states`` are the prompts it called, by key, as
    they were; ``openings`` are what it opened past the interception.
    """

    example: Example
    repeat: int = 0
    ending: Ending
    prediction: Any = None
    problem: str = ""
    trace: tuple[Call, ...] = ()
    states: Mapping[str, PromptState]
    openings: tuple[Opening, ...] = ()

    @property
    def usage(self) -> Usage:
        """What all calls of the run cost."""
        return sum((call.usage for call in self.trace), Usage())
