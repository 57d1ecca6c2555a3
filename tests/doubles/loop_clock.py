"""The time of event loops, which a test puts forward: a time-out comes without a wait."""

from __future__ import annotations

import asyncio
import time
import weakref

import pytest


class LoopClock:
    """A clock of all event loops, ahead of the real time by what ``advance`` added (seconds)."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._ahead = 0.0
        self._loops: weakref.WeakSet[asyncio.BaseEventLoop] = weakref.WeakSet()

        def now(loop: asyncio.BaseEventLoop) -> float:
            self._loops.add(loop)
            return time.monotonic() + self._ahead

        monkeypatch.setattr(asyncio.BaseEventLoop, "time", now)

    def advance(self, seconds: float) -> None:
        """Put time forward, and have the loops that wait look at it again."""
        self._ahead += seconds
        for loop in tuple(self._loops):
            if not loop.is_closed():
                loop.call_soon_threadsafe(lambda: None)
