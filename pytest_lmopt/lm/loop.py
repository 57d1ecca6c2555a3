"""Event loops for LM calls: the caller's own, and one of the process for callers without one.

Async pipelines' calls run as tasks on the loop that awaits them. Those of sync pipelines begin on
their own thread, which takes what is recorded. The LM loop, on another thread, does the rest.
"""

from __future__ import annotations

import asyncio
import atexit
import contextvars
import socket
import threading
import types
from collections.abc import Coroutine, Generator
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Generic, TypeVar

from pytest_lmopt.errors import EventLoopError
from pytest_lmopt.lm.processes import own_token
from pytest_lmopt.lm.quiet import QuietCoroutine
from pytest_lmopt.lm.seam import LM, Recalling
from pytest_lmopt.wire import Completion, Request

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


def begin(work: Coroutine[Any, Any, T]) -> Future[T]:
    """Take a coroutine's steps up to its hand-over on this thread, the others as ``submit``."""
    if is_on_loop():
        return submit(work)
    future: Future[T] = Future()
    try:
        contextvars.copy_context().run(QuietCoroutine(work).send, None)
    except StopIteration as end:
        future.set_result(end.value)
    except asyncio.CancelledError:
        future.cancel()  # its caller gets an Exception: pools' threads survive no other
    except BaseException as error:
        future.set_exception(error)
    else:
        return submit(work)
    return future


def is_on_loop() -> bool:
    """Decide whether an event loop runs on this thread."""
    return asyncio._get_running_loop() is not None


@types.coroutine
def _hand_over() -> Generator[None, None, None]:
    """Leave the steps that follow to the LM loop, within ``begin``."""
    yield


async def answer(lm: LM, request: Request) -> Completion:
    """Have a request answered on an event loop, or without one where the answer is recorded."""
    if not is_on_loop():
        recorded = lm.recorded(request) if isinstance(lm, Recalling) else None
        if recorded is not None:
            return recorded
        await _hand_over()
    return await lm.complete(request)


async def on_lm_loop(work: Coroutine[Any, Any, T]) -> T:
    """Do work on the LM loop, for clients that had better stay on one loop.

    Cancelling the caller cancels the work.
    """
    if asyncio.get_running_loop() is _loop:
        return await work
    return await asyncio.wrap_future(submit(work))


class Begun(Generic[T]):
    """Work of ours under way as ``task`` on the running loop, in a context of its own.

    Our own steps raise no warnings.
    """

    def __init__(self, work: Coroutine[Any, Any, T]) -> None:
        self.task: asyncio.Task[T] = asyncio.get_running_loop().create_task(QuietCoroutine(work))

    def cancel(self) -> None:
        """Cancel it, from whatever thread."""
        with suppress(RuntimeError):  # its loop is closed
            self.task.get_loop().call_soon_threadsafe(self.task.cancel)


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
