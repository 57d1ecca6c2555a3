"""Which run a prompt call belongs to: a context variable, and the trace it collects.

asyncio tasks inherit the context by themselves, the executor carries it into its own threads, and
``lm.threads`` into those that pipelines start. What they hand to threads in another way needs
``carry_context``.
"""

from __future__ import annotations

import contextvars
import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal, ParamSpec, Protocol, TypeVar

from pytest_lmopt.errors import (
    BookError,
    BudgetExhaustedError,
    InputError,
    LmoptError,
    LostContextError,
    MissingAnswerError,
    ModelError,
    RecordingsError,
    RefusedError,
    SessionFileError,
    UnrecordedError,
)
from pytest_lmopt.lm.net.openings import Openings
from pytest_lmopt.lm.net.rules import Rules
from pytest_lmopt.lm.seam import LM
from pytest_lmopt.safe_text import hide_carried, said, through
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.prompt_state import PromptState
from pytest_lmopt.wire import Message, Request, ToolCall, Usage

P = ParamSpec("P")
R = TypeVar("R")

Purpose = Literal["run", "metric", "setup", "import"]

_UNHIDEABLE = (
    MissingAnswerError,
    BudgetExhaustedError,
    InputError,
    RecordingsError,
    BookError,
    SessionFileError,
)


@dataclass(frozen=True, kw_only=True)
class Call:
    """One LM call in a trace: which prompt, with what, answering what, at what cost.

    A call of a client's is named by its ``dialect`` and model, its inputs are its ``messages``;
    ``client`` is the client's own name, ``tool_calls`` are what the model asks for.
    ``text`` is all that came, ``reasoning`` the part before the answer, where that was asked for.
    ``outputs`` is empty and ``error`` says why where no usable answer came; ``unrecorded`` is
    True if that is because no model was asked, ``refused`` if because its provider refused.
    ``request`` is None where none could be made,
    ``whole`` the provider's own answer where the pipeline was given that.
    """

    prompt: str
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    text: str
    usage: Usage
    request: Request | None = None
    error: str | None = None
    unrecorded: bool = False
    refused: bool = False
    whole: Mapping[str, Any] | None = None
    reasoning: str = ""
    client: str = ""
    dialect: str = ""
    tool_calls: tuple[ToolCall, ...] = ()


class Awaited(Protocol):
    """Work that a run waits for."""

    def cancel(self) -> object:
        """Cancel it, from whatever thread."""


class Block:
    """Runs that end together: a block, or a single run as a part of one.

    Once it has ended early, its runs wait for no call any more. Threads can't be cancelled; their
    calls can, and a thread still at work makes no new ones.
    """

    def __init__(self, *, whole: Block | None = None) -> None:
        self._whole = whole
        self._ended = False
        self._awaited: set[Awaited] = set()
        self.may_land = True

    @property
    def ended(self) -> bool:
        """Whether it has ended, by itself or with the whole it is a part of."""
        return self._ended or (self._whole is not None and self._whole.ended)

    @property
    def lands(self) -> bool:
        """Whether it has ended, but answers under way may still arrive and be recorded."""
        return self.ended and self.may_land

    def end(self, *, landing: bool = True) -> None:
        """End it, whatever its runs are waiting for.

        ``landing``: answers under way, as they are paid for, may still arrive and be recorded.
        """
        self.may_land = landing
        self._ended = True
        for work in tuple(self._awaited):
            work.cancel()

    @contextmanager
    def awaiting(self, work: Awaited) -> Iterator[None]:
        """Wait for ``work`` only until the end."""
        blocks = (self,) if self._whole is None else (*self._wholes(), self)
        for block in blocks:
            block._awaited.add(work)
        try:
            if self.ended:  # meanwhile, on another thread
                work.cancel()
            yield
        finally:
            for block in blocks:
                block._awaited.discard(work)

    def _wholes(self) -> Iterator[Block]:
        whole = self._whole
        while whole is not None:
            yield whole
            whole = whole._whole


@dataclass(kw_only=True)
class RunContext:
    """What one pipeline run calls its prompts with, and what they leave behind.

    ``states`` are the states the called prompts ran with; ``stop`` is the first error that the
    run can't hide by catching it (a missing answer, an exhausted budget, bad input). ``deadline``
    says that a deadline of the pipeline's own ended a call that waited for its turn.
    ``strays`` counts calls of runs that a suite's own context took in, as no run was seen for them.
    ``purpose`` is what it is run for; ``openings`` are those past the interception, under
    ``rules``.
    """

    lm: LM
    candidate: Candidate
    model: str | None = None
    repeat: int = 0
    purpose: Purpose = "run"
    rules: Rules = field(default_factory=Rules)
    openings: Openings = field(default_factory=Openings)
    states: dict[str, PromptState] = field(default_factory=dict)
    stop: LmoptError | None = None
    deadline: MissingAnswerError | None = None
    strays: int = 0
    block: Block = field(default_factory=Block)
    _calls: dict[int, Call] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _asked: dict[str, Iterator[int]] = field(default_factory=dict)
    _stopped_on: tuple[Message, ...] = ()

    def begin(self) -> int:
        """Number of the next call, in the order calls were begun."""
        return next(self._numbers)

    def end(self, number: int, call: Call) -> None:
        """File a finished call under its number."""
        self._calls[number] = call

    def failed(self, call: Call, error: BaseException) -> Call:
        """The call with its error; the first that the pipeline may catch but can't hide is kept.

        An error that ends the suite replaces a missing answer, which concerns one run.
        """
        if isinstance(error, _UNHIDEABLE) and (
            self.stop is None
            or (
                isinstance(self.stop, MissingAnswerError)
                and not isinstance(error, MissingAnswerError)
            )
        ):
            self.stop = error
            if call.dialect and call.request is not None:
                self._stopped_on = call.request.messages
        whole = call.whole
        if isinstance(error, RefusedError) and error.answer is not None:
            whole = through(error.answer, hide_carried)  # a provider may quote the key
        return replace(
            call,
            error=said(error) or type(error).__name__,
            unrecorded=isinstance(error, UnrecordedError),
            refused=isinstance(error, RefusedError),
            whole=whole,
        )

    def answered(self, request: Request) -> None:
        """Withdraw a stop for want of an answer, where another model has answered the same.

        Clients fall back on another model where the first can't be used or gives no answer.
        """
        unanswered = isinstance(self.stop, MissingAnswerError | ModelError)
        if unanswered and self._stopped_on and self._stopped_on == request.messages:
            self.stop, self._stopped_on = None, ()

    def occurrence(self, key: str) -> int:
        """How many calls of clients with this key the run has begun before."""
        return next(self._asked.setdefault(key, itertools.count()))

    @property
    def usage(self) -> Usage:
        """What its calls cost."""
        return sum((call.usage for call in self.trace), Usage())

    @property
    def trace(self) -> tuple[Call, ...]:
        """The calls in the order they were begun."""
        return tuple(self._calls[number] for number in sorted(self._calls))


_current: contextvars.ContextVar[RunContext | None] = contextvars.ContextVar(
    "lmopt_run", default=None
)
_our_own: contextvars.ContextVar[bool] = contextvars.ContextVar("lmopt_our_own", default=False)
_on_thread: contextvars.ContextVar[bool] = contextvars.ContextVar("lmopt_thread", default=False)
_suites: list[RunContext] = []
_open_runs: dict[int, RunContext] = {}
_run_numbers = itertools.count()


@contextmanager
def running(context: RunContext) -> Iterator[RunContext]:
    """Make ``context`` the current run of this task or thread."""
    number = next(_run_numbers)
    _open_runs[number] = context
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)
        del _open_runs[number]


def runs_under_way() -> bool:
    """Whether any run of a pipeline is open."""
    return any(run.purpose == "run" for run in tuple(_open_runs.values()))


def here() -> RunContext | None:
    """The run of this task or thread; None where none is known."""
    return _current.get()


def current_run(prompt: str) -> RunContext | None:
    """The run a call of ``prompt`` belongs to; None in production.

    Where none can be seen from here, it belongs to the only run that is under way, or to the suite
    where none is. Raises ``LostContextError`` where several are, and stops them all: it is one of
    theirs, and a framework may swallow the error and go on. While runs are left over from a block
    that has ended, it is taken to be theirs.
    """
    context = _seen() or _only_run()
    if context is None and not _open_runs:
        return _suite()
    if context is None:
        error = LostContextError(prompt)
        under_way = tuple(_open_runs.values())
        for run in [run for run in under_way if run.block.ended] or under_way:
            run.stop = run.stop or error
        raise error
    return context


def run_or_suite() -> RunContext | None:
    """The run a call of any client belongs to; None outside of suites.

    Where none can be seen from here, it belongs to the only run that is under way, else to the
    suite.
    """
    return _seen() or _only_run() or _suite()


def _suite() -> RunContext | None:
    return _suites[-1] if _suites else None


@contextmanager
def in_suite(context: RunContext) -> Iterator[None]:
    """Let calls whose run can't be seen belong to a suite's own context."""
    _suites.append(context)
    try:
        yield
    finally:
        _suites[:] = [each for each in _suites if each is not context]


def _seen() -> RunContext | None:
    """The run of this task or thread, unless its thread has outlived it and may serve others."""
    context = _current.get()
    if context is None or not _on_thread.get() or context.block.ended:
        return context
    return context if _is_open(context) else None


def _is_open(context: RunContext) -> bool:
    return any(run is context for run in tuple(_open_runs.values()))


def _only_run() -> RunContext | None:
    runs = {id(run): run for run in tuple(_open_runs.values())}
    return next(iter(runs.values())) if len(runs) == 1 else None


def leave_run() -> None:
    """Forget the run in this context."""
    _current.set(None)
    _our_own.set(False)


def started_by_run() -> None:
    """Note in this context that a thread begins with it, which may outlive the run."""
    _on_thread.set(True)


@contextmanager
def our_own() -> Iterator[None]:
    """Let all that is sent in this block through: it has been accounted for."""
    token = _our_own.set(True)
    try:
        yield
    finally:
        _our_own.reset(token)


def is_our_own() -> bool:
    """Whether what is sent from here has been accounted for."""
    return _our_own.get()


def may_land() -> bool:
    """Whether an answer nobody waits for any more may still arrive, for the current run."""
    run = _current.get()
    return run is None or run.block.may_land


def carry_context(function: Callable[P, R]) -> Callable[P, R]:
    """Wrap a function for another thread so that prompts it calls know their run."""
    context = contextvars.copy_context()

    def carried(*args: P.args, **kwargs: P.kwargs) -> R:
        return context.copy().run(function, *args, **kwargs)

    return carried
