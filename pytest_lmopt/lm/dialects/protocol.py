"""The protocol of a dialect: an HTTP exchange as a request and an answer, and back.

Dialects neither send nor keep anything. Their methods are functions of their arguments.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from pytest_lmopt.errors import LmoptError
from pytest_lmopt.lm.money.usage import Reported
from pytest_lmopt.wire import Completion, Limits, Message, Request, ToolCall

Body = Mapping[str, Any]
"""A request's body, parsed from JSON."""


@dataclass(frozen=True, kw_only=True)
class HttpRequest:
    """One request as its client sends it; header names are in lower case."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class HttpResponse:
    """One response, read whole; header names are in lower case, ``body`` is decoded.

    ``is_stream`` says that the body is server-sent events, delivered one by one.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def is_stream(self) -> bool:
        """Whether the body is a stream of events."""
        return self.headers.get("content-type", "").startswith("text/event-stream")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A provider's answer: its text, tool calls in order, and the usage as reported.

    ``finish`` is the provider's own reason for the end. ``problem`` says why there is no usable
    answer although the status is 200: a refusal or a filter.
    """

    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    reported: Reported
    finish: str = ""
    problem: str = ""


class Dialect(Protocol):
    """One provider protocol."""

    name: str
    """Its name in traces and recordings, such as ``openai.chat``."""

    default_provider: str
    """The provider that first spoke it, by litellm's name."""

    has_chat: bool
    """Whether any chat model can answer; False for embeddings."""

    def matches(self, request: HttpRequest, body: Body) -> bool:
        """Tell by the path and the shape of the body whether a request is in this dialect."""

    def model(self, request: HttpRequest, body: Body) -> str:
        """Find the model's name as the provider knows it; empty where there is none."""

    def messages(self, body: Body) -> tuple[Message, ...]:
        """Render the request as text, tools first: what is read and counted, though not sent.

        Ids of tool calls are numbered, so that a recording's key may hold the rendering.
        """

    def limits(self, body: Body) -> Limits:
        """Find the most tokens that the request can take."""

    def sent(self, body: Body) -> Body:
        """Add what makes the provider report its usage; the same object if nothing is missing."""

    def answer(self, body: Body, response: HttpResponse) -> Answer:
        """Read a response with status 200, a stream included.

        Raises ``ValueError`` for what is not an answer in this dialect: no JSON, a stream that
        was cut or reports an error, fields that are missing. Another try may help.
        """

    def delivered(self, body: Body, response: HttpResponse) -> HttpResponse:
        """Hide what only ``sent`` asked for; the same object if that is nothing."""

    def error(self, request: Request, response: HttpResponse) -> LmoptError:
        """Sort a response with another status: transient, refused, or an unusable model."""

    def refusal(self, message: str) -> HttpResponse:
        """Word a refusal of ours as the provider's own error.

        Status 403 with ``x-should-retry: false``, so that no SDK asks again.
        """

    def chat(self, body: Body) -> Mapping[str, Any]:
        """Translate the request to the arguments of OpenAI's chat: messages, tools, parameters.

        ``model`` and ``stream`` are left out. Only called where ``has_chat``. Raises
        ``ValueError`` for what another model has no access to, such as a provider's own tools.
        """

    def render(self, body: Body, completion: Completion) -> HttpResponse:
        """Word a completion as the provider would, as a stream where one was asked for.

        Raises ``ValueError`` for a body whose answer is not a text, such as embeddings.
        """
