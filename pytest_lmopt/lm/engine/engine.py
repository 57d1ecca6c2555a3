"""Our own way to the providers of the table; what it can't word or place is left to litellm."""

from __future__ import annotations

import json
from typing import Literal

from pytest_lmopt import known_secrets
from pytest_lmopt.clock import SYSTEM, Clock
from pytest_lmopt.errors import TransientError
from pytest_lmopt.lm.dialects.protocol import HttpResponse
from pytest_lmopt.lm.engine.answers import completion_of
from pytest_lmopt.lm.engine.calls import Call, local_call, remote_call
from pytest_lmopt.lm.engine.clients import session_of_this_loop
from pytest_lmopt.lm.engine.proxies import proxy_for
from pytest_lmopt.lm.faults.error_report import first_line
from pytest_lmopt.lm.providers import within
from pytest_lmopt.lm.quiet import quiet
from pytest_lmopt.lm.seam import LM
from pytest_lmopt.lm.tracing import our_own
from pytest_lmopt.wire import Completion, Request

EngineName = Literal["auto", "litellm"]
"""Who asks the providers: ours where it can, or litellm always."""

_ALWAYS = {"content-type": "application/json", "accept": "application/json"}


class Engine:
    """Asks the providers of the table, and ``otherwise`` for what these can't be asked.

    ``endpoint`` is a server of OpenAI's protocol that is asked for every model, as ``asked_as``
    and without a proxy. An answer takes ``timeout`` seconds at most.
    """

    def __init__(
        self,
        otherwise: LM,
        *,
        asked_as: str = "",
        endpoint: str = "",
        timeout: float,
        clock: Clock = SYSTEM,
    ) -> None:
        self._otherwise = otherwise
        self._asked_as = asked_as
        self._endpoint = endpoint
        self._timeout = timeout
        self._clock = clock

    async def complete(self, request: Request) -> Completion:
        """One attempt; raises ``TransientError``, ``RefusedError`` or ``ModelError``."""
        if self._endpoint:
            call = local_call(request, self._endpoint, self._asked_as)
        else:
            call = remote_call(request)
        if call is None:
            return await self._otherwise.complete(request)
        proxy = None if self._endpoint else proxy_for(call.url)
        with quiet(), our_own():
            async with within(self._timeout, request, self._clock):
                sent = await _sent(call, proxy, request)
        if isinstance(sent, TransientError):
            raise sent
        found = completion_of(call.service, request, call.body, sent)
        if isinstance(found, Completion):
            return found
        raise found


async def _sent(call: Call, proxy: str | None, request: Request) -> HttpResponse | TransientError:
    """Send a request; an error is returned, to be raised where no frame holds the key."""
    import aiohttp

    known_secrets.note_headers(call.headers)
    data = json.dumps(call.body, separators=(",", ":")).encode()
    session = await session_of_this_loop()
    try:
        async with session.post(
            call.url,
            data=data,
            headers={**_ALWAYS, **call.headers},
            proxy=proxy,
            allow_redirects=False,
        ) as response:
            body = await response.read()
    except (aiohttp.ClientError, OSError, ValueError) as error:
        words = first_line(f"{type(error).__name__}: {error}")
        return TransientError(words, request=request)
    headers = {name.lower(): value for name, value in response.headers.items()}
    return HttpResponse(status=response.status, headers=headers, body=body)
