"""OpenAI's responses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pytest_lmopt.canonical import canonical_json
from pytest_lmopt.errors import LmoptError
from pytest_lmopt.lm.dialects import json_bodies
from pytest_lmopt.lm.dialects.call_ids import numbered
from pytest_lmopt.lm.dialects.errors import error_of
from pytest_lmopt.lm.dialects.finish_reasons import FILTERED, refused
from pytest_lmopt.lm.dialects.image_tokens import openai_image
from pytest_lmopt.lm.dialects.json_bodies import CUT, mapping, objects, text
from pytest_lmopt.lm.dialects.openai_rendering import openai_refusal
from pytest_lmopt.lm.dialects.openai_stream import is_streamed
from pytest_lmopt.lm.dialects.paths import deployment, path_of
from pytest_lmopt.lm.dialects.protocol import Answer, Body, HttpRequest, HttpResponse
from pytest_lmopt.lm.dialects.rendering import (
    content_text,
    inner_parts,
    input_bound,
    nested_size,
    size,
    tools_first,
    whole_number,
)
from pytest_lmopt.lm.dialects.responses_rendering import response_of
from pytest_lmopt.lm.dialects.responses_translation import as_chat
from pytest_lmopt.lm.dialects.usage_figures import responses_usage
from pytest_lmopt.wire import Completion, Limits, Message, Request, ToolCall

_BESIDES = ("tools", "text")
_NOT_READ = (*_BESIDES, "input", "instructions", "metadata", "include", "stream_options")
_STATE = ("previous_response_id", "conversation", "prompt")
"""What only the provider holds: the input may be as long as the model's context."""
_FREE_TOOLS = frozenset(
    {"function", "custom", "namespace", "mcp", "tool_search"}
    | {"local_shell", "shell", "apply_patch"}
)
_TEXT_PARTS = ("text", "input_text", "output_text", "refusal")
_ENDS = ("response.completed", "response.incomplete", "response.failed")


class OpenAIResponses:
    """``POST …/responses``."""

    name = "openai.responses"
    default_provider = "openai"
    has_chat = True

    def matches(self, request: HttpRequest, body: Body) -> bool:
        """Match by the end of the path and an input, which a stored prompt may hold."""
        return (
            request.method == "POST"
            and path_of(request).endswith("/responses")
            and any(name in body for name in ("input", *_STATE))
        )

    def model(self, request: HttpRequest, body: Body) -> str:
        """Find the model in the body, at Azure perhaps in the path."""
        return deployment(request) or text(body.get("model"))

    def messages(self, body: Body) -> tuple[Message, ...]:
        """Render tools, instructions and items as text."""
        return tuple(_rendered(numbered(body)))

    def limits(self, body: Body) -> Limits:
        """Find the limits; what only the provider holds has none."""
        return Limits(
            input=input_bound(_rendered(body), _besides(body)),
            output=whole_number(body.get("max_output_tokens")),
            unpriced=tuple(dict.fromkeys(_unpriced(body))),
        )

    def sent(self, body: Body) -> Body:
        """Add nothing: usage is always reported."""
        return body

    def answer(self, body: Body, response: HttpResponse) -> Answer:
        """Read the texts and calls among the output; what a model thinks is left out."""
        if is_streamed(body, response):
            whole = _last(response)
        else:
            whole = json_bodies.answered_object(response)
        if not isinstance(whole.get("output"), list):
            raise ValueError("the answer has no output: expected a list, found none")
        items, status = objects(whole["output"]), text(whole.get("status"))
        if status == "failed":
            raise ValueError("the provider reports an error: the response failed")
        parts = [part for each in items for part in objects(each.get("content"))]
        finish = text(mapping(whole.get("incomplete_details")).get("reason")) or status
        refusal = next((part for part in parts if part.get("type") == "refusal"), None)
        problem = FILTERED if finish == "content_filter" else ""
        if refusal is not None:
            problem = refused(text(refusal.get("refusal")))
        return Answer(
            text="".join(_text(part) for part in parts),
            tool_calls=tuple(_call(each) for each in items if _is_call(each)),
            reported=responses_usage(whole.get("usage")),
            finish=finish,
            problem=problem,
        )

    def delivered(self, body: Body, response: HttpResponse) -> HttpResponse:  # noqa: ARG002
        """Hide nothing."""
        return response

    def error(self, request: Request, response: HttpResponse) -> LmoptError:
        """Sort an error."""
        return error_of(request, response)

    def refusal(self, message: str) -> HttpResponse:
        """Word a refusal as OpenAI would."""
        return openai_refusal(message)

    def chat(self, body: Body) -> Mapping[str, Any]:
        """Translate to OpenAI's chat."""
        return as_chat(body)

    def render(self, body: Body, completion: Completion) -> HttpResponse:
        """Word a completion as OpenAI would."""
        return response_of(body, completion)


def _last(response: HttpResponse) -> dict[str, Any]:
    """Find the response that ends a stream. Raises ``ValueError`` where the stream was cut."""
    for _, event in json_bodies.event_objects(response):
        if event.get("type") in _ENDS:
            whole = dict(mapping(event.get("response")))
            json_bodies.raise_reported(whole)
            return whole
    raise ValueError(CUT)


def _text(part: Mapping[str, Any]) -> str:
    return text(part.get("text")) if part.get("type") == "output_text" else ""


def _is_call(item: Mapping[str, Any]) -> bool:
    """Whether an item asks the client to do something."""
    return text(item.get("type")).endswith("_call") and isinstance(item.get("call_id"), str)


def _call(item: Mapping[str, Any]) -> ToolCall:
    given = next((item[each] for each in ("arguments", "input") if each in item), None)
    if not isinstance(given, str):
        given = json_bodies.compact(item.get("action") or item.get("operation") or {})
    return ToolCall(item["call_id"], text(item.get("name")) or text(item.get("type")), given)


def _rendered(body: Body) -> Iterator[Message]:
    yield from tools_first(body, _BESIDES)
    if body.get("instructions"):
        yield Message("system", content_text(body["instructions"]))
    given = body.get("input")
    for item in [given] if isinstance(given, str) else objects(given):
        yield Message("user", item) if isinstance(item, str) else _item(item)


def _item(item: Mapping[str, Any]) -> Message:
    kind = text(item.get("type")) or "message"
    if kind == "message":
        return Message(text(item.get("role")) or "assistant", content_text(item.get("content")))
    if kind.endswith("_output"):
        output = item.get("output")
        said = f"[{output.get('type')}]" if isinstance(output, Mapping) else content_text(output)
        return Message("tool", said)
    if kind == "reasoning":
        return Message("assistant", content_text(item.get("summary") or "[reasoning]"))
    return Message("assistant", canonical_json(item))


def _besides(body: Body) -> Iterator[int | None]:
    """Iterate over the most tokens of what the rendering leaves out."""
    yield nested_size(body, _NOT_READ)
    if any(body.get(name) for name in _STATE):
        yield None
    for tool in objects(body.get("tools")):
        if text(tool.get("type")) not in _FREE_TOOLS - {"mcp"}:
            yield None
    for item in objects(body.get("input")):
        yield _item_bound(item)
        for held in ("content", "output"):
            for part in inner_parts(item.get(held)):
                yield _part_bound(text(body.get("model")), part)


def _item_bound(item: Mapping[str, Any]) -> int | None:
    kind = text(item.get("type"))
    if kind in ("reasoning", "compaction"):
        # what is encrypted is no longer than its text, and no token is shorter than a byte
        return size(item) if item.get("encrypted_content") else None
    if kind == "item_reference" or isinstance(item.get("output"), Mapping):
        return None
    return 0


def _part_bound(model: str, part: Mapping[str, Any]) -> int | None:
    if part.get("type") == "input_image":
        return None if part.get("file_id") else openai_image(model, part.get("detail"))
    return 0 if part.get("type") in _TEXT_PARTS else None


def _unpriced(body: Body) -> Iterator[str]:
    for tool in objects(body.get("tools")):
        if text(tool.get("type")) not in _FREE_TOOLS:
            yield str(tool.get("type"))
    if body.get("prompt"):
        yield "prompt"  # a stored prompt may hold any tool
    if body.get("service_tier") == "priority":
        yield "service_tier priority"
