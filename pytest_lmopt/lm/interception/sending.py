"""Sending: our wrappers decide when, the client's own thread or loop sends.

Proxies, certificates, signatures and connection pools thereby stay the client's.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, Protocol, TypeVar

from pytest_lmopt.errors import CallerLeftError
from pytest_lmopt.lm.dialects.protocol import HttpRequest, HttpResponse

T = TypeVar("T")

_Attempt = tuple[HttpRequest, "Future[HttpResponse]"]
_LEFT = "the thread or task that was to send the request has ended"


class SendingError(Exception):
    """An exception that a client's transport raised, ``original``."""

    def __init__(self, original: Exception) -> None:
        self.original = original
        super().__init__(f"{type(original).__name__}: {original}")


class Sender(Protocol):
    """Sends the attempts of one call where its client called."""

    @property
    def sending(self) -> bool:
        """Whether an attempt is under way."""

    async def attempt(self, request: HttpRequest) -> HttpResponse:
        """Have the request sent.

        Raises ``SendingError``, and ``CallerLeftError`` where the client waits no more.
        """


class ThreadSender:
    """Sends on the thread that waits for the call."""

    def __init__(self, send: Callable[[HttpRequest], HttpResponse]) -> None:
        self._send = send
        self._inbox: SimpleQueue[_Attempt | None] = SimpleQueue()
        self._open: set[Future[HttpResponse]] = set()
        self._left = False
        self._sending = False

    @property
    def sending(self) -> bool:
        """As the protocol says."""
        return self._sending

    async def attempt(self, request: HttpRequest) -> HttpResponse:
        """As the protocol says."""
        answer: Future[HttpResponse] = Future()
        self._open.add(answer)
        answer.add_done_callback(self._open.discard)
        try:
            if self._left:
                raise CallerLeftError(_LEFT)
            self._inbox.put((request, answer))
            return await asyncio.wrap_future(answer)
        finally:
            answer.cancel()

    def wait(self, work: Future[T]) -> T:
        """Send what ``work`` asks for until it is done."""
        work.add_done_callback(lambda _: self._inbox.put(None))
        try:
            while (given := self._inbox.get()) is not None:
                request, answer = given
                if not answer.set_running_or_notify_cancel():
                    continue
                self._sending = True
                try:
                    answer.set_result(self._send(request))
                except Exception as error:
                    answer.set_exception(SendingError(error))
                finally:
                    self._sending = False
            return work.result()
        finally:
            self._leave()

    def _leave(self) -> None:
        self._left = True
        for answer in tuple(self._open):
            with suppress(InvalidStateError):  # it is done meanwhile
                answer.set_exception(CallerLeftError(_LEFT))


class LoopSender:
    """Sends on the event loop of the task that waits for the call, in that task's context.

    Where that task is cancelled, a request under way is cancelled as well, unless it lands: an
    answer that is paid for may still arrive and be recorded.
    """

    def __init__(self, send: Callable[[HttpRequest], Coroutine[Any, Any, HttpResponse]]) -> None:
        self._send = send
        self._context = contextvars.copy_context()
        self._under_way: set[asyncio.Task[HttpResponse]] = set()
        self._left = False

    @property
    def sending(self) -> bool:
        """As the protocol says."""
        return bool(self._under_way)

    async def attempt(self, request: HttpRequest) -> HttpResponse:
        """As the protocol says."""
        if self._left:
            raise CallerLeftError(_LEFT)
        loop = asyncio.get_running_loop()
        task = loop.create_task(self._send(request), context=self._context)
        self._under_way.add(task)
        try:
            return await task
        except asyncio.CancelledError:
            if is_cancelled():
                raise
            raise CallerLeftError(_LEFT) from None
        except Exception as error:
            raise SendingError(error) from None
        finally:
            self._under_way.discard(task)

    def leave(self, *, landing: bool) -> None:
        """Send none any more; ``landing``, those under way may still be answered."""
        self._left = True
        if not landing:
            for task in self._under_way:
                task.cancel()


def is_cancelled() -> bool:
    """Whether the running task itself is being cancelled."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
