"""One pooled HTTP client for each event loop, closed when its loop ends."""

from __future__ import annotations

import asyncio
import atexit
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import TYPE_CHECKING

from pytest_lmopt.lm.engine.certificates import tls_context
from pytest_lmopt.lm.processes import own_token
from pytest_lmopt.lm.quiet import quiet

if TYPE_CHECKING:
    from aiohttp import ClientSession

CLOSING_SECONDS = 2.0
KEPT_SECONDS = 4.0
"""How long an idle connection is kept: common servers close theirs after 5 seconds."""

_lock = threading.Lock()
_clients: dict[asyncio.AbstractEventLoop, _Client] = {}
_owner: str | None = None


class _Client:
    """A loop's session, and the generator by which the loop closes it.

    ``asyncio`` closes what async generators are left when a loop ends; there is no other hook.
    """

    def __init__(self) -> None:
        self.session = _session()
        self._guard = self._closing()

    async def begin(self) -> None:
        """Let the running loop know of the guard."""
        await anext(self._guard)

    async def _closing(self) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await self.session.close()
            _forget(self)


async def session_of_this_loop() -> ClientSession:
    """Return the running loop's session, made when it is first asked for."""
    global _owner  # noqa: PLW0603 - one set of clients a process
    loop = asyncio.get_running_loop()
    client = _clients.get(loop)
    if client is not None and _owner == own_token():
        return client.session
    with _lock:
        if _owner != own_token():  # a forked child's own loops have no client yet
            if _owner is None:
                atexit.register(_close_all)
            _clients.clear()
            _owner = own_token()
        _drop_ended()
        client = _clients[loop] = _Client()
    await client.begin()
    return client.session


def _session() -> ClientSession:
    import aiohttp

    return aiohttp.ClientSession(
        # no limit: the gates bound the calls
        connector=aiohttp.TCPConnector(limit=0, ssl=tls_context(), keepalive_timeout=KEPT_SECONDS),
        # what the environment says of proxies is looked up once a host, not twice a call
        trust_env=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
        auto_decompress=True,
    )


def _forget(client: _Client) -> None:
    with _lock:
        for loop, each in tuple(_clients.items()):
            if each is client:
                del _clients[loop]


def _drop_ended() -> None:
    """Let go of sessions whose loops were closed without ending their generators."""
    for loop in [loop for loop in _clients if loop.is_closed()]:
        client = _clients.pop(loop)
        with quiet(), suppress(Exception):
            client.session.close().send(None)


def _close_all() -> None:
    """Close what is left when the process ends, before the threads of its loops do."""
    if _owner != own_token():
        return
    for loop, client in tuple(_clients.items()):
        if loop.is_running():
            with suppress(Exception):
                closing = asyncio.run_coroutine_threadsafe(client.session.close(), loop)
                closing.result(CLOSING_SECONDS)
        else:
            with quiet(), suppress(Exception):
                client.session.close().send(None)
