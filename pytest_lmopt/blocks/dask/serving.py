"""A lane's part: running the blocks of its suite within the allowances that came with them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from functools import partial

from pytest_lmopt.blocks.dask.messages import End, Reply, Task
from pytest_lmopt.blocks.plain import NotPlainError, block_from_text, ended_to_text, runs_to_text
from pytest_lmopt.blocks.runner import Block
from pytest_lmopt.errors import BudgetExhaustedError, ModelError
from pytest_lmopt.lm.faults.concurrency import CALLS_AT_ONCE
from pytest_lmopt.lm.money.allowances import SpendingLedger
from pytest_lmopt.lm.money.ledger import Ledger
from pytest_lmopt.lm.recordings.memory import MemoryStore
from pytest_lmopt.lm.seam import LM
from pytest_lmopt.lm.stack import Traffic, suite_lm
from pytest_lmopt.metrics.scored_run import ScoredRun
from pytest_lmopt.metrics.scoring import run_and_score
from pytest_lmopt.runs.executor import Executor
from pytest_lmopt.runs.outcomes import SessionEnded
from pytest_lmopt.suites.suite import Suite
from pytest_lmopt.wire import Completion, Request


class LMOfTheBlock:
    """Sends each call to the LM of the block it is made for: each has an allowance of its own."""

    def __init__(self) -> None:
        self._lm: ContextVar[LM] = ContextVar("lmopt_block_lm")

    async def complete(self, request: Request) -> Completion:
        """As that LM does."""
        return await self._lm.get().complete(request)

    @contextmanager
    def being(self, lm: LM) -> Iterator[None]:
        """Be ``lm`` for what is started in this context."""
        token = self._lm.set(lm)
        try:
            yield
        finally:
            self._lm.reset(token)


class BlockServer:
    """Runs blocks of one suite, ``most`` examples at a time from run to score.

    ``lm`` is what ``executor`` sends all calls to.
    """

    def __init__(
        self,
        suite: Suite,
        executor: Executor,
        lm: LMOfTheBlock,
        *,
        provider: LM,
        traffic: Traffic,
        most: int = CALLS_AT_ONCE,
    ) -> None:
        self._slots = asyncio.Semaphore(most)
        self._suite = suite
        self._executor = executor
        self._lm = lm
        self._provider = provider
        self._traffic = traffic
        self._examples = {example.id: example for example in suite.dataset}

    async def run(self, task: Task) -> Reply:
        """What comes of a task; cancelled, it replies with what there is."""
        store = MemoryStore(task.answers)
        allowance = task.allowance
        ledger = allowance.ledger("the block's allowance") if allowance else None
        lm = suite_lm(
            self._provider,
            ledger=ledger or Ledger([]),
            store=None if task.mode == "off" else store,
            mode=task.mode if allowance or task.mode == "off" else "replay",
            traffic=self._traffic,
        )
        block = block_from_text(task.block, self._examples)
        with self._lm.being(lm):
            runs = [
                asyncio.ensure_future(self._run_one(block, place))
                for place in range(len(block.examples))
            ]
        for run in runs:
            run.add_done_callback(partial(_end_with, runs))
        try:
            results = await asyncio.gather(*runs, return_exceptions=True)
        except asyncio.CancelledError:
            results = []
        reply = _told(results, block)
        return replace(
            reply,
            answers=tuple(store.new),
            spending=ledger.end() if isinstance(ledger, SpendingLedger) else None,
        )

    async def _run_one(self, block: Block, place: int) -> ScoredRun:
        """One example by itself, so that one that can't be paid for does not end the others."""
        async with self._slots:
            (run,) = await run_and_score(
                self._suite,
                self._executor,
                block.candidate,
                block.examples[place : place + 1],
                repeat=block.repeat,
            )
        return run


def _end_with(runs: list[asyncio.Task[ScoredRun]], run: asyncio.Task[ScoredRun]) -> None:
    """End the others where one has ended the session: they need not spend any more."""
    if not run.cancelled() and isinstance(run.exception(), SessionEnded):
        for each in runs:
            each.cancel()


def _told(results: list[ScoredRun | BaseException], block: Block) -> Reply:
    """What can be told of the results in JSON; other errors the leader meets again by itself."""
    for result in results:
        if isinstance(result, SessionEnded):
            return Reply(end=End.DONE, runs=ended_to_text(result))
        if isinstance(result, ModelError):
            # the leader's machine may have the key that is missing here
            return Reply(end=End.REFUSED, problem=str(result))
    unpaid = sum(isinstance(result, BudgetExhaustedError) for result in results)
    runs = [result for result in results if isinstance(result, ScoredRun)]
    try:
        text = runs_to_text(runs, block.candidate)
    except NotPlainError:
        return Reply(end=End.LEFT)
    told = len(runs) + unpaid == len(results)
    return Reply(end=End.DONE if told else End.LEFT, runs=text)
