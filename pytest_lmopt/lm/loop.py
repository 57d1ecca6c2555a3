"""One event loop for all LM calls of a process, on a thread of its own.

Sync pipelines wait for it from any thread, async ones from any loop; limits, clients and
in-flight requests thereby have one home, and a pipeline that blocks never stalls the calls of
others.
"""

from __future__ import annotations

import asyncio
import atexit
import contextvars
import socket
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from pytest_lmopt.errors import EventLoopError
from pytest_lmopt.lm.processes import own_token
from pytest_lmopt.lm.quiet import QuietCoroutine

T = TypeVar("T")

ENDING_SECONDS = 5.0

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_owner: str | None = None


def submit(work: Coroutine[Any, Any, T]) -> Future[T]:
    """Schedule a coroutine on the LM loop; cancelling the future cancels it.

    Nothing but our own code and the client's runs there, so no warning ends it.
    """
    try:
        loop = _running_loop()
    except BaseException:
        work.close()
        raise
    return asyncio.run_coroutine_threadsafe(QuietCoroutine(work), loop)


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
    global _loop, _owner
    with _lock:
        # a forked child inherits the variable but not the thread
        if _loop is None or _owner != own_token():
            _loop, _owner = open_loop(), own_token()
            thread = threading.Thread(target=_loop.run_forever, name="lmopt-lm", daemon=True)
            contextvars.Context().run(thread.start)  # it serves all runs, so it belongs to none
            atexit.register(_end, _loop, thread, _owner)
        return _loop


def _end(loop: asyncio.AbstractEventLoop, thread: threading.Thread, owner: str) -> None:
    """End the thread before the interpreter does.

    Frozen in the middle of an import it would hold that module's lock for ever, and litellm imports
    when its clients are collected: the process would hang.
    """
    if own_token() != owner:
        return

    def stop() -> None:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.call_soon(loop.stop)

    loop.call_soon_threadsafe(stop)
    thread.join(ENDING_SECONDS)
