"""Who runs blocks: this process by itself, or with others."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from pytest_lmopt.metrics.scored_run import ScoredRun
from pytest_lmopt.metrics.scoring import run_and_score
from pytest_lmopt.runs.executor import Executor
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.example import Example
from pytest_lmopt.suites.suite import Suite

LARGEST = 25
SMALLEST = 8
AT_ONCE = 2
"""Blocks a process works on at once, so that it has work while the slowest run of one ends."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """A piece of an evaluation: one candidate on a few examples, once each."""

    candidate: Candidate
    examples: tuple[Example, ...]
    repeat: int = 0


class BlockRunner(Protocol):
    """Runs and scores blocks of one suite."""

    @property
    def hands(self) -> int:
        """How many processes share the work."""

    def run(self, blocks: Sequence[Block]) -> AsyncGenerator[list[ScoredRun]]:
        """What comes of each block, in their order.

        Raises what ended a block early once the results of those before it are given.
        """


def piece_size(runs: int, *, hands: int) -> int:
    """Examples per block: 25, or fewer, so that each of ``hands`` processes has several blocks."""
    if hands == 1:
        return LARGEST
    return min(LARGEST, max(SMALLEST, runs // (2 * AT_ONCE * hands)))


async def in_order(
    blocks: Sequence[Block],
    run_one: Callable[[Block], Awaitable[list[ScoredRun]]],
    *,
    at_once: int,
) -> AsyncGenerator[list[ScoredRun]]:
    """What comes of each block, ``at_once`` under way; one that ends early ends those after it."""
    todo = deque(blocks)
    under_way: deque[asyncio.Future[list[ScoredRun]]] = deque()
    try:
        while todo or under_way:
            while todo and len(under_way) < at_once:
                under_way.append(asyncio.ensure_future(run_one(todo.popleft())))
            yield await under_way.popleft()
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


class LocalRunner:
    """Runs blocks in this process, ``at_once`` of them: one scores while the next one runs."""

    hands = 1

    def __init__(self, suite: Suite, executor: Executor, *, at_once: int = AT_ONCE) -> None:
        self.suite = suite
        self.at_once = at_once
        self._executor = executor

    def run(self, blocks: Sequence[Block]) -> AsyncGenerator[list[ScoredRun]]:
        """As the protocol says; a block that ends early ends those after it."""
        return in_order(blocks, self.run_one, at_once=self.at_once)

    async def run_one(self, block: Block) -> list[ScoredRun]:
        """What comes of one block."""
        return await run_and_score(
            self.suite,
            self._executor,
            block.candidate,
            block.examples,
            repeat=block.repeat,
            one_by_one=self.at_once == 1,
        )
