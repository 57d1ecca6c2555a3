"""The meaning of exceptions that pipelines and metrics raise; the only place that decides it.

pytest's and unittest's exceptions mean in a pipeline what they mean in a test. They are looked up
among the modules that are loaded: a class whose module is not loaded can't have been raised, so the
core needs no pytest.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from pytest_lmopt.runs.ctrl_c import INTERRUPTED, ctrl_c
from pytest_lmopt.safe_text import said


class Meaning(IntEnum):
    """What an exception means, the strongest last: that one counts in a group."""

    LEFT_OUT = 0
    """The example is skipped, or was expected to fail."""
    FAILED = 1
    """An assertion failed: scores 0, the message is feedback."""
    WRONG = 2
    """The pipeline raised: scores 0."""
    ENDS = 3
    """The session ends."""


MEANINGS = {
    ("pytest_lmopt.runs.run", "ExampleSkipped"): Meaning.LEFT_OUT,
    ("_pytest.outcomes", "Skipped"): Meaning.LEFT_OUT,
    ("_pytest.outcomes", "XFailed"): Meaning.LEFT_OUT,
    ("unittest.case", "SkipTest"): Meaning.LEFT_OUT,
    ("builtins", "AssertionError"): Meaning.FAILED,
    ("_pytest.outcomes", "Failed"): Meaning.FAILED,
    ("_pytest.outcomes", "Exit"): Meaning.ENDS,
    ("builtins", "KeyboardInterrupt"): Meaning.ENDS,
    ("bdb", "BdbQuit"): Meaning.ENDS,
}
"""By module and name; the class closest to the exception's own counts, any other is ``WRONG``."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What an exception means; ``because`` are the exceptions that decide it.

    That is itself, or in a group those of the strongest meaning.
    """

    meaning: Meaning
    because: tuple[BaseException, ...]

    @property
    def problem(self) -> str:
        """Their messages without secrets, with types where the pipeline is at fault."""
        return self.named if self.meaning is Meaning.WRONG else "; ".join(map(said, self.because))

    @property
    def named(self) -> str:
        """Their types and messages, without secrets."""
        return "; ".join(f"{type(each).__name__}: {said(each)}" for each in self.because)


def outcome_of(error: BaseException) -> Outcome:
    """What an exception means."""
    single = list(_singles(error))
    meanings = [_meaning(each) for each in single]
    strongest = max(meanings)
    because = [each for each, one in zip(single, meanings, strict=True) if one is strongest]
    return Outcome(meaning=strongest, because=tuple(because))


class SessionEnded(BaseException):
    """A pipeline or a metric ended the session: pytest.exit, Ctrl-C, a debugger that was left.

    ``returncode`` is the session's exit status, None if none was asked for. Not an ``Exception``:
    whatever catches errors on the way must let it pass.
    """

    def __init__(self, reason: str, returncode: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.returncode = returncode

    @classmethod
    def by(cls, outcome: Outcome) -> SessionEnded:
        """The end that an outcome of meaning ``ENDS`` asks for."""
        error = outcome.because[0]
        if isinstance(error, KeyboardInterrupt):
            return cls("stopped by Ctrl-C", INTERRUPTED)
        if _is(type(error), "bdb", "BdbQuit"):
            return cls("quit the debugger", INTERRUPTED)
        returncode = getattr(error, "returncode", None)
        return cls(str(error), returncode if isinstance(returncode, int) else None)


def is_from_outside(error: BaseException, *, ended: bool = False) -> bool:
    """Whether an exception is nothing that the pipeline, or the metric, raised itself.

    It is the cancellation of this task, or of its block that has ``ended``, or the second Ctrl-C,
    which is to leave the loop before anything else runs on it.
    """
    if isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task()
        return ended or (task is not None and task.cancelling() > 0)
    return isinstance(error, KeyboardInterrupt) and ctrl_c.at_once


def _singles(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _singles(each)
    else:
        yield error


def _meaning(error: BaseException) -> Meaning:
    for kind in type(error).__mro__:
        for (module, name), meaning in MEANINGS.items():
            if _is(kind, module, name):
                return meaning
    return Meaning.WRONG


def _is(kind: type, module: str, name: str) -> bool:
    # pytest's pretend to be of another module, so they are not known by their own words
    return getattr(sys.modules.get(module), name, None) is kind
