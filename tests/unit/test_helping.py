"""A lane that helps gives back what it can't do, and the leader goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pytest_lmopt import Example
from pytest_lmopt.blocks.lanes import LeadingRunner, help_with
from pytest_lmopt.blocks.queue import Part, SqliteQueue
from pytest_lmopt.blocks.runner import Block, LocalRunner
from pytest_lmopt.lm.seam import FunctionLM
from pytest_lmopt.lm.session_file import SessionFile
from pytest_lmopt.metrics.scored_run import ScoredRun
from pytest_lmopt.runs.executor import InProcessExecutor
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.example import Dataset
from pytest_lmopt.suites.suite import Suite

EXAMPLES = tuple(Example(id=f"e{number}", inputs={}) for number in range(12))
SUITE = Suite(
    name="suite",
    pipeline=lambda example: example.id,
    dataset=Dataset(examples=EXAMPLES, source="rows"),
)
INCUMBENT = Candidate(name="incumbent", states={})


class Unable(LocalRunner):
    """Ends each block with the same error."""

    def __init__(self, error: BaseException, executor: InProcessExecutor) -> None:
        super().__init__(SUITE, executor)
        self.error = error
        self.taken = 0

    async def run_one(self, block: Block) -> list[ScoredRun]:
        """Only the error."""
        self.taken += 1
        raise self.error


class Patient(LocalRunner):
    """Leaves a block to the other before it does its own."""

    def __init__(self, other: Unable, executor: InProcessExecutor) -> None:
        super().__init__(SUITE, executor)
        self.other = other

    async def run_one(self, block: Block) -> list[ScoredRun]:
        """Run a block once the other has taken one."""
        while not self.other.taken:
            await asyncio.sleep(0)
        return await super().run_one(block)


@pytest.fixture
def queues(tmp_path: Path) -> Iterator[tuple[SqliteQueue, SqliteQueue]]:
    """Two views of one queue, as two processes have."""
    with (
        closing(SessionFile(tmp_path / "s.sqlite")) as one,
        closing(SessionFile(tmp_path / "s.sqlite")) as other,
    ):
        yield SqliteQueue(one), SqliteQueue(other)


@pytest.mark.parametrize(
    "error",
    [
        asyncio.CancelledError(),
        KeyError("an example this worker does not have"),
        pytest.fail.Exception("from outside, as pytest-timeout does"),
    ],
)
def test_whatever_ends_a_helpers_block_leaves_it_to_the_leader(
    queues: tuple[SqliteQueue, SqliteQueue], error: BaseException
) -> None:
    """Its worker is alive, so nobody else would give the block back."""
    leading, helping = queues
    assert leading.enter(SUITE.name, "w0") is Part.LEAD
    assert helping.enter(SUITE.name, "w1") is Part.HELP

    async def evaluate() -> tuple[list[str], int]:
        with InProcessExecutor(lm=FunctionLM(lambda _: "")) as executor:
            unable = Unable(error, executor)
            helper = asyncio.ensure_future(help_with(unable, queue=helping, worker="w1"))
            leader = LeadingRunner(Patient(unable, executor), queue=leading, worker="w0", hands=2)
            blocks = [Block(candidate=INCUMBENT, examples=(example,)) for example in EXAMPLES]
            ran = [run.example async for runs in leader.run(blocks) for run in runs]
            leading.finish(SUITE.name, "w0")
            await asyncio.wait([helper])
            assert helper.exception() in (None, error)
            return ran, unable.taken

    ran, taken = asyncio.run(asyncio.wait_for(evaluate(), 30))

    assert ran == [example.id for example in EXAMPLES]
    assert taken
