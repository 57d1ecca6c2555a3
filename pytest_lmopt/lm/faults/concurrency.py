"""How many calls go to a provider at once: as its pace allows, in the order they came.

One gate per provider, shared by all suites of a process, from whatever thread or event loop they
call. A call that waits at a gate has reserved nothing yet.
"""

from __future__ import annotations

import asyncio
import contextvars
import math
import threading
from collections import deque
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from functools import partial
from typing import Any

from pytest_lmopt.canonical import digest
from pytest_lmopt.clock import SYSTEM, Clock
from pytest_lmopt.errors import SessionFileError, TransientError
from pytest_lmopt.lm import waiting
from pytest_lmopt.lm.faults.pace import Pace
from pytest_lmopt.lm.seam import LM
from pytest_lmopt.lm.shared import Shared, Turns
from pytest_lmopt.lm.waiting import is_patient, sending_on
from pytest_lmopt.wire import Completion, Request, is_local

CALLS_AT_ONCE = 16


class OwnTurns:
    """Turns of this process alone, up to ``most`` at once."""

    def __init__(self, most: int) -> None:
        self.pace = Pace(most=most, limit=most)
        self._out = 0

    def take(self, *, now: float, more: bool) -> float:  # noqa: ARG002 - as the protocol says
        """As the protocol says."""
        closed = self.pace.closed_until - now
        if closed > 0.0:
            return closed
        if self._out >= int(self.pace.limit):
            return math.inf
        self._out += 1
        return 0.0

    def give_back(self) -> None:
        """As the protocol says."""
        self._out -= 1

    def change_pace(self, change: Callable[[Pace], Pace]) -> None:
        """As the protocol says."""
        self.pace = change(self.pace)


class _Waiter:
    """A caller that waits on its event loop; the gate's lock guards ``entered``."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.entered = False
        self._turn: asyncio.Future[int] = self.loop.create_future()

    async def turn(self) -> int | None:
        """Wait; returns how often the limit had been cut by then, None after some seconds."""
        await asyncio.wait([self._turn], timeout=waiting.LOOK_AGAIN_SECONDS)
        return self._turn.result() if self._turn.done() else None

    def leave(self) -> None:
        """Wait no longer."""
        self._turn.cancel()

    def wake(self, cuts: int, error: Exception | None = None) -> bool:
        """End the waiting, from whatever thread; False where the loop is closed."""

        def end() -> None:
            if self._turn.done():  # cancelled meanwhile
                return
            if error is None:
                self._turn.set_result(cuts)
            else:
                self._turn.set_exception(error)

        return _called(self.loop, end)


class Gate:
    """Lets callers through as turns are free, in the order they came.

    Safe to use from several threads and event loops.
    """

    def __init__(self, turns: Turns, clock: Clock = SYSTEM) -> None:
        self._turns = turns
        self._clock = clock
        self._lock = threading.RLock()  # a caller that is collected meanwhile leaves
        self._waiting: deque[_Waiter] = deque()
        self._opening: dict[asyncio.AbstractEventLoop, asyncio.Task[None] | None] = {}
        self._without = 0
        """Callers that are in without a turn."""

    @property
    def pace(self) -> Pace:
        """How fast callers are let through, as last seen."""
        return self._turns.pace

    async def enter(self) -> int:
        """Wait for a turn; returns how often the limit had been cut by then."""
        with self._lock:
            if not self._waiting:
                wait = self._turns.take(now=self._clock.monotonic(), more=False)
                if not wait:
                    return self._turns.pace.cuts
            waiter = _Waiter()
            self._waiting.append(waiter)
            if len(self._waiting) == 1:
                self._open_after(wait)
            elif self._opening and waiter.loop not in self._opening:
                self._open_after(0.0)
        try:
            while (cuts := await waiter.turn()) is None:
                if await waiting.stand_still(waiting.others()) and self._enters_without(waiter):
                    return self._turns.pace.cuts
            return cuts
        except BaseException:
            waiter.leave()
            with self._lock, suppress(ValueError):
                self._waiting.remove(waiter)
            if waiter.entered:
                self.leave()
            raise

    def leave(self) -> None:
        """Free a turn."""
        with self._lock:
            if self._without:
                self._without -= 1
                return
            self._turns.give_back()
            self._admit()

    def _enters_without(self, waiter: _Waiter) -> bool:
        """Let a caller in without a turn, if it still waits: those out may wait for it."""
        with self._lock:
            if waiter.entered or waiter not in self._waiting:
                return False
            self._waiting.remove(waiter)
            waiter.leave()
            self._without += 1
            return True

    def answered(self) -> None:
        """A call went well."""
        with self._lock:
            self._turns.change_pace(Pace.answered)

    def failed(self, error: TransientError, *, cuts: int) -> None:
        """A call that entered after ``cuts`` cuts failed."""
        with self._lock:
            self._turns.change_pace(
                lambda pace: pace.failed(error, cuts=cuts, now=self._clock.monotonic())
            )

    async def __aenter__(self) -> None:
        await self.enter()

    async def __aexit__(self, *_: object) -> None:
        self.leave()

    def _admit(self) -> None:
        while self._waiting:
            try:
                wait = self._turns.take(now=self._clock.monotonic(), more=len(self._waiting) > 1)
            except SessionFileError as error:
                # raised in all that wait: the caller may be the task that opens the gate
                for waiter in self._waiting:
                    waiter.wake(0, error)
                self._waiting.clear()
                return
            if wait:
                self._open_after(wait)
                return
            waiter = self._waiting.popleft()
            waiter.entered = waiter.wake(self._turns.pace.cuts)
            if not waiter.entered:
                self._turns.give_back()

    def _open_after(self, wait: float) -> None:
        """Look again later, on each loop that has callers waiting: any of them may stand still."""
        if wait == math.inf:
            return
        for loop in {waiter.loop for waiter in self._waiting} - self._opening.keys():
            self._opening[loop] = None
            if not _called(loop, partial(self._begin_opening, loop, wait)):
                del self._opening[loop]

    def _begin_opening(self, loop: asyncio.AbstractEventLoop, wait: float) -> None:
        work = self._opened_after(loop, wait)
        task = loop.create_task(work, context=contextvars.Context())
        with self._lock:
            self._opening[loop] = task

    async def _opened_after(self, loop: asyncio.AbstractEventLoop, wait: float) -> None:
        try:
            await self._clock.sleep(wait)
        finally:
            with self._lock:
                self._opening.pop(loop, None)
        with self._lock:
            self._admit()


def _called(loop: asyncio.AbstractEventLoop, function: Callable[[], object]) -> bool:
    """Call on a loop: at once on the running one, else soon; False where it is closed."""
    try:
        if asyncio.get_running_loop() is loop:
            function()
            return True
    except RuntimeError:  # no loop runs on this thread
        pass
    try:
        loop.call_soon_threadsafe(function)
    except RuntimeError:
        return False
    return True


class Ways:
    """Several ways in, one behind the other: a caller is in once all have let it through."""

    def __init__(self, *ways: AbstractAsyncContextManager[object]) -> None:
        self._ways = ways

    async def __aenter__(self) -> None:
        async with AsyncExitStack() as entered:
            for way in self._ways:
                await entered.enter_async_context(way)
            entered.pop_all()  # __aexit__ leaves them

    async def __aexit__(self, *problem: Any) -> None:
        for way in reversed(self._ways):
            await way.__aexit__(*problem)


class Gates:
    """The gates of a process: one for each provider and endpoint, each at most ``most`` wide.

    With ``shared`` they are those of the session.
    """

    def __init__(self, most: int, shared: Shared | None = None, clock: Clock = SYSTEM) -> None:
        self._most = most
        self._clock = clock
        self._shared = shared
        self._lock = threading.Lock()
        self._gates: dict[tuple[str, str], Gate] = {}

    def of(self, request: Request) -> Gate:
        """The gate a request goes through."""
        model = request.model
        provider = model if is_local(model) else model.partition("/")[0]
        # a client's call names the digest of its address
        given = (request.params.get(name) for name in ("api_base", "base_url", "endpoint"))
        name = provider, str(next(filter(None, given), ""))
        gate = self._gates.get(name)
        if gate is None:
            with self._lock:
                gate = self._gates.get(name) or Gate(self._turns(name), self._clock)
                self._gates[name] = gate
        return gate

    def _turns(self, name: tuple[str, str]) -> Turns:
        if self._shared is None:
            return OwnTurns(self._most)
        # not by its name: an endpoint may hold a password
        return self._shared.turns(digest(name), most=self._most)


class Gated:
    """Sends each call through its provider's gate."""

    def __init__(self, lm: LM, gates: Gates) -> None:
        self._lm = lm
        self._gates = gates

    async def complete(self, request: Request) -> Completion:
        """Answer in turn; errors pass unchanged. A call that may not wait needs no turn."""
        if not is_patient():
            return await self._lm.complete(request)
        gate = self._gates.of(request)
        with sending_on(asyncio.get_running_loop()):
            cuts = await gate.enter()
            try:
                completion = await self._lm.complete(request)
                gate.answered()
            except TransientError as error:
                gate.failed(error, cuts=cuts)
                raise
            finally:
                gate.leave()
        return completion
