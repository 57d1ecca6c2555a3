"""Anthropic messages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from doubles.provider_protocols.answering import Asked, Json, Said, Tool, expect, known, names

_FIELDS = names(
    "model messages max_tokens metadata stop_sequences stream system temperature thinking"
    " tool_choice tools top_k top_p service_tier output_config output_format container"
)


def asked(body: Json) -> Asked:
    """Check the body and read what it asks."""
    known(body, _FIELDS)
    expect(isinstance(body.get("max_tokens"), int), "max_tokens: Field required")
    messages = body.get("messages")
    expect(isinstance(messages, list) and messages, "messages: at least one message is required")
    assert isinstance(messages, list)
    texts = [*_texts(body.get("system"), "system")]
    waiting: set[str] = set()
    results = False
    for place, message in enumerate(messages):
        role, content = message.get("role"), message.get("content")
        where = f"messages.{place}"
        expect(role in ("user", "assistant"), f"{where}: unexpected role {role!r}")
        expect(content, f"{where}: content is empty")
        texts += _texts(content, where)
        blocks = content if isinstance(content, list) else []
        returned = {b.get("tool_use_id") for b in blocks if b["type"] == "tool_result"}
        unknown, unanswered = sorted(returned - waiting), sorted(waiting - returned)
        expect(not unknown, f"{where}: unexpected `tool_use_id` in `tool_result`: {unknown}")
        expect(not unanswered, f"{where}: `tool_use` ids without `tool_result`: {unanswered}")
        waiting = {block["id"] for block in blocks if block["type"] == "tool_use"}
        expect(role == "assistant" or not waiting, f"{where}: tool_use in a user message")
        results = bool(returned)
    expect(not waiting, f"`tool_use` ids without `tool_result`: {sorted(waiting)}")
    choice = body.get("tool_choice") or {}
    output = (body.get("output_config") or {}).get("format") or body.get("output_format") or {}
    return Asked(
        texts=tuple(texts),
        tools=tuple(
            Tool(name=tool["name"], schema=tool["input_schema"]) for tool in body.get("tools") or ()
        ),
        forced=choice.get("name") or choice.get("type") == "any",
        results=results,
        schema=output.get("schema"),
    )


def _texts(content: Any, where: str) -> Iterator[str]:
    if isinstance(content, str):
        yield content
        return
    for block in content or ():
        match block.get("type"):
            case "text":
                yield block["text"]
            case "tool_use":
                yield json.dumps(block["input"])
            case "tool_result":
                yield from _texts(block.get("content"), where)
            case kind:
                expect(kind == "image", f"{where}: unknown block {kind!r}")


def _usage(said: Said) -> Json:
    return {
        "input_tokens": said.input_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": said.output_tokens,
        "service_tier": "standard",
    }


def _blocks(said: Said) -> list[Json]:
    blocks: list[Json] = [{"type": "text", "text": said.text}] if said.text else []
    return blocks + [
        {
            "type": "tool_use",
            "id": f"toolu_{call.id}",
            "name": call.name,
            "input": json.loads(call.arguments),
        }
        for call in said.calls
    ]


def whole(body: Json, said: Said) -> Json:
    """The answer as one object."""
    return {
        "id": f"msg_{said.id}",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": _blocks(said),
        "stop_reason": "tool_use" if said.calls else "end_turn",
        "stop_sequence": None,
        "usage": _usage(said),
    }


def events(body: Json, said: Said) -> Iterator[tuple[str, str]]:
    """The answer as a stream: pairs of an event's name and its data."""

    def event(name: str, **fields: Any) -> tuple[str, str]:
        return name, json.dumps({"type": name, **fields})

    message = whole(body, said)
    begun = {**message["usage"], "output_tokens": 1}
    head = {**message, "content": [], "stop_reason": None, "usage": begun}
    yield event("message_start", message=head)
    for index, block in enumerate(message["content"]):
        if block["type"] == "text":
            start: Json = {"type": "text", "text": ""}
            deltas = [{"type": "text_delta", "text": piece} for piece in said.pieces()]
        else:
            start = {**block, "input": {}}
            spelled = json.dumps(block["input"])
            half = len(spelled) // 2
            parts = ("", spelled[:half], spelled[half:])
            deltas = [{"type": "input_json_delta", "partial_json": part} for part in parts]
        yield event("content_block_start", index=index, content_block=start)
        if index == 0:
            yield event("ping")
        for delta in deltas:
            yield event("content_block_delta", index=index, delta=delta)
        yield event("content_block_stop", index=index)
    ended = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    yield event("message_delta", delta=ended, usage={"output_tokens": said.output_tokens})
    yield event("message_stop")


def error(message: str, status: int, code: str | None) -> Json:
    """The provider's form of an error."""
    kinds = {
        401: "authentication_error",
        404: "not_found_error",
        429: "rate_limit_error",
        500: "api_error",
    }
    kind = kinds.get(status, "invalid_request_error")
    return {
        "type": "error",
        "error": {"type": kind, "message": message},
        "request_id": "req_double",
    }
