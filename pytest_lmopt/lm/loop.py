"""One event loop for all LM calls of a process, on a thread of its own.

Sync pipelines wait for it from any thread, async ones from any loop; limits, clients and
in-flight requests thereby have one home, and a pipeline that blocks never stalls the calls of
others.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import socket
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from pytest_lmopt.errors import EventLoopError

T = TypeVar("T")

ENDING_SECONDS = 5.0

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_owner_pid: int | None = None


def submit(work: Coroutine[Any, Any, T]) -> Future[T]:
    """Schedule a coroutine on the LM loop; cancelling the future cancels it."""
    try:
        loop = _running_loop()
    except BaseException:
        work.close()
        raise
    return asyncio.run_coroutine_threadsafe(work, loop)


def open_loop() -> asyncio.AbstractEventLoop:
    """A new event loop; raises ``EventLoopError`` where none can be opened."""
    try:
        # what a loop needs and may not have: one that gets none half exists, and says so; and so
        # does half a pair
        socket.socket(getattr(socket, "AF_UNIX", socket.AF_INET)).close()
        for end in socket.socketpair():
            end.close()
        return asyncio.new_event_loop()
    except Exception as error:
        # not by the error: where warnings are errors, it is the warning that comes first
        blocked = socket.socket.__module__.partition(".")[0] == "pytest_socket"
        raise EventLoopError(error, blocked=blocked) from error


def _running_loop() -> asyncio.AbstractEventLoop:
    global _loop, _owner_pid
    with _lock:
        # a forked child inherits the variable but not the thread
        if _loop is None or _owner_pid != os.getpid():
            _loop, _owner_pid = open_loop(), os.getpid()
            thread = threading.Thread(target=_loop.run_forever, name="lmopt-lm", daemon=True)
            thread.start()
            atexit.register(_end, _loop, thread, _owner_pid)
        return _loop


def _end(loop: asyncio.AbstractEventLoop, thread: threading.Thread, owner_pid: int) -> None:
    """End the thread before the interpreter does.

    Frozen in the middle of an import it would hold that module's lock for ever, and litellm imports
    when its clients are collected: the process would hang.
    """
    if os.getpid() != owner_pid:
        return

    def stop() -> None:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.call_soon(loop.stop)

    loop.call_soon_threadsafe(stop)
    thread.join(ENDING_SECONDS)
