"""Answers and refusals in Anthropic's words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pytest_lmopt.lm.dialects.events import Event
from pytest_lmopt.lm.dialects.finish_reasons import ending
from pytest_lmopt.lm.dialects.json_bodies import (
    compact,
    json_object,
    json_response,
    refused,
    stream_response,
)
from pytest_lmopt.lm.dialects.openai_rendering import answer_id, called
from pytest_lmopt.lm.dialects.protocol import Body, HttpResponse
from pytest_lmopt.lm.dialects.slices import json_pieces, words
from pytest_lmopt.wire import Completion

_FINISH = {"stop": "end_turn", "length": "max_tokens", "tools": "tool_use", "filter": "refusal"}


def anthropic_refusal(message: str) -> HttpResponse:
    """Word a refusal of ours as Anthropic's error."""
    error = {"type": "permission_error", "message": message}
    return refused({"type": "error", "error": error, "request_id": None})


def message_response(body: Body, completion: Completion) -> HttpResponse:
    """Word a completion as a message, as events where the body asks for a stream."""
    whole = _message(body, completion)
    if body.get("stream"):
        return stream_response([Event(e["type"], compact(e)) for e in _events(whole)])
    return json_response(whole)


def _message(body: Body, completion: Completion) -> dict[str, Any]:
    content: list[dict[str, Any]] = []
    if completion.text:
        content.append({"type": "text", "text": completion.text})
    for call in called(completion):
        given = json_object(call.arguments) or {}
        content.append({"type": "tool_use", "id": call.id, "name": call.name, "input": given})
    return {
        "id": f"msg_{answer_id(completion)}",
        "type": "message",
        "role": "assistant",
        "model": body.get("model") or "",
        "content": content,
        "stop_reason": _FINISH[ending(completion)],
        "stop_sequence": None,
        "usage": {
            "input_tokens": completion.usage.input_tokens,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": completion.usage.output_tokens,
        },
    }


def _events(whole: dict[str, Any]) -> Iterator[dict[str, Any]]:
    usage = whole["usage"]
    begun = {**whole, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    yield {"type": "message_start", "message": begun}
    for index, block in enumerate(whole["content"]):
        is_text = block["type"] == "text"
        empty = {**block, "text": ""} if is_text else {**block, "input": {}}
        yield {"type": "content_block_start", "index": index, "content_block": empty}
        for delta in _text_deltas(block) if is_text else _input_deltas(block):
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    end = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    yield {
        "type": "message_delta",
        "delta": end,
        "usage": {"output_tokens": usage["output_tokens"]},
    }
    yield {"type": "message_stop"}


def _text_deltas(block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for piece in words(block["text"]):
        yield {"type": "text_delta", "text": piece}


def _input_deltas(block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for piece in json_pieces(compact(block["input"])):
        yield {"type": "input_json_delta", "partial_json": piece}
