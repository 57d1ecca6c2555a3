"""Time as a value: what waits is given a clock, so that a test's clock may jump."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol


class Alarm(Protocol):
    """An action that is still to come."""

    def cancel(self) -> None:
        """Prevent the action."""


class Clock(Protocol):
    """Two counts of seconds, and two ways to wait."""

    def now(self) -> float:
        """Read a count that never goes back and is the same in all processes of a machine."""

    def date(self) -> float:
        """Read the seconds since 1970, as files keep them."""

    async def sleep(self, seconds: float) -> None:
        """Wait on the running loop."""

    def call_later(self, seconds: float, action: Callable[[], object]) -> Alarm:
        """Let the running loop call an action after some seconds."""


class SystemClock:
    """The machine's time."""

    def now(self) -> float:
        """As the protocol says."""
        return time.monotonic()

    def date(self) -> float:
        """As the protocol says."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """As the protocol says."""
        await asyncio.sleep(seconds)

    def call_later(self, seconds: float, action: Callable[[], object]) -> Alarm:
        """As the protocol says."""
        return asyncio.get_running_loop().call_later(seconds, action)


SYSTEM_CLOCK = SystemClock()
