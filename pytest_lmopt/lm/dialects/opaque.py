"""Requests to a provider in a form that is not understood: only their usage is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pytest_lmopt.canonical import canonical_json
from pytest_lmopt.errors import LmoptError
from pytest_lmopt.lm.dialects.errors import error_of
from pytest_lmopt.lm.dialects.events import events
from pytest_lmopt.lm.dialects.json_bodies import json_object, objects, refused, text
from pytest_lmopt.lm.dialects.paths import model_in_form, model_in_path, path_of
from pytest_lmopt.lm.dialects.protocol import Answer, Body, HttpRequest, HttpResponse
from pytest_lmopt.lm.dialects.providers import provider_of
from pytest_lmopt.lm.dialects.usage_figures import any_usage
from pytest_lmopt.lm.money.usage import Reported
from pytest_lmopt.wire import Completion, Limits, Message, Request

_FREE_TOOLS = frozenset(
    {"functionDeclarations", "function_declarations", "codeExecution", "code_execution"}
    | {"toolSpec", "cachePoint", "urlContext", "url_context"}
)
_FREE = (
    *("/count_tokens", ":countTokens", "/tokenize", "/detokenize", "/moderations"),
    *("/files", "/uploads", "/cancel", "/input_tokens", "/count-tokens"),
)


class Opaque:
    """Any other ``POST`` to a host in the table of providers."""

    name = "opaque"
    default_provider = "openai"
    has_chat = False

    def matches(self, request: HttpRequest, body: Body) -> bool:  # noqa: ARG002
        """Match by the host; what asks for a state, such as a poll, is not a call."""
        return request.method == "POST" and provider_of(request.url) is not None

    def model(self, request: HttpRequest, body: Body) -> str:
        """Find the model in the body, in a form, or in the path."""
        named = text(body.get("model")) or text(body.get("modelId"))
        return named or model_in_form(request) or model_in_path(request)

    def messages(self, body: Body) -> tuple[Message, ...]:
        """Show the body as it is."""
        return (Message("user", canonical_json(body)),)

    def limits(self, body: Body) -> Limits:
        """Leave the limits to the model."""
        return Limits(input=None, output=None, unpriced=tuple(dict.fromkeys(_unpriced(body))))

    def sent(self, body: Body) -> Body:
        """Add nothing."""
        return body

    def answer(self, body: Body, response: HttpResponse) -> Answer:  # noqa: ARG002
        """Read the usage, of a stream the last one; the text is not understood."""
        bodies = [json_object(response.body)]
        if response.is_stream:
            bodies = [json_object(event.data) for event in events(response.body)]
        return Answer(text="", reported=any_usage([_in_headers(response), *bodies]))

    def delivered(self, body: Body, response: HttpResponse) -> HttpResponse:  # noqa: ARG002
        """Hide nothing."""
        return response

    def error(self, request: Request, response: HttpResponse) -> LmoptError:
        """Sort an error."""
        return error_of(request, response)

    def refusal(self, message: str) -> HttpResponse:
        """Word a refusal so that most providers' clients find its message."""
        error = {"code": 403, "message": message, "status": "PERMISSION_DENIED"}
        return refused({"error": error, "message": message})

    def chat(self, body: Body) -> Mapping[str, Any]:
        """Raise ``ValueError``: the request is not understood."""
        raise ValueError(f"no chat model can answer: expected a chat, found {sorted(body)[:8]}")

    def render(self, body: Body, completion: Completion) -> HttpResponse:  # noqa: ARG002
        """Raise ``ValueError``: the form of an answer is not known."""
        raise ValueError(f"no answer can be worded: expected a chat, found {sorted(body)[:8]}")


class Free(Opaque):
    """Requests to a provider that it answers for nothing, such as counts of tokens."""

    name = "free"

    def matches(self, request: HttpRequest, body: Body) -> bool:
        """Match by the host and the end of the path."""
        return super().matches(request, body) and path_of(request).endswith(_FREE)

    def limits(self, body: Body) -> Limits:  # noqa: ARG002
        """Reserve nothing."""
        return Limits(input=0, output=0)

    def answer(self, body: Body, response: HttpResponse) -> Answer:  # noqa: ARG002
        """Report no tokens."""
        return Answer(text="", reported=Reported(input=0, output=0))


def _in_headers(response: HttpResponse) -> dict[str, Any]:
    """Find the usage in Bedrock's headers, which every model's answer has there."""
    found = {
        name: response.headers.get(f"x-amzn-bedrock-{header}-token-count", "")
        for name, header in (("inputTokens", "input"), ("outputTokens", "output"))
    }
    return {"usage": {name: int(value) for name, value in found.items() if value.isdecimal()}}


def _unpriced(body: Body) -> Iterator[str]:
    for tool in objects(body.get("tools")):
        kind = tool.get("type")
        if isinstance(kind, str):
            if kind not in ("function", "custom"):
                yield kind
        else:
            yield from (str(name) for name in tool if name not in _FREE_TOOLS)
    if body.get("requests") or body.get("input_file_id"):
        yield "batch"
