"""A Dask cluster of one process: what Dask would carry goes through the same texts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pytest_lmopt.blocks.dask.cluster import Cluster, Recalled
from pytest_lmopt.blocks.dask.messages import End, Reply, Task
from pytest_lmopt.blocks.dask.serving import BlockServer, LMOfTheBlock
from pytest_lmopt.lm.seam import LM
from pytest_lmopt.lm.stack import Traffic
from pytest_lmopt.runs.executor import InProcessExecutor
from pytest_lmopt.suites.suite import Suite


class LoopbackCluster(Cluster):
    """Runs tasks at once; ``is_lost(number of the task)`` tells which are lost once they are done.

    A lost task has spent its allowance. While ``is_open`` is unset no task is taken; if
    ``is_silent``, one that is recalled says nothing. Use as a context manager.
    """

    hands, threads = 2, 4

    def __init__(self, suite: Suite, model: LM, *, is_lost: Callable[[int], bool]) -> None:
        self._lm = LMOfTheBlock()
        self._executor = InProcessExecutor(lm=self._lm, model=suite.model)
        self._server = BlockServer(
            suite, self._executor, self._lm, provider=model, traffic=Traffic()
        )
        self._is_lost = is_lost
        self._work: dict[str, asyncio.Task[Reply]] = {}
        self.is_open = asyncio.Event()
        self.is_open.set()
        self.is_silent = False
        self.tasks = 0

    def __enter__(self) -> LoopbackCluster:
        self._executor.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._executor.__exit__()

    def start(self, spec: str) -> None:
        """There is nothing to start."""

    async def ask(self, spec: str, name: str, task: str, allowance: str | None) -> str:
        """As the real one."""
        await self.is_open.wait()
        self.tasks += 1
        lost = self._is_lost(self.tasks)
        work = self._work[name] = asyncio.ensure_future(
            self._server.run(Task.from_text(task, allowance))
        )
        reply = await asyncio.shield(work)
        return (Reply(end=End.LOST, problem="killed") if lost else reply).to_text()

    async def recall(self, name: str) -> Recalled:
        """As the real one, where a task that is lost is not heard of any more."""
        work = self._work.get(name)
        if work is None or work.done():
            return Recalled(unclaimed=work is None)
        work.cancel()
        reply = (await work).to_text()
        return Recalled(unclaimed=False, reply=None if self.is_silent else reply)

    def forget(self, name: str) -> None:
        """There is nothing to forget."""
