"""How many calls go to a provider at once: more while it answers, half when it says too many.

One gate per provider, shared by all suites of a process. All calls run on one event loop, so a
gate needs no lock. A call that waits at a gate has reserved nothing yet.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import suppress

from pytest_lmopt.errors import TransientError
from pytest_lmopt.lm.faults.retries import LONGEST_PAUSE_SECONDS, LONGEST_WAIT_SECONDS
from pytest_lmopt.lm.seam import LM, Completion, Request, is_local

CALLS_AT_ONCE = 16
FIRST_REST_SECONDS = 0.1


class Gate:
    """Lets up to ``limit`` calls through at once, in the order they came.

    ``limit`` starts at ``most``; a rate limit halves it, down to 1, once for all calls that were
    under way together; each answer raises it by a part, so that a round of answers adds 1. Where
    one at a time is still too much, the gate closes for a while, twice as long each time. It also
    closes for as long as the provider asks.
    """

    def __init__(self, most: int) -> None:
        self.limit = float(most)
        self._most = most
        self._under_way = 0
        self._cuts = 0
        self._rest = 0.0
        self.closed_until = 0.0
        self._waiting: deque[asyncio.Future[int]] = deque()
        self._opening: asyncio.TimerHandle | None = None

    async def enter(self) -> int:
        """Wait for a turn; returns how often the limit had been cut by then."""
        turn: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
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
        self._under_way -= 1
        self._admit()

    def answered(self) -> None:
        """A call went well."""
        self.limit = min(self._most, self.limit + 1.0 / self.limit)
        self._rest = 0.0

    def failed(self, error: TransientError, *, cuts: int) -> None:
        """A call that entered after ``cuts`` cuts failed."""
        pause = min(LONGEST_PAUSE_SECONDS, error.retry_after or 0.0)
        if error.rate_limited and cuts == self._cuts:
            if self.limit == 1.0:
                self._rest = min(LONGEST_WAIT_SECONDS, max(FIRST_REST_SECONDS, 2 * self._rest))
                pause = max(pause, self._rest)
            self.limit = max(1.0, self.limit / 2)
            self._cuts += 1
        self.closed_until = max(self.closed_until, time.monotonic() + pause)

    def _admit(self) -> None:
        closed = self.closed_until - time.monotonic()
        if closed > 0.0:
            if self._opening is None and self._waiting:
                loop = asyncio.get_running_loop()
                self._opening = loop.call_later(closed, self._open)
            return
        while self._waiting and self._under_way < int(self.limit):
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(self._cuts)
                self._under_way += 1

    def _open(self) -> None:
        self._opening = None
        self._admit()


class Gates:
    """The gates of a process: one for each provider and endpoint, each at most ``most`` wide."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._gates: dict[tuple[str, str], Gate] = {}

    def of(self, request: Request) -> Gate:
        """The gate a request goes through."""
        model = request.model
        provider = model if is_local(model) else model.partition("/")[0]
        endpoint = request.params.get("api_base") or request.params.get("base_url") or ""
        return self._gates.setdefault((provider, str(endpoint)), Gate(self._most))


class Gated:
    """Sends each call through its provider's gate."""

    def __init__(self, lm: LM, gates: Gates) -> None:
        self._lm = lm
        self._gates = gates

    async def complete(self, request: Request) -> Completion:
        """Answer in turn; errors pass unchanged."""
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
