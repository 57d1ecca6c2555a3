"""One event loop for all LM calls of a process, on a thread of its own.

Sync pipelines wait for it from any thread, async ones from any loop; limits, clients and
in-flight requests thereby have one home, and a pipeline that blocks never stalls the calls of
others.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_owner_pid: int | None = None


def submit(work: Coroutine[Any, Any, T]) -> Future[T]:
    """Schedule a coroutine on the LM loop; cancelling the future cancels it."""
    return asyncio.run_coroutine_threadsafe(work, _running_loop())


def _running_loop() -> asyncio.AbstractEventLoop:
    global _loop, _owner_pid
    with _lock:
        # a forked child inherits the variable but not the thread
        if _loop is None or _owner_pid != os.getpid():
            _loop, _owner_pid = asyncio.new_event_loop(), os.getpid()
            threading.Thread(target=_loop.run_forever, name="lmopt-lm", daemon=True).start()
        return _loop
