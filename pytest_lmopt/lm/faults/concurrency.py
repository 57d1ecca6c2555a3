"""How many calls go to a provider at once: as its pace allows, in the order they came.

One gate per provider, shared by all suites of a process. All calls run on one event loop, so a
gate needs no lock. A call that waits at a gate has reserved nothing yet.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from typing import Any

from pytest_lmopt.canonical import digest
from pytest_lmopt.clock import SYSTEM, Clock
from pytest_lmopt.errors import SessionFileError, TransientError
from pytest_lmopt.lm.faults.pace import Pace
from pytest_lmopt.lm.seam import LM
from pytest_lmopt.lm.shared import Shared, Turns
from pytest_lmopt.lm.waiting import is_patient
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


class Gate:
    """Lets callers through as turns are free, in the order they came. Belongs to one event loop."""

    def __init__(self, turns: Turns, clock: Clock = SYSTEM) -> None:
        self._turns = turns
        self._clock = clock
        self._waiting: deque[asyncio.Future[int]] = deque()
        self._opening: asyncio.Task[None] | None = None

    @property
    def pace(self) -> Pace:
        """How fast callers are let through, as last seen."""
        return self._turns.pace

    async def enter(self) -> int:
        """Wait for a turn; returns how often the limit had been cut by then."""
        turn: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        if len(self._waiting) == 1:
            self._admit()
        try:
            return await turn
        except asyncio.CancelledError:
            with suppress(ValueError):
                self._waiting.remove(turn)
            if not turn.cancelled():  # it had been let through
                self.leave()
            raise

    def leave(self) -> None:
        """Free a turn."""
        self._turns.give_back()
        self._admit()

    def answered(self) -> None:
        """A call went well."""
        self._turns.change_pace(Pace.answered)

    def failed(self, error: TransientError, *, cuts: int) -> None:
        """A call that entered after ``cuts`` cuts failed."""
        self._turns.change_pace(
            lambda pace: pace.failed(error, cuts=cuts, now=self._clock.monotonic())
        )

    async def __aenter__(self) -> None:
        await self.enter()

    async def __aexit__(self, *_: object) -> None:
        self.leave()

    def _admit(self) -> None:
        while self._waiting:
            if self._waiting[0].done():
                self._waiting.popleft()
                continue
            try:
                wait = self._turns.take(now=self._clock.monotonic(), more=len(self._waiting) > 1)
            except SessionFileError as error:
                # raised in all that wait: the caller may be the task that opens the gate
                for turn in self._waiting:
                    if not turn.done():
                        turn.set_exception(error)
                self._waiting.clear()
                return
            if wait:
                if self._opening is None and wait < math.inf:
                    self._opening = asyncio.ensure_future(self._open_after(wait))
                return
            self._waiting.popleft().set_result(self._turns.pace.cuts)

    async def _open_after(self, wait: float) -> None:
        await self._clock.sleep(wait)
        self._opening = None
        self._admit()


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
        self._gates: dict[tuple[str, str], Gate] = {}

    def of(self, request: Request) -> Gate:
        """The gate a request goes through."""
        model = request.model
        provider = model if is_local(model) else model.partition("/")[0]
        # a client's call names the digest of its address
        given = (request.params.get(name) for name in ("api_base", "base_url", "endpoint"))
        name = provider, str(next(filter(None, given), ""))
        if name not in self._gates:
            self._gates[name] = Gate(self._turns(name), self._clock)
        return self._gates[name]

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
