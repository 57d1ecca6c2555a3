"""Sending: our wrappers decide when, the caller's own thread or loop sends."""

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
)
from pytest_lmopt.lm.loop import Begun, submit
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
        _WHO.set("somebody else")
        assert await Begun(_asked(sender, 2)).task == [ANSWERED] * 2
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


@pytest.mark.parametrize("landing", [False, True])
def test_a_caller_that_leaves_cancels_its_request_unless_that_lands(landing: bool) -> None:
    """The attempt fails at once with an error that lets another caller send it.

    Where the caller is cancelled with its block, its answer still arrives.
    """

    async def caller() -> None:
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def send(request: HttpRequest) -> HttpResponse:
            begun.set()
            await go_on.wait()
            return ANSWERED

        sender = LoopSender(send)
        work = Begun(_asked(sender))
        await begun.wait()
        assert sender.sending
        sender.leave(landing=landing)
        go_on.set()
        if landing:
            assert await work.task == [ANSWERED]
        else:
            with pytest.raises(CallerLeftError):
                await work.task
        with pytest.raises(CallerLeftError):
            await sender.attempt(ASKED)
        assert not sender.sending

    asyncio.run(caller())


def test_an_attempt_that_is_cancelled_cancels_its_request() -> None:
    """As nobody is there to take the answer."""

    async def caller() -> None:
        begun = asyncio.Event()
        ends = []

        async def send(request: HttpRequest) -> HttpResponse:
            begun.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                ends.append("cancelled")
                raise
            raise AssertionError

        work = Begun(_asked(LoopSender(send)))
        await begun.wait()
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work.task
        assert ends == ["cancelled"]

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
