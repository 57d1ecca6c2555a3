"""The in-process executor: examples concurrently, on threads or as tasks."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from pytest_lmopt.errors import LmoptError, LostContextError, MissingAnswerError
from pytest_lmopt.lm.seam import LM
from pytest_lmopt.lm.tracing import Block, RunContext, running
from pytest_lmopt.runs.run import Ending, ExampleSkipped, Run
from pytest_lmopt.safe_text import redact
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.example import Example
from pytest_lmopt.suites.suite import Pipeline


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

    Use as a context manager; leaving it drops work that has not started.
    """

    def __init__(self, *, lm: LM, model: str | None = None, concurrency: int = 16) -> None:
        self._lm = lm
        self._model = model
        self._slots = asyncio.Semaphore(concurrency)
        self._threads = ThreadPoolExecutor(concurrency, thread_name_prefix="lmopt-run")

    def __enter__(self) -> InProcessExecutor:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def judging(self) -> RunContext:
        """The context in which a metric may call prompts: metered and recorded like any run."""
        judge = Candidate(name="judge", states={})
        return RunContext(lm=self._lm, candidate=judge, model=self._model)

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
                        block=block,
                    ),
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
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, pipeline: Pipeline, example: Example, context: RunContext) -> Run:
        block = context.block
        prediction: Any = None
        ending, problem = Ending.RETURNED, ""
        async with self._slots:
            if block.ended:  # the slot came free because the block has ended
                raise asyncio.CancelledError
            try:
                prediction = await self._predict(pipeline, example, context)
            except ExampleSkipped as signal:
                ending, problem = Ending.SKIPPED, redact(str(signal))
            except AssertionError as error:
                ending, problem = Ending.FAILED, redact(str(error))
            except LostContextError:
                block.end()
                raise
            except Exception as error:
                # a client's message may quote the key it was given
                ending, problem = Ending.WRONG, redact(f"{type(error).__name__}: {error}")
            # the pipeline may have caught these: they end the run all the same
            if isinstance(context.stop, MissingAnswerError):
                ending, problem, prediction = Ending.MISSING, str(context.stop), None
            elif isinstance(context.stop, LmoptError):
                block.end()
                raise context.stop
        return Run(
            example=example,
            repeat=context.repeat,
            ending=ending,
            prediction=prediction,
            problem=problem,
            trace=context.trace,
            states=context.states,
        )

    async def _predict(self, pipeline: Pipeline, example: Example, context: RunContext) -> Any:
        if inspect.iscoroutinefunction(pipeline):
            with running(context):
                return await pipeline(example)

        def on_thread() -> Any:
            with running(context):
                return pipeline(example)

        carried = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        returned = await loop.run_in_executor(self._threads, carried.run, on_thread)
        if inspect.isawaitable(returned):  # a plain function that calls an async one
            with running(context):
                return await returned
        return returned
