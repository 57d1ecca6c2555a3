"""OpenAI's legacy completions: a text that a model continues."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_lmopt.errors import LmoptError
from pytest_lmopt.lm.dialects import openai_stream
from pytest_lmopt.lm.dialects.errors import error_of
from pytest_lmopt.lm.dialects.finish_reasons import FILTERED
from pytest_lmopt.lm.dialects.json_bodies import objects, text
from pytest_lmopt.lm.dialects.openai_embeddings import texts
from pytest_lmopt.lm.dialects.openai_rendering import openai_refusal, text_response
from pytest_lmopt.lm.dialects.paths import deployment, path_of
from pytest_lmopt.lm.dialects.protocol import Answer, Body, HttpRequest, HttpResponse
from pytest_lmopt.lm.dialects.rendering import input_bound, nested_size, size, whole_number
from pytest_lmopt.lm.dialects.usage_figures import chat_usage
from pytest_lmopt.wire import Completion, Limits, Message, Request

_NOT_READ = ("prompt", "logit_bias", "stop", "stream_options")
_SAME = ("max_tokens", "temperature", "top_p", "stop", "seed", "frequency_penalty")


class OpenAICompletions:
    """``POST …/completions``."""

    name = "openai.completions"
    default_provider = "openai"
    has_chat = True

    def matches(self, request: HttpRequest, body: Body) -> bool:
        """Match by the end of the path and a prompt."""
        path = path_of(request)
        return (
            request.method == "POST"
            and path.endswith("/completions")
            and not path.endswith("/chat/completions")
            and "prompt" in body
        )

    def model(self, request: HttpRequest, body: Body) -> str:
        """Find the model, at Azure the deployment in the path."""
        return deployment(request) or text(body.get("model"))

    def messages(self, body: Body) -> tuple[Message, ...]:
        """Show each prompt as a message of its own."""
        return tuple(Message("user", each) for each in texts(body.get("prompt")))

    def limits(self, body: Body) -> Limits:
        """Find the limits: each prompt is continued ``n`` times, or ``best_of`` times."""
        messages = self.messages(body)
        each = max(whole_number(body.get(name)) or 1 for name in ("n", "best_of"))
        return Limits(
            input=input_bound(
                messages, [nested_size(body, _NOT_READ), size(body.get("suffix") or "")]
            ),
            output=whole_number(body.get("max_tokens")),
            answers=each * len(messages),
        )

    def sent(self, body: Body) -> Body:
        """Ask for a stream's usage."""
        return openai_stream.with_usage(body)

    def answer(self, body: Body, response: HttpResponse) -> Answer:
        """Read the first choice."""
        whole = openai_stream.whole_answer(body, response)
        choices = objects(whole.get("choices"))
        if not choices or not isinstance(choices[0].get("text"), str):
            raise ValueError("the answer has no text: expected choices, found none")
        finish = text(choices[0].get("finish_reason"))
        return Answer(
            text=choices[0]["text"],
            reported=chat_usage(whole.get("usage")),
            finish=finish,
            problem=FILTERED if finish == "content_filter" else "",
        )

    def delivered(self, body: Body, response: HttpResponse) -> HttpResponse:
        """Hide the usage that the client did not ask for."""
        return openai_stream.without_usage(body, response)

    def error(self, request: Request, response: HttpResponse) -> LmoptError:
        """Sort an error."""
        return error_of(request, response)

    def refusal(self, message: str) -> HttpResponse:
        """Word a refusal as OpenAI would."""
        return openai_refusal(message)

    def chat(self, body: Body) -> Mapping[str, Any]:
        """Translate to OpenAI's chat. Raises ``ValueError`` for several prompts, and for tokens."""
        given = body.get("prompt")
        prompts = given if isinstance(given, list) else [given]
        if len(prompts) != 1 or not isinstance(prompts[0], str):
            raise ValueError("no chat model can answer: expected one text as prompt, found others")
        found = {name: body[name] for name in _SAME if body.get(name) is not None}
        return {"messages": [{"role": "user", "content": prompts[0]}], **found}

    def render(self, body: Body, completion: Completion) -> HttpResponse:
        """Word a completion as OpenAI would."""
        return text_response(body, completion)
