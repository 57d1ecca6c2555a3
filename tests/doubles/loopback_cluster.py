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

    A lost task has spent its allowance. With ``is_open`` unset none is claimed. Use as a context
    manager.
    """

    hands, threads = 2, 4

    def __init__(self, suite: Suite, model: LM, *, is_lost: Callable[[int], bool]) -> None:
        self._lm = LMOfTheBlock()
        self._executor = InProcessExecutor(lm=self._lm, model=suite.model)
        self._server = BlockServer(
            suite, self._executor, self._lm, provider=model, traffic=Traffic()
        )
        self._is_lost = is_lost
        self._claimed: set[str] = set()
        self.is_open = asyncio.Event()
        self.is_open.set()
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
        self._claimed.add(name)
        self.tasks += 1
        lost = self._is_lost(self.tasks)
        reply = (await self._server.run(Task.from_text(task, allowance))).to_text()
        return Reply(end=End.LOST, problem="killed").to_text() if lost else reply

    async def recall(self, name: str) -> Recalled:
        """As the real one; what was cancelled under way says nothing."""
        return Recalled(unclaimed=name not in self._claimed)

    def forget(self, name: str) -> None:
        """There is nothing to forget."""
