"""httpx's and httpx2's transports: where the requests of most SDKs pass."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import contextmanager
from functools import lru_cache, wraps
from typing import Any

from pytest_lmopt.lm.dialects.events import pieces
from pytest_lmopt.lm.dialects.protocol import HttpRequest, HttpResponse
from pytest_lmopt.lm.interception.claims import claim, passing, run_of
from pytest_lmopt.lm.interception.exchange import Exchange
from pytest_lmopt.lm.interception.pools import of_this_loop
from pytest_lmopt.lm.interception.sending import (
    LoopSender,
    SendingError,
    ThreadSender,
    is_cancelled,
)
from pytest_lmopt.lm.loop import Begun, begin
from pytest_lmopt.lm.replacing import Maker
from pytest_lmopt.lm.waiting import blocking, sending_on

_OF_ONE_DELIVERY = frozenset(("content-encoding", "content-length", "transfer-encoding"))


def sync_hook(original: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """``handle_request`` of a transport: claims model calls, and sends all others on."""

    @wraps(original)
    def handle_request(transport: Any, request: Any) -> Any:
        run = run_of(str(request.url))
        if run is None:
            return original(transport, request)
        request.read()
        exchange, delivery = claim(run, _request(request), original), _Delivery(request)
        if exchange is None:
            with delivery.refusals(), passing(run, str(request.url)):
                return original(transport, request)

        def send(http: HttpRequest) -> HttpResponse:
            with exchange.sending():
                response = original(transport, delivery.sent(http))
                response.read()
            return delivery.received(response)

        sender = ThreadSender(send)
        try:
            with blocking():
                work = begin(exchange.complete(sender))
            with exchange.run.block.awaiting(work):
                return delivery.given(sender.wait(work))
        except CancelledError:
            return delivery.given(exchange.stopped())
        except SendingError as error:
            raised = error.original
        # out here, so that the client sees its transport's exception as it was raised
        raise raised

    return handle_request


def async_hook(original: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """``handle_async_request`` of a transport: claims model calls, and sends all others on."""

    @wraps(original)
    async def handle_async_request(transport: Any, request: Any) -> Any:
        run = run_of(str(request.url))
        if run is None:
            return await original(transport, request)
        await request.aread()
        exchange, delivery = claim(run, _request(request), original), _Delivery(request)
        if not _is_on_asyncio():
            exchange = None  # trio's tasks can't wait for us: the call is named, not counted
        if exchange is None:
            with delivery.refusals(), passing(run, str(request.url)):
                return await original(transport, request)

        async def send(http: HttpRequest) -> HttpResponse:
            with exchange.sending():
                response = await original(of_this_loop(transport), delivery.sent(http))
                await response.aread()
            return delivery.received(response)

        try:
            return delivery.given(await _answered(exchange, LoopSender(send)))
        except SendingError as error:
            raised = error.original
        raise raised

    return handle_async_request


async def _answered(exchange: Exchange, sender: LoopSender) -> HttpResponse:
    work, block = Begun(exchange.complete(sender)), exchange.run.block
    with sending_on(asyncio.get_running_loop()), block.awaiting(work):
        try:
            return await asyncio.shield(work.task)
        except asyncio.CancelledError:
            if work.task.cancelled() and not is_cancelled():
                return exchange.stopped()
            if not sender.sending:
                exchange.given_up()
            sender.leave(landing=block.lands)
            work.task.cancel()
            raise


def _is_on_asyncio() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _request(request: Any) -> HttpRequest:
    return HttpRequest(
        method=request.method,
        url=str(request.url),
        headers=_headers(request.headers),
        body=request.content,
    )


def _headers(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


class _Delivery:
    """One call between a client's own request and response objects and ours."""

    def __init__(self, request: Any) -> None:
        self._request = request
        self._module: Any = sys.modules[type(request).__module__.partition(".")[0]]
        self._native: Any = None
        self._received: HttpResponse | None = None

    @contextmanager
    def refusals(self) -> Iterator[None]:
        """Raise a refused connection as the client's own error."""
        try:
            yield
        except ConnectionRefusedError as error:
            raise self._module.ConnectError(str(error), request=self._request) from error

    def sent(self, http: HttpRequest) -> Any:
        """The client's own request, or one with another body."""
        request = self._request
        if http.body == request.content:
            return request
        headers = [
            (name, value)
            for name, value in request.headers.multi_items()
            if name.lower() not in _OF_ONE_DELIVERY
        ]
        return self._module.Request(
            request.method,
            request.url,
            headers=headers,
            content=http.body,
            extensions=request.extensions,
        )

    def received(self, response: Any) -> HttpResponse:
        """The provider's response, read whole."""
        self._native = response
        self._received = HttpResponse(
            status=response.status_code, headers=_headers(response.headers), body=response.content
        )
        return self._received

    def given(self, http: HttpResponse) -> Any:
        """The response that the client gets: the provider's own headers where it has just come."""
        fresh = self._received is not None and self._received.status == http.status
        given = self._native.headers.multi_items() if fresh else http.headers.items()
        known = {name.lower() for name, _ in given}
        more = [pair for pair in http.headers.items() if pair[0] not in known]
        headers = [pair for pair in (*given, *more) if pair[0].lower() not in _OF_ONE_DELIVERY]
        if not http.is_stream:
            headers.append(("content-length", str(len(http.body))))
        return self._module.Response(
            http.status,
            headers=headers,
            stream=_stream_class(self._module)(http),
            extensions=self._native.extensions if fresh else {"http_version": b"HTTP/1.1"},
        )


@lru_cache(maxsize=4)
def _stream_class(module: Any) -> Callable[[HttpResponse], Any]:
    """A body that is all there, for the module's sync and async clients; events come one by one."""

    class Whole(module.SyncByteStream, module.AsyncByteStream):  # type: ignore[misc]  # untyped
        def __init__(self, response: HttpResponse) -> None:
            body = response.body
            self._parts = tuple(pieces(body)) if response.is_stream else (body,)

        def __iter__(self) -> Iterator[bytes]:
            yield from self._parts

        async def __aiter__(self) -> AsyncIterator[bytes]:
            for part in self._parts:
                yield part

    return Whole


HOOKS: Mapping[str, Maker] = {"handle_request": sync_hook, "handle_async_request": async_hook}
"""The maker of the hook for each method that sends a request."""
