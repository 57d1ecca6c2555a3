"""Who waits for whom: calls by the event loop that sends them, and answers that may still land.

A coroutine that calls a sync client blocks its loop. Calls that async clients make on that loop
can't end before it goes on, so it must not wait for their turns, reservations or answers.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import Any

LOOK_AGAIN_SECONDS = 5.0
"""How often a call that waits looks whether other loops stand still."""
STANDSTILL_SECONDS = 5.0
"""How long a loop that stands still takes no step."""

_patient: contextvars.ContextVar[bool] = contextvars.ContextVar("lmopt_patient", default=True)
_lock = threading.RLock()  # a caller that is collected meanwhile leaves
_sending: Counter[asyncio.AbstractEventLoop] = Counter()
"""Calls under way by the loop that sends them."""
_landing: set[asyncio.Task[Any]] = set()
"""Calls under way whose callers have left."""


def is_patient() -> bool:
    """Whether the call that this context belongs to may wait for other calls."""
    return _patient.get()


@contextmanager
def sending_on(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Count a call that ``loop`` sends."""
    with _lock:
        _sending[loop] += 1
    try:
        yield
    finally:
        with _lock:
            _sending[loop] -= 1
            if not _sending[loop]:
                del _sending[loop]


@contextmanager
def blocking() -> Iterator[None]:
    """Make a call that blocks this thread; it is impatient where the thread's loop sends others."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        yield
        return
    token = _patient.set(loop not in _sending)
    try:
        yield
    finally:
        _patient.reset(token)


def others() -> list[asyncio.AbstractEventLoop]:
    """The other loops that send calls."""
    own = asyncio.get_running_loop()
    with _lock:
        return [loop for loop in _sending if loop is not own]


async def stand_still(loops: Sequence[asyncio.AbstractEventLoop]) -> bool:
    """Whether any of these other loops takes no step: a pipeline blocks it.

    A thread that the pipeline waits for may be the one whose call waits here.
    """
    steps = [Future[None]() for _ in loops]
    for loop, step in zip(loops, steps, strict=True):
        with suppress(RuntimeError):  # it is closed
            loop.call_soon_threadsafe(step.set_result, None)
    if steps:
        await asyncio.wait(map(asyncio.wrap_future, steps), timeout=STANDSTILL_SECONDS)
    return not all(step.done() for step in steps)


def let_land(work: asyncio.Task[Any]) -> None:
    """Note a call under way whose callers have left."""
    _landing.add(work)
    work.add_done_callback(_landing.discard)


async def landed(*, seconds: float) -> None:
    """Wait for the answers that may still arrive on this loop, up to so many seconds."""
    loop = asyncio.get_running_loop()
    tasks = [task for task in tuple(_landing) if task.get_loop() is loop]
    if tasks:
        await asyncio.wait(tasks, timeout=seconds)
