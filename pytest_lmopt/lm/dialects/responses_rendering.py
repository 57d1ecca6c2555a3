"""Answers in the words of OpenAI's responses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pytest_lmopt.lm.dialects.events import Event
from pytest_lmopt.lm.dialects.finish_reasons import ending
from pytest_lmopt.lm.dialects.json_bodies import compact, json_response, stream_response
from pytest_lmopt.lm.dialects.openai_rendering import answer_id, called
from pytest_lmopt.lm.dialects.protocol import Body, HttpResponse
from pytest_lmopt.lm.dialects.slices import json_pieces, words
from pytest_lmopt.wire import Completion, Usage

_ECHOED = ("instructions", "metadata", "temperature", "top_p", "max_output_tokens", "text")
_REASONS = {"length": "max_output_tokens", "filter": "content_filter"}


def response_of(body: Body, completion: Completion) -> HttpResponse:
    """Word a completion as a response, as events where the body asks for a stream."""
    whole = _whole(body, completion)
    if not body.get("stream"):
        return json_response(whole)
    sent = [
        Event(event["type"], compact({**event, "sequence_number": number}))
        for number, event in enumerate(_events(whole))
    ]
    return stream_response(sent)


def _whole(body: Body, completion: Completion) -> dict[str, Any]:
    reason = _REASONS.get(ending(completion))
    return {
        "id": f"resp_{answer_id(completion)}",
        "object": "response",
        "created_at": 0,
        "status": "incomplete" if reason else "completed",
        "error": None,
        "incomplete_details": {"reason": reason} if reason else None,
        "model": body.get("model") or "",
        "output": _output(completion),
        "parallel_tool_calls": body.get("parallel_tool_calls") is not False,
        "tool_choice": body.get("tool_choice") or "auto",
        "tools": body.get("tools") or [],
        **{name: body[name] for name in _ECHOED if name in body},
        "usage": _usage(completion.usage),
    }


def _output(completion: Completion) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    name = answer_id(completion)
    if completion.text or not completion.tool_calls:
        part = {"type": "output_text", "text": completion.text, "annotations": [], "logprobs": []}
        found.append(
            {
                "id": f"msg_{name}",
                "type": "message",
                "role": "assistant",
                "status": "completed",
                "content": [part],
            }
        )
    for place, call in enumerate(called(completion)):
        found.append(
            {
                "id": f"fc_{name}{place}",
                "type": "function_call",
                "status": "completed",
                "call_id": call.id,
                "name": call.name,
                "arguments": call.arguments,
            }
        )
    return found


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.tokens,
    }


def _events(whole: dict[str, Any]) -> Iterator[dict[str, Any]]:
    begun = {
        **whole,
        "status": "in_progress",
        "incomplete_details": None,
        "output": [],
        "usage": None,
    }
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    for index, item in enumerate(whole["output"]):
        is_call = item["type"] == "function_call"
        empty: dict[str, Any] = {"arguments": ""} if is_call else {"content": []}
        place = {"output_index": index}
        added = {**item, "status": "in_progress", **empty}
        yield {"type": "response.output_item.added", **place, "item": added}
        for event in _call_events(item) if is_call else _text_events(item):
            yield {**event, **place, "item_id": item["id"]}
        yield {"type": "response.output_item.done", **place, "item": item}
    yield {"type": f"response.{whole['status']}", "response": whole}


def _text_events(item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    part, place = item["content"][0], {"content_index": 0}
    yield {"type": "response.content_part.added", **place, "part": {**part, "text": ""}}
    for piece in words(part["text"]):
        yield {"type": "response.output_text.delta", **place, "delta": piece, "logprobs": []}
    done = {"text": part["text"], "logprobs": []}
    yield {"type": "response.output_text.done", **place, **done}
    yield {"type": "response.content_part.done", **place, "part": part}


def _call_events(item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for piece in json_pieces(item["arguments"]):
        yield {"type": "response.function_call_arguments.delta", "delta": piece}
    done = {"name": item["name"], "arguments": item["arguments"]}
    yield {"type": "response.function_call_arguments.done", **done}
