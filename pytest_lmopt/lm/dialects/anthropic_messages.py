"""Anthropic's messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pytest_lmopt.errors import LmoptError
from pytest_lmopt.lm.dialects import image_tokens, json_bodies
from pytest_lmopt.lm.dialects.anthropic_rendering import anthropic_refusal, message_response
from pytest_lmopt.lm.dialects.anthropic_stream import assembled
from pytest_lmopt.lm.dialects.anthropic_translation import as_chat
from pytest_lmopt.lm.dialects.call_ids import numbered
from pytest_lmopt.lm.dialects.errors import error_of
from pytest_lmopt.lm.dialects.finish_reasons import refused
from pytest_lmopt.lm.dialects.json_bodies import mapping, objects, text
from pytest_lmopt.lm.dialects.openai_stream import is_streamed
from pytest_lmopt.lm.dialects.paths import path_of
from pytest_lmopt.lm.dialects.protocol import Answer, Body, HttpRequest, HttpResponse
from pytest_lmopt.lm.dialects.rendering import (
    content_text,
    inner_parts,
    input_bound,
    nested_size,
    size,
    size_without,
    tools_first,
    whole_number,
)
from pytest_lmopt.lm.dialects.usage_figures import anthropic_usage
from pytest_lmopt.wire import Completion, Limits, Message, Request, ToolCall

_BESIDES = ("tools", "output_format", "output_config")
_NOT_READ = (*_BESIDES, "messages", "system", "metadata", "stop_sequences")
_OWN_TOOLS = ("bash_", "text_editor_", "computer_", "memory_")
"""Tools that Anthropic defines and the client runs: they cost tokens only."""
_TOOL_PROMPT = 600
"""Tokens of the system prompt for tools: the most in Anthropic's table is 530."""
_OWN_TOOL = 1_000
"""Tokens of the definition of a tool of Anthropic's: the most in its documents is 735."""
_TEXT_PARTS = ("text", "tool_use", "server_tool_use", "mcp_tool_use", "tool_result")


class AnthropicMessages:
    """``POST …/v1/messages``."""

    name = "anthropic.messages"
    default_provider = "anthropic"
    has_chat = True

    def matches(self, request: HttpRequest, body: Body) -> bool:
        """Match by the end of the path and ``messages``; counts and batches have other paths."""
        return (
            request.method == "POST"
            and path_of(request).endswith("/v1/messages")
            and isinstance(body.get("messages"), list)
        )

    def model(self, request: HttpRequest, body: Body) -> str:  # noqa: ARG002
        """Find the model in the body."""
        return text(body.get("model"))

    def messages(self, body: Body) -> tuple[Message, ...]:
        """Render tools, system and messages as text; a tool's result is a message of its own."""
        return tuple(_rendered(numbered(body)))

    def limits(self, body: Body) -> Limits:
        """Find the limits; of images by Anthropic's rule, of other files none."""
        return Limits(
            input=input_bound(_rendered(body), _besides(body)),
            output=whole_number(body.get("max_tokens")),
            unpriced=tuple(dict.fromkeys(_unpriced(body))),
        )

    def sent(self, body: Body) -> Body:
        """Add nothing: usage is always reported."""
        return body

    def answer(self, body: Body, response: HttpResponse) -> Answer:
        """Read the text and tool calls; what a model thinks is left out."""
        if is_streamed(body, response):
            whole = assembled(response)
        else:
            whole = json_bodies.answered_object(response)
        if not isinstance(whole.get("content"), list):
            raise ValueError("the answer has no content: expected a list, found none")
        blocks, finish = objects(whole["content"]), text(whole.get("stop_reason"))
        return Answer(
            text="".join(text(each.get("text")) for each in blocks if each.get("type") == "text"),
            tool_calls=tuple(_call(each) for each in blocks if each.get("type") == "tool_use"),
            reported=anthropic_usage(whole.get("usage")),
            finish=finish,
            problem=refused("") if finish == "refusal" else "",
        )

    def delivered(self, body: Body, response: HttpResponse) -> HttpResponse:  # noqa: ARG002
        """Hide nothing."""
        return response

    def error(self, request: Request, response: HttpResponse) -> LmoptError:
        """Sort an error."""
        return error_of(request, response)

    def refusal(self, message: str) -> HttpResponse:
        """Word a refusal as Anthropic would."""
        return anthropic_refusal(message)

    def chat(self, body: Body) -> Mapping[str, Any]:
        """Translate to OpenAI's chat."""
        return as_chat(body)

    def render(self, body: Body, completion: Completion) -> HttpResponse:
        """Word a completion as Anthropic would."""
        return message_response(body, completion)


def _rendered(body: Body) -> Iterator[Message]:
    yield from tools_first(body, _BESIDES)
    if body.get("system"):
        yield Message("system", content_text(body["system"]))
    for message in objects(body.get("messages")):
        content, rest = message.get("content"), []
        for part in content if isinstance(content, list) else [content]:
            if isinstance(part, Mapping) and part.get("type") == "tool_result":
                yield Message("tool", content_text(part.get("content")))
            else:
                rest.append(part)
        if rest:
            yield Message(text(message.get("role")) or "user", content_text(rest))


def _besides(body: Body) -> Iterator[int | None]:
    """Iterate over the most tokens of what the rendering leaves out."""
    yield nested_size(body, _NOT_READ)
    if body.get("mcp_servers"):
        yield None
    tools = objects(body.get("tools"))
    yield _TOOL_PROMPT if tools else 0
    for tool in tools:
        kind = text(tool.get("type"))
        if kind and kind != "custom":
            yield _OWN_TOOL if kind.startswith(_OWN_TOOLS) else None
    for part in _parts(body):
        yield _part_bound(part)


def _parts(body: Body) -> Iterator[Mapping[str, Any]]:
    yield from inner_parts(body.get("system"))
    for message in objects(body.get("messages")):
        yield from inner_parts(message.get("content"))


def _part_bound(part: Mapping[str, Any]) -> int | None:
    kind, source = part.get("type"), mapping(part.get("source"))
    if kind == "image":
        return image_tokens.ANTHROPIC
    if kind in ("document", "container_upload"):
        return (
            size_without(part, ("source",)) if source.get("type") in ("text", "content") else None
        )
    # what is encrypted is no longer than its text, and no token is shorter than a byte
    return 16 if kind in _TEXT_PARTS else size(part)


def _unpriced(body: Body) -> Iterator[str]:
    for tool in objects(body.get("tools")):
        kind = text(tool.get("type"))
        if kind and kind != "custom" and not kind.startswith(_OWN_TOOLS):
            yield kind
    if body.get("speed") == "fast":
        yield "speed fast"


def _call(block: Mapping[str, Any]) -> ToolCall:
    given = block.get("input")
    spelt = given if isinstance(given, str) else json_bodies.compact(given or {})
    return ToolCall(text(block.get("id")), text(block.get("name")), spelt)
