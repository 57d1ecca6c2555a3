"""A provider behind httpx without a socket: what real transports would send is answered here."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest

Reply = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""From the body of a chat request to the assistant's message."""


class FakeProvider:
    """OpenAI's chat and embeddings; ``requests`` are the bodies seen, in order of arrival."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.requests: list[dict[str, Any]] = []

    def answer_httpx(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Answer whatever ``httpx.Client`` sends, like a tool that wraps the transport."""

        def handle_request(_: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
            request.read()
            return httpx.Response(200, json=self._answer(request))

        # a wrapper, as tools that make spans have one: what stands in for a provider has none
        handle_request.__wrapped__ = httpx.HTTPTransport.handle_request  # type: ignore[attr-defined]
        monkeypatch.setattr(httpx.HTTPTransport, "handle_request", handle_request)

    def _answer(self, request: httpx.Request) -> dict[str, Any]:
        body = json.loads(request.content)
        self.requests.append(body)
        usage = {"prompt_tokens": 10, "total_tokens": 10}
        if request.url.path.endswith("/embeddings"):
            data = [{"object": "embedding", "index": 0, "embedding": [0.0]}]
            return {"object": "list", "data": data, "model": body["model"], "usage": usage}
        message = {"role": "assistant", "content": None, **self.reply(body)}
        finish = "tool_calls" if message.get("tool_calls") else "stop"
        details = {
            "completion_tokens": 3,
            "prompt_tokens_details": {"cached_tokens": 8},
            "completion_tokens_details": {"reasoning_tokens": 2},
        }
        return {
            "id": "made-up",
            "object": "chat.completion",
            "created": 0,
            "model": body["model"],
            "choices": [{"index": 0, "finish_reason": finish, "message": message}],
            "usage": {**usage, "total_tokens": 13, **details},
        }
