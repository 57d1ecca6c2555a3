"""Whether a call may wait for others: not where it holds up the event loop that sends them.

A coroutine that calls a sync client blocks its loop. Calls that async clients make on that loop
can't end before it goes on, so it must not wait for their turns, reservations or answers.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

_patient: contextvars.ContextVar[bool] = contextvars.ContextVar("lmopt_patient", default=True)
_lock = threading.Lock()
_sending: Counter[int] = Counter()
"""Calls under way by the loop that sends them."""


def is_patient() -> bool:
    """Whether the call that this context belongs to may wait for other calls."""
    return _patient.get()


@contextmanager
def sending_on(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Count a call that ``loop`` sends."""
    with _lock:
        _sending[id(loop)] += 1
    try:
        yield
    finally:
        with _lock:
            _sending[id(loop)] -= 1
            if not _sending[id(loop)]:
                del _sending[id(loop)]


@contextmanager
def blocking() -> Iterator[None]:
    """Make a call that blocks this thread; it is impatient where the thread's loop sends others."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        yield
        return
    with _lock:
        held_up = id(loop) in _sending
    token = _patient.set(not held_up)
    try:
        yield
    finally:
        _patient.reset(token)
