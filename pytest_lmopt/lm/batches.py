"""Work of many callers on one SQLite file, committed together.

A caller on a thread commits all that waits, as soon as no other does. A coroutine leaves that to
its event loop's next round, so that all that this round brings is committed at once. A commit does
not wait for the disk: a thread does that afterwards for all of its callers, while the loops go on.
Each loop and each thread commits by itself what it waits for, so none waits for another loop.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

T = TypeVar("T")
W = TypeVar("W", bound="Work[Any]")

IDLE_SECONDS = 1.0
"""How long the thread that waits for the disk stays without work."""


class Work(Generic[T]):
    """A piece of work; its commit gives it a ``result`` or, refused by itself, an ``error``.

    ``durable`` work has survived a crash of the machine when its caller goes on; other work has
    survived that of the process. ``kept`` work has no caller that waits: where a commit fails, it
    waits for the next.
    """

    durable = True
    kept = False

    def __init__(self) -> None:
        self.result: T
        self.error: BaseException | None = None
        self.committed = False
        self.waiter: asyncio.Future[None] | None = None

    def outcome(self) -> T:
        """Return the result, or raise the error."""
        if self.error is not None:
            # one error may be raised in many tasks, which would pile up their tracebacks
            raise self.error.with_traceback(None)
        return self.result


class Batches(Generic[W]):
    """Commits work in batches, with ``commit``, and makes it durable with ``sync``.

    ``commit`` is all or nothing, and is called under ``lock``. Where it or ``sync`` raises, each
    caller of the batch gets the error.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[W]], None],
        *,
        sync: Callable[[], None],
        lock: threading.Lock,
    ) -> None:
        self._commit = commit
        self._sync = sync
        self._committing = lock
        self._lock = threading.RLock()  # a coroutine that is collected may hand in work
        self._waiting: list[W] = []
        self._scheduled: set[asyncio.AbstractEventLoop] = set()
        self._unsynced: SimpleQueue[W | None] = SimpleQueue()
        """Committed work that waits for the disk; None where there is work to commit."""
        self._thread: threading.Thread | None = None

    def do(self, work: W) -> None:
        """Commit on this thread, with all that waits; ``work`` has its outcome then."""
        with self._lock:
            self._waiting.append(work)
        try:
            with self._committing:
                if not work.committed and work.error is None:
                    self._deliver(self.commit_waiting())
        except BaseException:
            self._withdraw(work)
            raise
        if work.durable and work.error is None:
            self._sync()

    async def soon(self, work: W) -> None:
        """Commit with all that this round of the loop brings; ``work`` has its outcome then.

        Where the caller is cancelled, ``work`` is not committed, or ``work.committed`` says that it
        was.
        """
        loop = asyncio.get_running_loop()
        work.waiter = loop.create_future()
        self._hand_in(work, loop)
        try:
            await work.waiter
        except BaseException:
            self._withdraw(work)
            with self._committing:  # it may be in a commit on another thread
                pass
            raise

    def later(self, work: W) -> None:
        """Commit without a caller that waits: with the loop's next round, else on our thread.

        Takes no lock that a commit holds: a coroutine may be collected during one.
        """
        loop = _running_loop()
        if loop is not None:
            self._hand_in(work, loop)
            return
        with self._lock:
            self._waiting.append(work)
        self._unsynced.put(None)
        self._have_thread()

    def flush(self) -> None:
        """Commit what waits; raises where kept work still can't be committed."""
        if self._waiting:
            self._commit_all()
            for work in tuple(self._waiting):
                if work.error is not None:
                    work.outcome()

    def commit_waiting(self) -> Sequence[W]:
        """Commit what waits, under the lock; return the work that has its outcome."""
        with self._lock:
            works, self._waiting = self._waiting, []
        works = [work for work in works if work.waiter is None or not work.waiter.cancelled()]
        try:
            if works:
                for work in works:
                    work.error = None
                self._commit(works)
        except Exception as error:
            for work in works:
                work.error = error
            kept = [work for work in works if work.kept]
            with self._lock:
                self._waiting[:0] = kept
            return [work for work in works if not work.kept]
        except BaseException:
            with self._lock:
                self._waiting[:0] = works
            raise
        for work in works:
            work.committed = work.error is None
        return works

    def _withdraw(self, work: W) -> None:
        with self._lock, suppress(ValueError):
            self._waiting.remove(work)

    def _hand_in(self, work: W, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            self._waiting.append(work)
            if loop in self._scheduled:
                return
            self._scheduled.add(loop)
        loop.call_soon(self._round, loop)

    def _round(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            self._scheduled.discard(loop)
        self._commit_all()

    def _commit_all(self) -> None:
        with self._committing:
            self._deliver(self.commit_waiting())

    def _deliver(self, works: Iterable[W]) -> None:
        """Let those go on that need not wait for the disk."""
        ready = []
        for work in works:
            if work.waiter is None:
                continue
            if work.durable and work.error is None:
                self._unsynced.put(work)
            else:
                ready.append(work)
        _wake(ready)
        if not self._unsynced.empty():
            self._have_thread()

    def _have_thread(self) -> None:
        with self._lock:
            if self._thread is None or not self._thread.is_alive():  # as after a fork
                self._thread = threading.Thread(target=self._serve, name="lmopt-disk", daemon=True)
                # it serves all runs, so it belongs to none
                contextvars.Context().run(self._thread.start)

    def _serve(self) -> None:
        """Wait for the disk, and commit what no caller waits for, while there is any."""
        while True:
            try:
                taken = [self._unsynced.get(timeout=IDLE_SECONDS)]
            except Empty:
                with self._lock:
                    if self._unsynced.empty():
                        self._thread = None
                        return
                continue
            with suppress(Empty):
                while True:
                    taken.append(self._unsynced.get_nowait())
            if None in taken:
                self._commit_all()
            works = [work for work in taken if work is not None]
            if not works:
                continue
            try:
                self._sync()
            except Exception as error:
                for work in works:
                    work.error = error
            _wake(works)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _wake(works: Iterable[Work[Any]]) -> None:
    """Wake the coroutines that wait, those of each loop at once."""
    by_loop: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
    for work in works:
        if work.waiter is not None:
            by_loop.setdefault(work.waiter.get_loop(), []).append(work.waiter)
    here = _running_loop()
    for loop, waiters in by_loop.items():
        if loop is here:
            _end_wait(waiters)
            continue
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(_end_wait, waiters)


def _end_wait(waiters: Sequence[asyncio.Future[None]]) -> None:
    for waiter in waiters:
        if not waiter.done():
            waiter.set_result(None)
