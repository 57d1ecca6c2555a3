"""The leader's way to a Dask cluster.

Dask's client lives on a loop of its own, on a thread of its own; what is asked of it there is
awaited on the leader's.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import logging
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_lmopt.blocks.dask.lane import end_lanes, run_block, start_lane, stop_block
from pytest_lmopt.blocks.dask.messages import DISTRIBUTION, End, Reply, our_version
from pytest_lmopt.errors import ClusterError

if TYPE_CHECKING:
    from distributed import Future, Queue

T = TypeVar("T")

CONNECT_SECONDS = 5.0
RECALL_SECONDS = 10.0
"""How long a task that is to stop may take to say what it has spent."""


@dataclass(frozen=True, kw_only=True)
class Recalled:
    """A task that was ended: its allowance was not yet claimed, or else its reply, if any."""

    unclaimed: bool
    reply: str | None = None


class Cluster:
    """A scheduler and its workers; raises ``ClusterError`` if there is none that can be used."""

    def __init__(self, address: str, *, session: str) -> None:
        try:
            from distributed import Client
        except ImportError:
            raise ClusterError(
                "Dask is not installed: pip install 'pytest-lmopt[dask]'", address=address
            ) from None
        self._address = address
        self._session = session
        # it says at length, and with tracebacks, what we say ourselves
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        try:
            self._client = Client(
                address, timeout=CONNECT_SECONDS, set_as_default=False, name="pytest-lmopt"
            )
        except (OSError, ValueError) as error:
            raise ClusterError(
                f"no scheduler answers there ({type(error).__name__}: {error}); start one with "
                "'dask scheduler', or correct the address",
                address=address,
            ) from None
        self._loop: asyncio.AbstractEventLoop = self._client.loop.asyncio_loop
        self._futures: dict[str, Future] = {}
        self._leases: dict[str, Queue] = {}
        try:
            self._check_workers()
        except BaseException:
            self._client.close()
            raise

    def _check_workers(self) -> None:
        try:
            self._client.wait_for_workers(1, timeout=CONNECT_SECONDS)
        except TimeoutError:
            raise ClusterError(
                "it has no workers; start some with 'dask worker'", address=self._address
            ) from None
        # a function of the standard library: ours could not even be named to a worker without it
        found = self._client.run(importlib.metadata.version, DISTRIBUTION, on_error="return")
        for worker, version in found.items():
            if version != our_version():
                there = f"is {version} on" if isinstance(version, str) else "is not installed on"
                raise ClusterError(
                    f"pytest-lmopt {there} worker {worker}, and {our_version()} here; install the "
                    "same on both",
                    address=self._address,
                )
        threads = self._client.nthreads()
        self.hands, self.threads = len(threads), sum(threads.values())

    def start(self, spec: str) -> None:
        """Have all workers start their lanes of a suite; tasks will tell what keeps one from it."""
        asyncio.run_coroutine_threadsafe(self._start(spec), self._loop)

    async def ask(self, spec: str, name: str, task: str, allowance: str | None) -> str:
        """Have a task done; the reply as text. Cancelled, it may still be under way.

        Raises whatever Dask raises where it can't be done.
        """
        return await self._there(self._ask(spec, name, task, allowance))

    async def recall(self, name: str) -> Recalled:
        """End a task that was asked for."""
        return await self._there(self._recall(name))

    def forget(self, name: str) -> None:
        """Let go of a task that is settled."""
        self._loop.call_soon_threadsafe(self._forget, name)

    def close(self) -> None:
        """End what runs for this session on the workers, and leave."""
        with suppress(Exception):  # without a scheduler, lanes end by themselves
            asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(CONNECT_SECONDS)
        self._client.close(timeout=CONNECT_SECONDS)

    async def _start(self, spec: str) -> None:
        await self._client.run(start_lane, spec, on_error="ignore")

    async def _end(self) -> None:
        await self._client.run(end_lanes, self._session, on_error="ignore")

    async def _ask(self, spec: str, name: str, task: str, allowance: str | None) -> str:
        from distributed import KilledWorker, Queue

        if allowance is not None:
            lease = self._leases[name] = await Queue(name, client=self._client)
            await lease.put(allowance)
        future = self._futures[name] = self._client.submit(
            run_block, spec, name, task, allowance is not None, key=name, pure=False
        )
        try:
            return str(await future)
        except KilledWorker:
            return Reply(end=End.LOST, problem="Dask gave it up").to_text()
        except Exception as error:
            if future.status in ("cancelled", "lost"):
                raise ClusterError("the scheduler was lost", address=self._address) from None
            problem = f"{type(error).__name__}: {error}"
            return Reply(end=End.REFUSED, worker="(unknown)", problem=problem).to_text()

    async def _recall(self, name: str) -> Recalled:
        lease, future = self._leases.get(name), self._futures.get(name)
        # whatever keeps a worker or the scheduler from answering, what was granted may be spent
        with suppress(Exception):
            async with asyncio.timeout(RECALL_SECONDS):
                if future is None:
                    return Recalled(unclaimed=True)
                if lease is None or await lease.get(batch=True):
                    await future.cancel()
                    return Recalled(unclaimed=True)
                await self._client.run(stop_block, name, on_error="ignore")
                return Recalled(unclaimed=False, reply=str(await future))
        return Recalled(unclaimed=False)

    def _forget(self, name: str) -> None:
        future, lease = self._futures.pop(name, None), self._leases.pop(name, None)
        if future is not None:
            future.release()
        if lease is not None:
            lease.close()

    async def _there(self, work: Coroutine[Any, Any, T]) -> T:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))
