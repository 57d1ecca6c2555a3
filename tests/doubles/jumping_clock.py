"""A clock that stands still until a test moves it, or something waits for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable


class JumpingAlarm:
    """An action that the clock calls on the loop that asked for it."""

    def __init__(self, due: float, action: Callable[[], object]) -> None:
        self.due = due
        self._action: Callable[[], object] | None = action
        self._loop = asyncio.get_running_loop()

    def cancel(self) -> None:
        """Prevent the action."""
        self._action = None

    def ring(self) -> None:
        """Have the action called, from whatever thread."""
        self._loop.call_soon_threadsafe(self._act)

    def _act(self) -> None:
        if self._action is not None:
            self._action()


class JumpingClock:
    """A clock whose sleepers wake at once, that much later.

    ``waits`` are the seconds that were slept. Alarms ring when ``advance`` passes them.
    """

    def __init__(self) -> None:
        self.waits: list[float] = []
        self._seconds = 100.0
        self._alarms: list[JumpingAlarm] = []
        self._lock = threading.Lock()

    def now(self) -> float:
        """Read the steady count."""
        return self._seconds

    def date(self) -> float:
        """Read the seconds since 1970."""
        return 1_800_000_000.0 + self._seconds

    async def sleep(self, seconds: float) -> None:
        """Note the wait and let it be over."""
        self.waits.append(seconds)
        self.advance(seconds)
        await asyncio.sleep(0)

    def call_later(self, seconds: float, action: Callable[[], object]) -> JumpingAlarm:
        """Set an alarm for the running loop."""
        with self._lock:
            alarm = JumpingAlarm(self._seconds + seconds, action)
            self._alarms.append(alarm)
        return alarm

    def advance(self, seconds: float) -> None:
        """Let time pass, and ring what falls due."""
        with self._lock:
            self._seconds += seconds
            due = [alarm for alarm in self._alarms if alarm.due <= self._seconds]
            self._alarms = [alarm for alarm in self._alarms if alarm.due > self._seconds]
        for alarm in sorted(due, key=lambda alarm: alarm.due):
            alarm.ring()
