"""A clock that stands still until somebody waits for it: nothing takes real time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from pytest_lmopt.plugin.session import clock_key


@dataclass(eq=False)
class _Alarm:
    due: float
    ring: Callable[[], object]
    loop: asyncio.AbstractEventLoop
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


class ManualClock:
    """A ``Clock`` that jumps over every sleep; ``waits`` are those asked for, in their order."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now
        self.waits: list[float] = []
        self._alarms: list[_Alarm] = []
        self._lock = threading.Lock()

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Be the clock of the inner run whose plugin this is."""
        config.stash[clock_key] = self

    def time(self) -> float:
        """The time it stands at."""
        return self.now

    def monotonic(self) -> float:
        """The same."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Jump."""
        self.waits.append(seconds)
        self.advance(seconds)
        await asyncio.sleep(0)

    def call_later(self, seconds: float, ring: Callable[[], object]) -> _Alarm:
        """Note what is to be called once the time has come."""
        alarm = _Alarm(self.now + seconds, ring, asyncio.get_running_loop())
        with self._lock:
            self._alarms.append(alarm)
        return alarm

    def advance(self, seconds: float) -> None:
        """Move on, and call what is due, each on its own loop."""
        with self._lock:
            self.now += seconds
            due = [alarm for alarm in self._alarms if alarm.due <= self.now]
            self._alarms = [alarm for alarm in self._alarms if alarm.due > self.now]
        for alarm in due:
            if not alarm.cancelled:
                alarm.loop.call_soon_threadsafe(alarm.ring)
