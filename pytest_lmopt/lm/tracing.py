"""Which run a prompt call belongs to: a context variable, and the trace it collects.

asyncio tasks inherit the context by themselves; the executor carries it into its own threads; a
pipeline that starts threads must use ``carry_context``.
"""

from __future__ import annotations

import contextvars
import itertools
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

from pytest_lmopt.errors import LmoptError, LostContextError
from pytest_lmopt.lm.seam import LM, Request, Usage
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.prompt_state import PromptState

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, kw_only=True)
class Call:
    """One LM call in a trace: which prompt, with what, answering what, at what cost.

    ``outputs`` is empty and ``error`` says why where no usable answer came; ``unrecorded`` is
    True if that is because no model was asked. ``request`` is None where none could be made.
    """

    prompt: str
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    text: str
    usage: Usage
    request: Request | None = None
    error: str | None = None
    unrecorded: bool = False


class Block:
    """The block a run belongs to. Once it has ended early, its runs wait for no call any more.

    Threads can't be cancelled; their calls can, and a thread still at work makes no new ones.
    """

    def __init__(self) -> None:
        self.ended = False
        self._awaited: set[Future[Any]] = set()

    def end(self) -> None:
        """End the block, whatever its runs are waiting for."""
        self.ended = True
        for future in tuple(self._awaited):
            future.cancel()

    @contextmanager
    def awaiting(self, future: Future[Any]) -> Iterator[None]:
        """Wait for ``future`` only until the block ends."""
        self._awaited.add(future)
        try:
            yield
        finally:
            self._awaited.discard(future)


@dataclass(kw_only=True)
class RunContext:
    """What one pipeline run calls its prompts with, and what they leave behind.

    ``states`` are the states the called prompts ran with; ``stop`` is the first error that the
    run can't hide by catching it (a missing answer, an exhausted budget, bad input).
    """

    lm: LM
    candidate: Candidate
    model: str | None = None
    repeat: int = 0
    states: dict[str, PromptState] = field(default_factory=dict)
    stop: LmoptError | None = None
    block: Block = field(default_factory=Block)
    _calls: dict[int, Call] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def begin(self) -> int:
        """Number of the next call, in the order calls were begun."""
        return next(self._numbers)

    def end(self, number: int, call: Call) -> None:
        """File a finished call under its number."""
        self._calls[number] = call

    @property
    def trace(self) -> tuple[Call, ...]:
        """The calls in the order they were begun."""
        return tuple(self._calls[number] for number in sorted(self._calls))


_current: contextvars.ContextVar[RunContext | None] = contextvars.ContextVar(
    "lmopt_run", default=None
)
_open_runs = 0
_open_lock = threading.Lock()


@contextmanager
def running(context: RunContext) -> Iterator[RunContext]:
    """Make ``context`` the current run of this task or thread."""
    global _open_runs  # noqa: PLW0603 - a count over all threads of the process
    with _open_lock:
        _open_runs += 1
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)
        with _open_lock:
            _open_runs -= 1


def current_run(prompt: str) -> RunContext | None:
    """The run a call of ``prompt`` belongs to; None in production.

    Raises ``LostContextError`` where runs are under way but none can be seen from here.
    """
    context = _current.get()
    if context is None and _open_runs:
        raise LostContextError(prompt)
    return context


def carry_context(function: Callable[P, R]) -> Callable[P, R]:
    """Wrap a function for another thread so that prompts it calls know their run."""
    context = contextvars.copy_context()

    def carried(*args: P.args, **kwargs: P.kwargs) -> R:
        return context.copy().run(function, *args, **kwargs)

    return carried
