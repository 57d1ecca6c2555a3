"""Single flight: identical requests under way at once make one call, on whatever loops they wait.

The call runs on the loop of the caller that began it. A caller on another loop does not depend on
that loop: where it stands still or has ended, this caller makes the call itself.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from pytest_lmopt.errors import CallerLeftError
from pytest_lmopt.lm.tracing import may_land
from pytest_lmopt.lm.waiting import let_land, sending_on, stand_still
from pytest_lmopt.wire import Completion

Ask = Callable[[], Coroutine[Any, Any, Completion]]

LOOK_AGAIN_SECONDS = 0.5
"""How often a caller on another loop looks whether the call's loop still runs."""

_LEFT = "the event loop of the call under way has ended"


class Flight:
    """A call under way, and how many wait for it."""

    def __init__(self, ask: Ask) -> None:
        self.waiting = 0
        self.loop = asyncio.get_running_loop()
        self.work = self.loop.create_task(_counted(self.loop, ask))
        self.landed: Future[Completion] = Future()
        self.landed.set_running_or_notify_cancel()  # no waiter can cancel it

    def cancel(self) -> None:
        """Cancel the call, from whatever thread."""
        with suppress(RuntimeError):  # its loop is closed
            self.loop.call_soon_threadsafe(self.work.cancel)


class Flights:
    """The calls under way by key; safe to use from several threads and event loops."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a caller that is collected meanwhile leaves
        self._flights: dict[str, Flight] = {}

    def joined(self, key: str) -> Flight | None:
        """Wait for the call under way, if there is one: ``landing`` then has to follow."""
        if key not in self._flights:
            return None
        with self._lock:
            flight = self._flights.get(key)
            if flight is not None:
                flight.waiting += 1
            return flight

    def begun(self, key: str, ask: Ask, *, join: bool) -> tuple[Flight, bool]:
        """Begin a call, or ``join`` one that began meanwhile, and wait for it as after ``joined``.

        The second value says whether the call was begun.
        """
        with self._lock:
            flight = self._flights.get(key) if join else None
            begins = flight is None
            if flight is None:
                flight = self._flights[key] = Flight(ask)
            flight.waiting += 1
        if begins:
            flight.work.add_done_callback(lambda _: self._land(key, flight))
        return flight, begins

    async def landing(self, key: str, flight: Flight) -> Completion:
        """Wait for the answer; raises ``CallerLeftError`` where the call's loop has ended."""
        left = False
        try:
            if flight.loop is asyncio.get_running_loop():
                # shielded: the answer is paid for and may be shared, even if its caller has gone
                return await asyncio.shield(flight.work)
            return await self._from_elsewhere(key, flight)
        except asyncio.CancelledError:
            left = True
            raise
        finally:
            with self._lock:
                flight.waiting -= 1
                left = left and flight.waiting == 0
                lands = may_land()
                if left and not lands:
                    self._forget(key, flight)
            if left and not lands:
                flight.cancel()
            elif left and flight.loop is asyncio.get_running_loop():
                let_land(flight.work)

    async def _from_elsewhere(self, key: str, flight: Flight) -> Completion:
        landed = asyncio.wrap_future(flight.landed)
        try:
            while not (await asyncio.wait([landed], timeout=LOOK_AGAIN_SECONDS))[0]:
                if not flight.loop.is_running() or await stand_still([flight.loop]):
                    with self._lock:
                        self._forget(key, flight)
                    raise CallerLeftError(_LEFT)
            return landed.result()
        finally:
            landed.cancel()  # else its error would be reported as one never seen

    def _land(self, key: str, flight: Flight) -> None:
        with self._lock:
            self._forget(key, flight)
        work = flight.work
        if work.cancelled():
            flight.landed.set_exception(CallerLeftError(_LEFT))
        elif (error := work.exception()) is not None:
            flight.landed.set_exception(error)
        else:
            flight.landed.set_result(work.result())

    def _forget(self, key: str, flight: Flight) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]


async def _counted(loop: asyncio.AbstractEventLoop, ask: Ask) -> Completion:
    """Ask, as a call that ``loop`` sends: a call that blocks the loop must not wait for it."""
    with sending_on(loop):
        return await ask()
