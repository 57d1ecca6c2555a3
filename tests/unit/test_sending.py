"""The hand-over of sending: our loop decides when, the caller's own thread or loop sends."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any

import pytest

from pytest_lmopt.errors import CallerLeftError
from pytest_lmopt.lm.dialects.protocol import HttpRequest, HttpResponse
from pytest_lmopt.lm.interception.sending import (
    LoopSender,
    Sender,
    SendingError,
    ThreadSender,
    landed,
)
from pytest_lmopt.lm.loop import submit
from pytest_lmopt.lm.waiting import blocking, is_patient, sending_on

ASKED = HttpRequest(method="POST", url="https://api.example/v1", headers={}, body=b"{}")
_WHO: contextvars.ContextVar[str] = contextvars.ContextVar("who")
ANSWERED = HttpResponse(status=200, headers={}, body=b"yes")


async def _asked(sender: Sender, times: int = 1) -> list[HttpResponse]:
    return [await sender.attempt(ASKED) for _ in range(times)]


def _submitted(work: Coroutine[Any, Any, Any]) -> Future[Any]:
    return submit(work)


def test_a_sync_caller_sends_on_its_own_thread() -> None:
    """Every attempt, however many our wrappers ask for."""
    threads = []

    def send(request: HttpRequest) -> HttpResponse:
        threads.append(threading.current_thread())
        return ANSWERED

    sender = ThreadSender(send)
    assert sender.wait(_submitted(_asked(sender, 3))) == [ANSWERED] * 3
    assert threads == [threading.current_thread()] * 3


def test_an_async_caller_sends_on_its_own_loop() -> None:
    """So that its connection pool holds, in the caller's context."""

    async def caller() -> None:
        seen = []

        async def send(request: HttpRequest) -> HttpResponse:
            seen.append((asyncio.get_running_loop(), _WHO.get()))
            return ANSWERED

        _WHO.set("the caller")
        sender = LoopSender(send)
        assert await sender.wait(_submitted(_asked(sender, 2))) == [ANSWERED] * 2
        assert seen == [(asyncio.get_running_loop(), "the caller")] * 2

    asyncio.run(caller())


def test_what_the_transport_raises_comes_back_as_it_was() -> None:
    """Wrapped on the way only."""
    fault = ConnectionError("gone")

    def send(request: HttpRequest) -> HttpResponse:
        raise fault

    sender = ThreadSender(send)
    with pytest.raises(SendingError) as raised:
        sender.wait(_submitted(_asked(sender)))
    assert raised.value.original is fault


def test_a_cancelled_caller_leaves_an_answer_to_others() -> None:
    """The attempt fails at once with an error that lets another caller send it."""

    async def caller() -> None:
        begun = asyncio.Event()

        async def send(request: HttpRequest) -> HttpResponse:
            begun.set()
            await asyncio.Event().wait()
            raise AssertionError

        sender = LoopSender(send)
        work = _submitted(_asked(sender))
        waiting = asyncio.create_task(sender.wait(work))
        await begun.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        with pytest.raises(CallerLeftError):
            await asyncio.wrap_future(work)
        with pytest.raises(CallerLeftError):
            await asyncio.wrap_future(_submitted(_asked(sender)))

    asyncio.run(caller())


def test_what_is_paid_for_lands_where_it_may() -> None:
    """The caller is cancelled with its block; its answer still arrives."""

    async def caller() -> None:
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def send(request: HttpRequest) -> HttpResponse:
            begun.set()
            await go_on.wait()
            return ANSWERED

        sender = LoopSender(send, lands=lambda: True)
        work = _submitted(_asked(sender))
        waiting = asyncio.create_task(sender.wait(work))
        await begun.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        go_on.set()
        await landed(seconds=10.0)
        assert await asyncio.wrap_future(work) == [ANSWERED]

    asyncio.run(caller())


def test_a_call_that_holds_up_a_sending_loop_is_impatient() -> None:
    """It must not wait for a call that its own loop is to send."""

    async def patience() -> bool:
        return is_patient()

    async def caller() -> None:
        with blocking():
            assert submit(patience()).result()
        with sending_on(asyncio.get_running_loop()), blocking():
            assert not submit(patience()).result()

    asyncio.run(caller())
    with blocking():
        assert submit(patience()).result()
