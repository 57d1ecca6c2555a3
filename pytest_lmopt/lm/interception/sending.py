"""The hand-over of sending: our wrappers decide when, the client's own thread or loop sends.

Proxies, certificates, signatures and connection pools thereby stay the client's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from queue import SimpleQueue
from typing import Protocol, TypeVar

from pytest_lmopt.errors import CallerLeftError
from pytest_lmopt.lm.dialects.protocol import HttpRequest, HttpResponse
from pytest_lmopt.lm.waiting import sending_on

T = TypeVar("T")

_Attempt = tuple[HttpRequest, "Future[HttpResponse]"]
_LEFT = "the thread or task that was to send the request has ended"


class SendingError(Exception):
    """An exception that a client's transport raised, ``original``."""

    def __init__(self, original: Exception) -> None:
        self.original = original
        super().__init__(f"{type(original).__name__}: {original}")


_landing: set[asyncio.Task[None]] = set()
"""Requests under way whose callers have been cancelled."""


async def landed(*, seconds: float) -> None:
    """Wait for the answers that may still arrive on this loop, up to so many seconds."""
    loop = asyncio.get_running_loop()
    tasks = [task for task in tuple(_landing) if task.get_loop() is loop]
    if tasks:
        await asyncio.wait(tasks, timeout=seconds)


class Sender(Protocol):
    """Sends the attempts of one call where its client called."""

    sending: bool
    """Whether an attempt is under way."""

    async def attempt(self, request: HttpRequest) -> HttpResponse:
        """Have the request sent.

        Raises ``SendingError``, and ``CallerLeftError`` where the client waits no more.
        """


class _Attempts:
    """Attempts that wait to be sent, given over by ``put``."""

    def __init__(self, put: Callable[[_Attempt], object]) -> None:
        self._put = put
        self._open: set[Future[HttpResponse]] = set()
        self.left = False

    async def attempt(self, request: HttpRequest) -> HttpResponse:
        answer: Future[HttpResponse] = Future()
        self._open.add(answer)
        answer.add_done_callback(self._open.discard)
        try:
            if self.left:
                raise CallerLeftError(_LEFT)
            try:
                self._put((request, answer))
            except RuntimeError as error:  # its loop is closed
                raise CallerLeftError(_LEFT) from error
            return await asyncio.wrap_future(answer)
        finally:
            answer.cancel()

    def leave(self, *, landing: Future[HttpResponse] | None = None) -> None:
        """Send none any more; the one that is ``landing`` may still be answered."""
        self.left = True
        for answer in tuple(self._open):
            if answer is not landing:
                with suppress(InvalidStateError):  # it is done meanwhile
                    answer.set_exception(CallerLeftError(_LEFT))


class ThreadSender:
    """Sends on the thread that waits for the call."""

    def __init__(self, send: Callable[[HttpRequest], HttpResponse]) -> None:
        self._send = send
        self._inbox: SimpleQueue[_Attempt | None] = SimpleQueue()
        self._attempts = _Attempts(self._inbox.put)
        self.sending = False

    async def attempt(self, request: HttpRequest) -> HttpResponse:
        """As the protocol says."""
        return await self._attempts.attempt(request)

    def wait(self, work: Future[T]) -> T:
        """Send what ``work`` asks for until it is done."""
        work.add_done_callback(lambda _: self._inbox.put(None))
        try:
            while (given := self._inbox.get()) is not None:
                request, answer = given
                if not answer.set_running_or_notify_cancel():
                    continue
                self.sending = True
                try:
                    answer.set_result(self._send(request))
                except Exception as error:
                    answer.set_exception(SendingError(error))
                finally:
                    self.sending = False
            return work.result()
        finally:
            self._attempts.leave()


class LoopSender:
    """Sends on the event loop of the task that waits for the call.

    Where that task is cancelled, a request under way is cancelled as well, unless it ``lands``: an
    answer that is paid for may still arrive and be recorded.
    """

    def __init__(
        self,
        send: Callable[[HttpRequest], Awaitable[HttpResponse]],
        *,
        lands: Callable[[], bool] = lambda: False,
    ) -> None:
        self._send = send
        self._lands = lands
        self._loop = asyncio.get_running_loop()
        self._inbox: asyncio.Queue[_Attempt | None] = asyncio.Queue()
        self._attempts = _Attempts(self._put)
        self.sending = False

    async def attempt(self, request: HttpRequest) -> HttpResponse:
        """As the protocol says."""
        return await self._attempts.attempt(request)

    async def wait(self, work: Future[T]) -> T:
        """Send what ``work`` asks for until it is done."""

        def wake(_: Future[T]) -> None:
            with suppress(RuntimeError):  # the loop is closed
                self._put(None)

        work.add_done_callback(wake)
        landing: Future[HttpResponse] | None = None
        try:
            with sending_on(self._loop):
                while (given := await self._inbox.get()) is not None:
                    request, answer = given
                    if not answer.set_running_or_notify_cancel():
                        continue
                    self.sending = True
                    task = self._loop.create_task(self._sent(request, answer))
                    try:
                        await asyncio.shield(task)
                    except asyncio.CancelledError:
                        if self._lands():
                            landing = answer
                            _landing.add(task)
                            task.add_done_callback(_landing.discard)
                        else:
                            task.cancel()
                        raise
                    self.sending = False
            return work.result()
        finally:
            self._attempts.leave(landing=landing)

    async def _sent(self, request: HttpRequest, answer: Future[HttpResponse]) -> None:
        with suppress(InvalidStateError):  # the caller has left
            try:
                answer.set_result(await self._send(request))
            except Exception as error:
                answer.set_exception(SendingError(error))
            except asyncio.CancelledError:
                answer.set_exception(CallerLeftError(_LEFT))
                raise

    def _put(self, given: _Attempt | None) -> None:
        self._loop.call_soon_threadsafe(self._inbox.put_nowait, given)
