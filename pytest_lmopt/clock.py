"""The clock by which waits, time-outs, limits and progress are measured; tests inject another."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol


class Alarm(Protocol):
    """A call that is still to come."""

    def cancel(self) -> None:
        """Let it not come."""


class Clock(Protocol):
    """The time in seconds, and waiting for it; safe to read from any thread."""

    def time(self) -> float:
        """Return the Unix time: processes compare it."""

    def monotonic(self) -> float:
        """Return a time that never goes back: all processes of a machine share it."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""

    def call_later(self, seconds: float, ring: Callable[[], object]) -> Alarm:
        """Have the running loop call ``ring`` after so many seconds."""


class SystemClock:
    """The machine's own clock."""

    def time(self) -> float:
        """As the protocol says."""
        return time.time()

    def monotonic(self) -> float:
        """As the protocol says."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """As the protocol says."""
        import asyncio

        await asyncio.sleep(seconds)

    def call_later(self, seconds: float, ring: Callable[[], object]) -> Alarm:
        """As the protocol says."""
        import asyncio

        return asyncio.get_running_loop().call_later(seconds, ring)


SYSTEM: Clock = SystemClock()
