"""One exchange with a provider, and what a dialect is to read in it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_lmopt.errors import LmoptError, ModelError, RefusedError, TransientError
from pytest_lmopt.lm.dialects.protocol import HttpResponse
from pytest_lmopt.wire import ToolCall

JSON = {"content-type": "application/json"}
SSE = {"content-type": "text/event-stream; charset=utf-8"}


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """A request's body and its response; ``figures`` are input, output, cached, reasoning, written.

    ``error`` is the class of error that the response stands for, ``said`` are words in its message
    or in that of the ``ValueError`` for what is ``unreadable``.
    """

    name: str
    body: Mapping[str, Any]
    response: HttpResponse = field(repr=False)
    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish: str = ""
    problem: str = ""
    figures: tuple[object, ...] = (None, None, None, None, None)
    odd: tuple[str, ...] = ()
    error: type[LmoptError] | None = None
    unreadable: bool = False
    said: str = ""
    rate_limited: bool = False
    retry_after: float | None = None

    @property
    def is_answer(self) -> bool:
        """Whether there is an answer to read."""
        return self.error is None and not self.unreadable


def json_answer(
    value: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """A response of JSON."""
    return HttpResponse(
        status=status, headers={**JSON, **(headers or {})}, body=json.dumps(value).encode()
    )


def stream(events: Sequence[object], *, done: bool = True) -> HttpResponse:
    """A stream of unnamed events, such as OpenAI's chat sends, with its end mark."""
    lines = [f"data: {json.dumps(event)}\n\n" for event in events]
    return HttpResponse(
        status=200,
        headers=SSE,
        body="".join([*lines, *(["data: [DONE]\n\n"] if done else [])]).encode(),
    )


def named_stream(events: Sequence[Mapping[str, Any]]) -> HttpResponse:
    """A stream of events that are named by their type."""
    lines = [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events]
    return HttpResponse(status=200, headers=SSE, body="".join(lines).encode())


def openai_errors(body: Mapping[str, Any]) -> tuple[Exchange, ...]:
    """Each class of error, in OpenAI's words."""
    return tuple(
        Exchange(
            name=name,
            body=body,
            response=json_answer(
                {"error": {"message": said, "type": "t", "param": None, "code": code}},
                status,
                headers,
            ),
            error=error,
            said=said,
            rate_limited=status in (429, 529),
            retry_after=2.0 if headers else None,
        )
        for name, status, code, said, headers, error in (
            ("malformed", 400, None, "Unknown parameter: 'x'", None, RefusedError),
            ("filtered input", 400, "content_filter", "The prompt triggered", None, RefusedError),
            ("filtered with 403", 403, "content_filter", "Blocked", None, RefusedError),
            ("too long", 400, "context_length_exceeded", "too many tokens", None, RefusedError),
            ("too large", 413, None, "Request too large", None, RefusedError),
            ("unprocessable", 422, None, "Extra inputs", None, RefusedError),
            ("wrong key", 401, "invalid_api_key", "Incorrect API key", None, ModelError),
            ("no access", 403, None, "Project has no access", None, ModelError),
            ("no credit", 402, None, "Insufficient credits", None, ModelError),
            ("no quota", 429, "insufficient_quota", "You exceeded", None, ModelError),
            ("unknown model", 404, "model_not_found", "does not exist", None, ModelError),
            ("time-out", 408, None, "Timeout", None, TransientError),
            ("conflict", 409, None, "Conflict", None, TransientError),
            ("rate limit", 429, "rate_limit", "Slow down", {"retry-after": "2"}, TransientError),
            ("server error", 500, None, "The server had an error", None, TransientError),
            ("unavailable", 503, None, "Overloaded", None, TransientError),
            ("overloaded", 529, None, "Overloaded", None, TransientError),
        )
    )
