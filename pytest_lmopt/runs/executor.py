"""The in-process executor: examples concurrently, on threads or as tasks."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from operator import itemgetter
from threading import get_ident
from typing import Any, Protocol

from pytest_lmopt.clock import SYSTEM, Clock
from pytest_lmopt.errors import LmoptError, LostContextError, MissingAnswerError
from pytest_lmopt.lm.hooks import hooked
from pytest_lmopt.lm.net.rules import Rules
from pytest_lmopt.lm.seam import LM
from pytest_lmopt.lm.tracing import Block, RunContext, running
from pytest_lmopt.lm.waiting import landed
from pytest_lmopt.runs.ctrl_c import ctrl_c
from pytest_lmopt.runs.outcomes import Meaning, SessionEnded, is_from_outside, outcome_of
from pytest_lmopt.runs.run import Ending, Run
from pytest_lmopt.runs.suite_loop import LEFT_BEHIND_SECONDS
from pytest_lmopt.runs.threads import Threads, waits_in_loop
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.example import Example
from pytest_lmopt.suites.suite import Pipeline

_ENDINGS = {
    Meaning.LEFT_OUT: Ending.SKIPPED,
    Meaning.FAILED: Ending.FAILED,
    Meaning.WRONG: Ending.WRONG,
}


STUCK = (
    "; it waits in an event loop on its thread, where clients that other threads share may wait "
    "for ever: make the test async, or set concurrency=1 in lm_suite"
)


@dataclass
class _Thread:
    """The thread of a run, and whether it was inside an event loop when its time was up."""

    ident: int | None = None
    in_loop: bool = False


class Executor(Protocol):
    """Runs a block: one candidate on several examples."""

    async def run_block(
        self,
        pipeline: Pipeline,
        candidate: Candidate,
        examples: Sequence[Example],
        *,
        repeat: int = 0,
    ) -> Sequence[Run]:
        """One run per example, in their order; ``repeat`` tells equal runs apart.

        Raises the error that ended the block early: an exhausted budget, bad input.
        """

    def judging(self) -> RunContext:
        """The context in which a metric may call prompts: metered and recorded like any run."""


class InProcessExecutor:
    """Runs up to ``concurrency`` examples at a time: tasks for async pipelines, else threads.

    Where others run examples too, ``slots`` lets in as many in place of ``concurrency``. A run that
    takes more than ``timeout`` seconds is missing: a task is cancelled, a thread left behind
    without its LM calls. ``on_wrong`` is told what a pipeline raised. Use as a context manager:
    inside, calls of the pipelines' and metrics' own clients are seen, and what they open past that
    falls under ``rules``; leaving it ends idle threads, and waits up to ``patience`` seconds for
    busy ones.
    """

    def __init__(
        self,
        *,
        lm: LM,
        model: str | None = None,
        concurrency: int = 16,
        timeout: float | None = None,
        rules: Rules | None = None,
        slots: AbstractAsyncContextManager[object] | None = None,
        on_wrong: Callable[[BaseException], object] = lambda _: None,
        clock: Clock = SYSTEM,
        patience: float = LEFT_BEHIND_SECONDS,
    ) -> None:
        self._clock = clock
        self._patience = patience
        self._lm = lm
        self._model = model
        self._catching = ExitStack()
        self._timeout = timeout
        self._rules = rules or Rules()
        self._slots = slots or asyncio.Semaphore(concurrency)
        self._on_wrong = on_wrong
        self._threads = Threads(name="lmopt-run")
        self._begun: dict[int, tuple[str, float]] = {}
        self._numbers = itertools.count()

    @property
    def longest(self) -> tuple[str, float] | None:
        """The example whose run has taken longest of those under way, and when that began.

        In Unix time.
        """
        return min(tuple(self._begun.values()), key=itemgetter(1), default=None)

    def __enter__(self) -> InProcessExecutor:
        self._catching.enter_context(hooked())
        return self

    def __exit__(self, *_: object) -> None:
        # threads of a block that ended early have lost their calls, so most end at once; what then
        # still runs can't be told from the next test's own threads
        try:
            self._threads.close(wait=0.0 if ctrl_c.at_once else self._patience)
        finally:
            self._catching.close()

    def judging(self) -> RunContext:
        """The context in which a metric may call prompts: metered and recorded like any run."""
        judge = Candidate(name="judge", states={})
        return RunContext(
            lm=self._lm, candidate=judge, model=self._model, purpose="metric", rules=self._rules
        )

    async def run_block(
        self,
        pipeline: Pipeline,
        candidate: Candidate,
        examples: Sequence[Example],
        *,
        repeat: int = 0,
    ) -> Sequence[Run]:
        """As the protocol says; an early end cancels the block's other runs."""
        block = Block()
        tasks = [
            asyncio.ensure_future(
                self._run(
                    pipeline,
                    example,
                    RunContext(
                        lm=self._lm,
                        candidate=candidate,
                        model=self._model,
                        repeat=repeat,
                        rules=self._rules,
                        block=Block(whole=block),
                    ),
                    block,
                )
            )
            for example in examples
        ]
        try:
            return await asyncio.gather(*tasks)
        except BaseException:
            block.end()
            raise
        finally:
            for task in tasks:
                task.cancel()
            if tasks:  # some swallow it: those are left behind, as threads are
                await asyncio.wait(tasks, timeout=self._patience)
            if block.lands:
                await landed(seconds=self._patience)

    async def _run(
        self, pipeline: Pipeline, example: Example, context: RunContext, block: Block
    ) -> Run:
        prediction: Any = None
        raised: BaseException | None = None
        ending, problem = Ending.RETURNED, ""
        async with self._slots:
            if block.ended:  # the slot came free because the block has ended
                raise asyncio.CancelledError
            limit, stuck = asyncio.timeout(None), _Thread()
            try:
                async with limit:
                    with self._under_way(example), self._expiring(limit, context.block, stuck):
                        prediction = await self._predict(pipeline, example, context, stuck)
            except LostContextError:
                block.end()
                raise
            except BaseException as error:
                if is_from_outside(error, ended=block.ended):
                    raise
                outcome = outcome_of(error)
                if outcome.meaning is Meaning.ENDS:
                    block.end()
                    raise SessionEnded.by(outcome) from outcome.because[0]
                # a client's message may quote the key it was given
                ending, problem = _ENDINGS[outcome.meaning], outcome.problem
                raised = error if outcome.meaning is Meaning.WRONG else None
            # the pipeline may have caught these: they end the run all the same
            if limit.expired():
                ending, prediction = Ending.MISSING, None
                problem = f"the run took more than {self._timeout:g} s (--lm-example-timeout)"
                problem += STUCK if stuck.in_loop else ""
            late = context.deadline if raised is None or _is_late(raised) else None
            if isinstance(missing := context.stop or late, MissingAnswerError):
                ending, problem, prediction = Ending.MISSING, str(missing), None
            elif isinstance(context.stop, LmoptError):
                block.end()
                raise context.stop
            elif raised is not None:
                self._on_wrong(raised)
        return Run(
            example=example,
            repeat=context.repeat,
            ending=ending,
            prediction=prediction,
            problem=problem,
            trace=context.trace,
            states=context.states,
            openings=context.openings.listed(example.id),
        )

    @contextmanager
    def _under_way(self, example: Example) -> Iterator[None]:
        number = next(self._numbers)
        self._begun[number] = example.id, self._clock.time()
        try:
            yield
        finally:
            del self._begun[number]

    @contextmanager
    def _expiring(self, limit: asyncio.Timeout, run: Block, thread: _Thread) -> Iterator[None]:
        """Let the limit expire, and the run's calls end, after the time-out."""
        if self._timeout is None:
            yield
            return
        loop = asyncio.get_running_loop()

        def expire() -> None:
            thread.in_loop = thread.ident is not None and waits_in_loop(thread.ident)
            # in this order: else the run might see its calls end before it knows why
            limit.reschedule(loop.time())
            run.end(landing=False)

        alarm = self._clock.call_later(self._timeout, expire)
        try:
            yield
        finally:
            alarm.cancel()

    async def _predict(
        self, pipeline: Pipeline, example: Example, context: RunContext, thread: _Thread
    ) -> Any:
        example = example.own()
        if inspect.iscoroutinefunction(pipeline):
            with running(context):
                return await pipeline(example)

        def on_thread() -> Any:
            thread.ident = get_ident()
            # a thread that outlives its block is still caught, so as to make no call
            with hooked(), running(context):
                try:
                    return pipeline(example)
                except StopIteration as error:
                    # no future takes one: on Python 3.11 nobody would ever hear of the end
                    raise RuntimeError("pipeline raised StopIteration") from error

        carried = contextvars.copy_context()
        work = self._threads.run(functools.partial(carried.run, on_thread))
        returned = await asyncio.wrap_future(work)
        if inspect.isawaitable(returned):  # a plain function that calls an async one
            with running(context):
                return await returned
        return returned


def _is_late(error: BaseException | None) -> bool:
    """Whether an exception comes from a deadline of the pipeline's own."""
    while error is not None and not isinstance(error, TimeoutError):
        error = error.__cause__ or error.__context__
    return error is not None
