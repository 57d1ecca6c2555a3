"""Threads that can be left behind: a pipeline that hangs must hold up neither others nor the end.

The standard pool would lose a worker to each, and wait for it when the interpreter ends.
"""

from __future__ import annotations

import atexit
import builtins
import contextvars
import sys
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from queue import SimpleQueue
from types import CodeType
from typing import Any
from weakref import WeakSet

_LOOPS = ("run_until_complete", "run_forever")

IMPORTING_SECONDS = 5.0
"""Time for threads that are left behind to end an import, when the interpreter ends."""
POLL_SECONDS = 0.01

_Work = tuple["Future[Any]", Callable[[], Any]]


def waits_in_loop(thread: int) -> bool:
    """Decide whether a thread, by its identifier, is inside an event loop that it runs."""
    return _is_within(thread, lambda code: code.co_name in _LOOPS)


def _imports(thread: int | None) -> bool:
    return _is_within(thread, lambda code: code.co_filename == "<frozen importlib._bootstrap>")


def _is_within(thread: int | None, wanted: Callable[[CodeType], bool]) -> bool:
    frame = sys._current_frames().get(thread or 0)
    while frame is not None:
        if wanted(frame.f_code):
            return True
        frame = frame.f_back
    return False


_started: WeakSet[threading.Thread] = WeakSet()


def await_imports(
    threads: Iterable[threading.Thread] = _started, *, wait: float = IMPORTING_SECONDS
) -> None:
    """Hold up each thread that would import, and wait up to ``wait`` seconds for those that do.

    The interpreter freezes a thread when it ends. A thread in the middle of an import then keeps
    the import lock for ever, and a destructor that imports hangs the process.
    """
    left = {thread.ident for thread in tuple(threads) if thread.is_alive()}
    if not left:
        return
    deadline = time.monotonic() + wait
    import_, this_thread = builtins.__import__, threading.get_ident  # modules end before it does

    def import_or_wait(*args: Any, **given: Any) -> Any:
        me = this_thread()
        if me in left and not _imports(me):
            threading.Event().wait()
        return import_(*args, **given)

    builtins.__import__ = import_or_wait
    while any(map(_imports, left)) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)


atexit.register(await_imports)


class Threads:
    """Starts a thread where none is idle, as pipelines may keep things by thread.

    How many work at once is the caller's to bound.
    """

    def __init__(self, *, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._idle: list[SimpleQueue[_Work | None]] = []
        self._closed = False
        self._all: WeakSet[threading.Thread] = WeakSet()

    def run(self, work: Callable[[], Any]) -> Future[Any]:
        """Do ``work`` on a thread; the future holds what it returns or raises."""
        with self._lock:
            inbox = self._idle.pop() if self._idle else self._start()
        future: Future[Any] = Future()
        inbox.put((future, work))
        return future

    def close(self, *, wait: float = 0.0) -> None:
        """End the threads; busy ones that are not done in ``wait`` seconds are left behind."""
        deadline = time.monotonic() + wait
        with self._lock:
            self._closed = True
            while self._idle:
                self._idle.pop().put(None)
        for thread in tuple(self._all):
            if thread.is_alive():  # Ctrl-C may come before one has started
                thread.join(max(0.0, deadline - time.monotonic()))

    def _start(self) -> SimpleQueue[_Work | None]:
        inbox: SimpleQueue[_Work | None] = SimpleQueue()
        thread = threading.Thread(target=self._serve, args=(inbox,), name=self._name, daemon=True)
        self._all.add(thread)
        _started.add(thread)
        contextvars.Context().run(thread.start)  # it serves many runs, so it belongs to none
        return inbox

    def _serve(self, inbox: SimpleQueue[_Work | None]) -> None:
        while (given := inbox.get()) is not None:
            future, work = given
            wanted = future.set_running_or_notify_cancel()
            returned, raised = None, None
            try:
                returned = work() if wanted else None
            except BaseException as error:  # whatever it is belongs to whoever waits
                raised = error
            # idle before the answer is known, or the next work would start another thread
            with self._lock:
                closed = self._closed
                if not closed:
                    self._idle.append(inbox)
            if raised is not None:
                future.set_exception(raised)
            elif wanted:
                future.set_result(returned)
            del given, future, work, returned, raised  # what an idle thread holds on to, leaks
            if closed:
                return
