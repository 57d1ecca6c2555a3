"""OpenAI's embeddings, which most other providers and local servers speak too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_lmopt.canonical import canonical_json
from pytest_lmopt.errors import LmoptError
from pytest_lmopt.lm.dialects.errors import error_of
from pytest_lmopt.lm.dialects.json_bodies import answered_object, text
from pytest_lmopt.lm.dialects.openai_rendering import openai_refusal
from pytest_lmopt.lm.dialects.paths import deployment, path_of
from pytest_lmopt.lm.dialects.protocol import Answer, Body, HttpRequest, HttpResponse
from pytest_lmopt.lm.dialects.rendering import input_bound
from pytest_lmopt.lm.dialects.usage_figures import embeddings_usage
from pytest_lmopt.wire import Completion, Limits, Message, Request


class OpenAIEmbeddings:
    """``POST …/embeddings``."""

    name = "openai.embeddings"
    default_provider = "openai"
    has_chat = False

    def matches(self, request: HttpRequest, body: Body) -> bool:
        """Match by the end of the path and an input."""
        return (
            request.method == "POST"
            and path_of(request).endswith("/embeddings")
            and "input" in body
        )

    def model(self, request: HttpRequest, body: Body) -> str:
        """Find the model, at Azure the deployment in the path."""
        return deployment(request) or text(body.get("model"))

    def messages(self, body: Body) -> tuple[Message, ...]:
        """Show each text, or its tokens, as a message of its own."""
        return tuple(Message("user", each) for each in texts(body.get("input")))

    def limits(self, body: Body) -> Limits:
        """Find the limits; there is no output."""
        return Limits(input=input_bound(self.messages(body), ()), output=0)

    def sent(self, body: Body) -> Body:
        """Add nothing: usage is always reported."""
        return body

    def answer(self, body: Body, response: HttpResponse) -> Answer:  # noqa: ARG002
        """Read the usage; an embedding has no text."""
        whole = answered_object(response)
        if not isinstance(whole.get("data"), list):
            raise ValueError("the answer has no data: expected a list, found none")
        return Answer(text="", reported=embeddings_usage(whole.get("usage")))

    def delivered(self, body: Body, response: HttpResponse) -> HttpResponse:  # noqa: ARG002
        """Hide nothing."""
        return response

    def error(self, request: Request, response: HttpResponse) -> LmoptError:
        """Sort an error."""
        return error_of(request, response)

    def refusal(self, message: str) -> HttpResponse:
        """Word a refusal as OpenAI would."""
        return openai_refusal(message)

    def chat(self, body: Body) -> Mapping[str, Any]:  # noqa: ARG002
        """Raise ``ValueError``: an embedding is not a chat."""
        raise ValueError("no chat model can answer: expected a chat, found embeddings")

    def render(self, body: Body, completion: Completion) -> HttpResponse:  # noqa: ARG002
        """Raise ``ValueError``: a text is not an embedding."""
        raise ValueError("no answer can be worded: expected a chat, found embeddings")


def texts(given: object) -> list[str]:
    """Return the texts of an input that is a text, tokens, or a list of either."""
    if isinstance(given, list) and not all(isinstance(each, int) for each in given):
        return [each if isinstance(each, str) else canonical_json(each) for each in given]
    return [given if isinstance(given, str) else canonical_json(given)]
