"""What a call says, as messages of OpenTelemetry's GenAI conventions, secrets hidden.

Source: gen-ai-input-messages.json, gen-ai-output-messages.json and gen-ai-tool-definitions.json of
open-telemetry's semantic-conventions-genai, as of 2026.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pytest_lmopt.lm.dialects.json_bodies import mapping, objects, text
from pytest_lmopt.lm.dialects.registry import dialect_named
from pytest_lmopt.lm.dialects.rendering import content_text
from pytest_lmopt.safe_text import redact, through
from pytest_lmopt.wire import Completion, Request


def question(request: Request) -> dict[str, str]:
    """Attributes of what is sent: the messages, and the tools offered."""
    chat = _chat(request)
    if chat is None:
        said = [{"role": role, "parts": [_text(words)]} for role, words in request.messages]
        return {"gen_ai.input.messages": _spelt(said)}
    said = [
        {"role": text(each.get("role")), "parts": [*_parts(each)]}
        for each in objects(chat.get("messages"))
    ]
    found = {"gen_ai.input.messages": _spelt(said)}
    if tools := objects(chat.get("tools")):
        found["gen_ai.tool.definitions"] = _spelt([_tool(each) for each in tools])
    return found


def answer(completion: Completion) -> dict[str, str]:
    """Attributes of what came back: one message, with its tool calls as parts."""
    calls = [_call(*each) for each in completion.tool_calls]
    parts = [_text(completion.text)] if completion.text or not calls else []
    message = {"role": "assistant", "parts": [*parts, *calls]}
    finish = completion.finish or "stop"
    return {"gen_ai.output.messages": _spelt([{**message, "finish_reason": finish}])}


def _chat(request: Request) -> Mapping[str, Any] | None:
    """A client's request as the arguments of OpenAI's chat; None where it can't be one."""
    if "messages" in request.params:  # another model answers: it is translated already
        return request.params
    if not request.dialect:
        return None
    try:
        return dialect_named(request.dialect).chat(mapping(request.params.get("body")))
    except (ValueError, TypeError, AttributeError):  # shown as text: no span may cost a call
        return None


def _parts(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    content = message.get("content")
    if message.get("role") == "tool":
        answered = {"id": text(message.get("tool_call_id")), "response": content_text(content)}
        yield {"type": "tool_call_response", **answered}
        return
    if content:
        yield from (_text(content_text([each])) for each in _items(content))
    for each in objects(message.get("tool_calls")):
        called = mapping(each.get("function"))
        yield _call(text(each.get("id")), text(called.get("name")), text(called.get("arguments")))


def _items(content: Any) -> Iterable[Any]:
    return content if isinstance(content, list) else [content]


def _text(words: str) -> dict[str, Any]:
    return {"type": "text", "content": words}


def _call(identity: str, name: str, arguments: str) -> dict[str, Any]:
    try:
        given = json.loads(arguments)
    except (ValueError, RecursionError):
        given = arguments
    return {"type": "tool_call", "id": identity, "name": name, "arguments": given}


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "function", **mapping(tool.get("function"))}


def _spelt(messages: Any) -> str:
    return json.dumps(through(messages, redact), ensure_ascii=False)
