"""Lanes: the processes that work on one suite together, one leading, the others helping.

The leader offers blocks in the queue and works on them like everybody else. What can't be told in
plain JSON, and every error, is left to the leader, who meets it again by itself: what was paid for
is recorded.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Iterable, Sequence
from typing import Any

from pytest_lmopt.blocks.plain import (
    NotPlainError,
    block_from_text,
    block_to_text,
    ended_to_text,
    runs_from_text,
    runs_to_text,
)
from pytest_lmopt.blocks.queue import MOST_LOSSES, Queue, Result
from pytest_lmopt.blocks.runner import Block, LocalRunner
from pytest_lmopt.errors import WorkersLostError
from pytest_lmopt.metrics.scored_run import ScoredRun
from pytest_lmopt.runs.outcomes import SessionEnded
from pytest_lmopt.suites.candidate import Candidate

LOOK_SECONDS = 0.02
"""How often a lane looks into the queue."""

AHEAD = 2
"""Blocks offered ahead, for each that the lanes can work on at once."""


class LeadingRunner:
    """Runs blocks with the help of ``hands`` − 1 other lanes."""

    def __init__(self, local: LocalRunner, *, queue: Queue, worker: str, hands: int) -> None:
        self.suite = local.suite
        self.local = local
        self.queue = queue
        self.worker = worker
        self.hands = hands

    async def run(self, blocks: Sequence[Block]) -> AsyncGenerator[list[ScoredRun]]:
        """As the protocol says; a block that ends early ends those after it."""
        if len(blocks) < 2 or not all(map(_can_be_sent, _candidates(blocks))):
            async for runs in self.local.run(blocks):
                yield runs
            return
        lead = _Lead(self, blocks)
        try:
            for place in range(len(blocks)):
                yield await lead.result(place)
        finally:
            await lead.end()


class _Lead:
    """One evaluation's blocks: offered, taken, settled; all by their place in it."""

    def __init__(self, runner: LeadingRunner, blocks: Sequence[Block]) -> None:
        self._runner = runner
        self._blocks = blocks
        self._ahead = AHEAD * runner.local.at_once * runner.hands
        self._published = 0
        self._places: dict[int, int] = {}
        self._mine: dict[int, asyncio.Task[list[ScoredRun]]] = {}
        self._numbers: dict[int, int] = {}
        self._settled: dict[int, Result] = {}

    async def result(self, place: int) -> list[ScoredRun]:
        """What came of a block; meanwhile all others go on."""
        while True:
            self._go_on()
            if place in self._settled:
                return await self._read(place, self._settled.pop(place))
            task = self._mine.get(place)
            if task is not None and task.done():
                self._runner.queue.withdraw([self._numbers.pop(place)])
                return self._mine.pop(place).result()
            await _next(self._mine.values())

    async def end(self) -> None:
        """Take back what is still offered or under way."""
        self._runner.queue.withdraw([*self._places, *self._numbers.values()])
        await _cancel(self._mine.values())

    def _go_on(self) -> None:
        """Look who has done what, and offer and take as much as there should be."""
        for number, result in self._runner.queue.collect(self._places).items():
            self._settled[self._places.pop(number)] = result
        end = self._published + self._ahead - len(self._places)
        more = self._blocks[self._published : end]
        if more:
            jobs = [block_to_text(block) for block in more]
            for number in self._runner.queue.publish(self._runner.suite.name, jobs):
                self._places[number] = self._published
                self._published += 1
        while sum(not task.done() for task in self._mine.values()) < self._runner.local.at_once:
            taken = self._runner.queue.take(self._runner.suite.name, self._runner.worker)
            if taken is None:
                return
            # it stays in the queue till it is done: what a lost leader was at work on is told
            place = self._places.pop(taken[0])
            self._numbers[place] = taken[0]
            self._mine[place] = asyncio.ensure_future(
                self._runner.local.run_one(self._blocks[place])
            )

    async def _read(self, place: int, result: Result) -> list[ScoredRun]:
        block = self._blocks[place]
        if result.losses >= MOST_LOSSES:
            names = ", ".join(repr(example.id) for example in block.examples)
            raise WorkersLostError(
                f"{result.losses} workers were lost while they ran the examples {names}; one of "
                "them seems to end its process. Run them without -n to see what happens",
                suite=self._runner.suite.name,
            )
        if result.text is None:
            return await self._runner.local.run_one(block)
        return runs_from_text(result.text, block.candidate)


async def help_with(local: LocalRunner, *, queue: Queue, worker: str) -> None:
    """Work on a suite's blocks until nobody leads it any more."""
    suite = local.suite
    examples = {example.id: example for example in suite.dataset}
    under_way: dict[int, asyncio.Task[str | None]] = {}

    async def work(job: str) -> str | None:
        try:
            block = block_from_text(job, examples)
            return runs_to_text(await local.run_one(block), block.candidate)
        except SessionEnded as ended:  # the leader might not meet it again by itself
            return ended_to_text(ended)
        except (Exception, asyncio.CancelledError):
            return None

    try:
        while (wanted := queue.wanted(suite.name, under_way)) is not None:
            await _cancel([under_way.pop(number) for number in set(under_way) - wanted])
            for number in [number for number, task in under_way.items() if task.done()]:
                queue.hand_in(number, worker, under_way[number].result())
                del under_way[number]  # not before: what was not handed in is given back below
            while len(under_way) < local.at_once:
                # the last blocks are left to lanes that have none
                taken = queue.take(suite.name, worker, leaving=len(under_way))
                if taken is None:
                    break
                under_way[taken[0]] = asyncio.ensure_future(work(taken[1]))
            await _next(under_way.values())
    finally:
        await _cancel(under_way.values())
        for number in under_way:
            queue.hand_in(number, worker, None)


def _candidates(blocks: Sequence[Block]) -> Iterable[Candidate]:
    return {block.candidate.digest: block.candidate for block in blocks}.values()


def _can_be_sent(candidate: Candidate) -> bool:
    try:
        block_to_text(Block(candidate=candidate, examples=()))
    except NotPlainError:
        return False
    return True


async def _next(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Wait until one is done, or it is time to look into the queue again."""
    pending = [task for task in tasks if not task.done()]
    if pending:
        await asyncio.wait(pending, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    else:
        await asyncio.sleep(LOOK_SECONDS)


async def _cancel(tasks: Collection[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
