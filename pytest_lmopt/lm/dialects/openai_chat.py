"""OpenAI's chat completions, which most other providers and local servers speak too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pytest_lmopt.errors import LmoptError
from pytest_lmopt.lm.dialects import json_bodies, openai_stream
from pytest_lmopt.lm.dialects.call_ids import numbered
from pytest_lmopt.lm.dialects.errors import error_of
from pytest_lmopt.lm.dialects.finish_reasons import FILTERED, refused
from pytest_lmopt.lm.dialects.image_tokens import openai_image
from pytest_lmopt.lm.dialects.json_bodies import mapping, objects, text
from pytest_lmopt.lm.dialects.openai_rendering import chat_response, openai_refusal
from pytest_lmopt.lm.dialects.paths import deployment, path_of
from pytest_lmopt.lm.dialects.protocol import Answer, Body, HttpRequest, HttpResponse
from pytest_lmopt.lm.dialects.rendering import (
    inner_parts,
    input_bound,
    nested_size,
    size_without,
    text_of,
    tools_first,
    whole_number,
)
from pytest_lmopt.lm.dialects.usage_figures import chat_usage
from pytest_lmopt.wire import Completion, Limits, Message, Request, ToolCall

_BESIDES = ("tools", "functions", "response_format")
_RENDERED = ("role", "content", "tool_calls", "function_call")
_NOT_READ = (*_BESIDES, "messages", "metadata", "logit_bias", "stop", "stream_options")
_FREE_TOOLS = ("function", "custom")
_NOT_THE_MODELS = frozenset(
    (
        *("model", "stream", "stream_options", "user", "metadata", "store", "service_tier"),
        *("safety_identifier", "prompt_cache_key", "prompt_cache_retention", "functions"),
        *("function_call", "max_completion_tokens", "messages"),
    )
)


class OpenAIChat:
    """``POST …/chat/completions``."""

    name = "openai.chat"
    default_provider = "openai"
    has_chat = True

    def matches(self, request: HttpRequest, body: Body) -> bool:
        """Match by the end of the path and ``messages``."""
        return (
            request.method == "POST"
            and path_of(request).endswith("/chat/completions")
            and isinstance(body.get("messages"), list)
        )

    def model(self, request: HttpRequest, body: Body) -> str:
        """Find the model, at Azure the deployment in the path."""
        return deployment(request) or text(body.get("model"))

    def messages(self, body: Body) -> tuple[Message, ...]:
        """Render the tools and all messages as text."""
        return _rendered(numbered(body))

    def limits(self, body: Body) -> Limits:
        """Find the limits; of images by OpenAI's rule, of sounds and files none."""
        given = (whole_number(body.get(n)) for n in ("max_tokens", "max_completion_tokens"))
        return Limits(
            input=input_bound(_rendered(body), _besides(body)),
            output=max(filter(None, given), default=None),
            answers=whole_number(body.get("n")) or 1,
            unpriced=tuple(dict.fromkeys(_unpriced(body))),
        )

    def sent(self, body: Body) -> Body:
        """Ask for a stream's usage."""
        return openai_stream.with_usage(body)

    def answer(self, body: Body, response: HttpResponse) -> Answer:
        """Read the first choice."""
        whole = openai_stream.whole_answer(body, response)
        choices = objects(whole.get("choices"))
        if not choices or not isinstance(choices[0].get("message"), Mapping):
            raise ValueError("the answer has no message: expected choices, found none")
        message, finish = choices[0]["message"], text(choices[0].get("finish_reason"))
        problem = ""
        if text(message.get("refusal")):
            problem = refused(message["refusal"])
        elif finish == "content_filter":
            problem = FILTERED
        return Answer(
            text=json_bodies.answered_text(message.get("content")),
            tool_calls=tuple(_tool_calls(message)),
            reported=chat_usage(whole.get("usage")),
            finish=finish,
            problem=problem,
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
        """Return the body's own arguments, with names that all providers know."""
        found = {
            name: value
            for name, value in body.items()
            if name not in _NOT_THE_MODELS and value is not None
        }
        if limit := body.get("max_completion_tokens") or body.get("max_tokens"):
            found["max_tokens"] = limit
        if functions := objects(body.get("functions")):
            found["tools"] = [{"type": "function", "function": each} for each in functions]
            chosen = body.get("function_call")
            if isinstance(chosen, Mapping):
                found["tool_choice"] = {"type": "function", "function": chosen}
            elif chosen is not None:
                found["tool_choice"] = chosen
        return {"messages": [_for_all(each) for each in objects(body.get("messages"))], **found}

    def render(self, body: Body, completion: Completion) -> HttpResponse:
        """Word a completion as OpenAI would."""
        return chat_response(body, completion)


def _rendered(body: Body) -> tuple[Message, ...]:
    said = (
        Message(text(each.get("role")) or "assistant", text_of(each))
        for each in objects(body.get("messages"))
    )
    return (*tools_first(body, _BESIDES), *said)


def _besides(body: Body) -> Iterator[int | None]:
    """Iterate over the most tokens of what the rendering leaves out."""
    yield nested_size(body, _NOT_READ)
    for message in objects(body.get("messages")):
        yield size_without(message, _RENDERED)
        if message.get("audio"):
            yield None
        for part in inner_parts(message.get("content")):
            if part.get("type") == "image_url":
                image = mapping(part.get("image_url"))
                yield openai_image(text(body.get("model")), image.get("detail"))
            elif not any(text(part.get(name)) for name in ("text", "refusal", "thinking")):
                yield None if part.get("type") != "text" else 0


def _unpriced(body: Body) -> Iterator[str]:
    if body.get("web_search_options") is not None:
        yield "web_search_options"
    model = text(body.get("model"))
    if "-search-preview" in model or "-search-api" in model or model.endswith(":online"):
        yield f"web search of {model}"
    for tool in objects(body.get("tools")):
        kind = text(tool.get("type")) or "function"
        if kind not in _FREE_TOOLS:
            yield kind
    yield from (f"plugin {plugin.get('id')}" for plugin in objects(body.get("plugins")))
    modalities = body.get("modalities")
    if isinstance(modalities, list) and "audio" in modalities:
        yield "audio"
    for message in objects(body.get("messages")):
        for part in inner_parts(message.get("content")):
            if part.get("type") == "input_audio":
                yield "input_audio"
    if body.get("service_tier") == "priority":
        yield "service_tier priority"


def _tool_calls(message: Mapping[str, Any]) -> Iterator[ToolCall]:
    legacy = message.get("function_call")
    if isinstance(legacy, Mapping):
        yield ToolCall("", text(legacy.get("name")), text(legacy.get("arguments")))
    for call in objects(message.get("tool_calls")):
        called = mapping(call.get("function") or call.get("custom"))
        arguments = called.get("arguments", called.get("input"))
        spelt = arguments if isinstance(arguments, str) else json_bodies.compact(arguments or {})
        yield ToolCall(text(call.get("id")), text(called.get("name")), spelt)


def _for_all(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """Rename the role that only OpenAI knows."""
    return {**message, "role": "system"} if message.get("role") == "developer" else message
