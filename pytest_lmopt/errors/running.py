"""What goes wrong while a suite runs: calls, answers, metrics, files and workers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_lmopt.errors.base import LmoptError

if TYPE_CHECKING:
    from pytest_lmopt.wire import Request

ANSWER_WAS = "; the answer was "
"""Begins the part of a message that quotes a model."""


class LMError(LmoptError):
    """One call to a model failed; ``request`` is what was asked.

    ``answer`` is the provider's whole answer to a call of a client's, as plain JSON.
    """

    def __init__(
        self, problem: str, *, request: Request, answer: Mapping[str, Any] | None = None
    ) -> None:
        self.request = request
        self.answer = answer
        super().__init__(problem)


class TransientError(LMError):
    """Worth another try; ``retry_after`` is the provider's wish in seconds, if it gave one.

    ``rate_limited`` says that the provider has too much to do, rather than a fault.
    """

    def __init__(
        self,
        problem: str,
        *,
        request: Request,
        retry_after: float | None = None,
        rate_limited: bool = False,
        answer: Mapping[str, Any] | None = None,
    ) -> None:
        self.retry_after = retry_after
        self.rate_limited = rate_limited
        super().__init__(problem, request=request, answer=answer)


class CallerLeftError(LmoptError):
    """The thread or task that sends a call's requests has ended: another caller may send it."""


class RefusedError(LMError):
    """The provider refuses this request: too long, filtered, malformed."""


class MissingAnswerError(LMError):
    """No answer after all retries: the example is missing, never scored 0."""


class UnrecordedError(MissingAnswerError):
    """The request has no recording, and in replay mode no model is asked."""


class AnswerError(LmoptError):
    """An answer lacks declared output fields; ``text`` is the raw answer."""

    def __init__(self, problem: str, *, text: str) -> None:
        self.text = text
        super().__init__(f"{problem}{ANSWER_WAS}{text[:200]!r}")


class BudgetExhaustedError(LmoptError):
    """The next call would exceed a limit; ``limit`` names it (calls, tokens, usd or seconds)."""

    def __init__(self, problem: str, *, limit: str) -> None:
        self.limit = limit
        super().__init__(problem)


class MetricError(LmoptError):
    """A metric is broken; ``example_id`` is the example that showed it."""

    def __init__(self, problem: str, *, example_id: str) -> None:
        self.example_id = example_id
        super().__init__(f"metric failed on example {example_id!r}: {problem}")


class IncompleteError(LmoptError):
    """Too many answers are missing; ``missing`` maps example ids to the reason."""

    def __init__(self, problem: str, *, missing: dict[str, str]) -> None:
        self.missing = missing
        super().__init__(problem)


class RecordingsError(LmoptError):
    """The recordings can't be opened or read, though nothing says they are damaged."""

    def __init__(self, problem: str, *, path: Path) -> None:
        self.path = path
        super().__init__(
            f"the recorded answers in {path} can't be used: {problem}; run without them with "
            "--lm-cache=off"
        )


class BookError(LmoptError):
    """The account book can't be opened, read or written: without it nothing may be spent."""

    def __init__(self, problem: str, *, path: Path) -> None:
        self.path = path
        self.problem = problem
        super().__init__(
            f"the account book {path} can't be used: {problem}; nothing is spent without it, so "
            "make it writable, move it away to begin a new one, or run with --lm-cache=off, which "
            "keeps neither book nor answers"
        )


class JournalError(LmoptError):
    """The journal of a search can't be written: killed, the search could not be continued."""

    def __init__(self, problem: str, *, path: Path) -> None:
        self.path = path
        super().__init__(
            f"the journal {path} of the search can't be written: {problem}; make room or make it "
            "writable, or run with --lm-cache=off, which keeps none"
        )


class WorkersLostError(LmoptError):
    """Too many worker processes ended while they worked on ``suite``."""

    def __init__(self, problem: str, *, suite: str) -> None:
        self.suite = suite
        super().__init__(problem)


class SessionFileError(LmoptError):
    """The file that the workers of a session share can't be used."""

    def __init__(self, problem: str, *, path: Path) -> None:
        self.path = path
        super().__init__(
            f"{path}, which all workers share, can't be used: {problem}; run without them (-n 0)"
        )


class LostContextError(LmoptError):
    """A prompt was called from a thread that does not know which of several runs it works for."""

    def __init__(self, prompt: str) -> None:
        self.prompt = prompt
        super().__init__(
            f"prompt {prompt!r} was called on a thread that knows no run, while several are under "
            "way: a thread that the pipeline starts expected, found one that was started before, "
            "such as a worker with a queue. Put pytest_lmopt.carry_context(function) into the "
            "queue in place of the function, or set concurrency=1 in lm_suite"
        )


class EventLoopError(LmoptError):
    """No event loop can be opened, and every suite needs one; ``cause`` is what forbids it.

    ``blocked`` says that it is pytest-socket.
    """

    def __init__(self, cause: Exception, *, blocked: bool) -> None:
        self.cause = cause
        super().__init__(
            "pytest-socket blocks the socket pair that an event loop needs; add "
            "--allow-unix-socket to pytest's options, which still blocks the network"
            if blocked
            else f"no event loop can be opened ({type(cause).__name__}: {cause}), and a suite runs "
            "on one; let it have a socket pair"
        )
