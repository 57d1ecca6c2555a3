"""A client of the OpenAI protocol on urllib, for processes that must start quickly."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request

from pytest_lmopt.errors import ModelError, TransientError
from pytest_lmopt.wire import Completion, Request, Usage


class PlainHTTP:
    """An LM that asks the server at ``url``, on threads; one attempt a call."""

    def __init__(self, url: str, *, timeout: float = 60.0) -> None:
        self._url = url
        self._timeout = timeout

    async def complete(self, request: Request) -> Completion:
        """Raise ``ModelError`` for a refused key; anything else is worth another attempt."""
        return await asyncio.to_thread(self._ask, request)

    def _ask(self, request: Request) -> Completion:
        messages = [{"role": role, "content": content} for role, content in request.messages]
        body = json.dumps({"model": request.model, "messages": messages}).encode()
        asked = urllib.request.Request(self._url + "/chat/completions", body)
        try:
            with urllib.request.urlopen(asked, timeout=self._timeout) as response:
                answer = json.load(response)
        except urllib.error.HTTPError as error:
            raise _error(error, request) from error
        except OSError as error:
            raise TransientError(str(error), request=request) from error
        text = answer["choices"][0]["message"]["content"]
        return Completion(text=text, usage=Usage(calls=1, input_tokens=2, output_tokens=1))


def _error(error: urllib.error.HTTPError, request: Request) -> Exception:
    model, said = request.model, error.read().decode()
    if error.code == 401:
        return ModelError(f"the provider of {model!r} refused the key ({said})", model=model)
    return TransientError(
        said,
        request=request,
        retry_after=float(error.headers.get("Retry-After", 0.0)),
        rate_limited=error.code == 429,
    )
