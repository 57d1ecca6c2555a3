"""OpenAI responses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from doubles.provider_protocols.answering import Asked, Json, Said, Tool, expect, known, names

_FIELDS = names(
    "model input instructions stream stream_options temperature top_p max_output_tokens tools"
    " tool_choice parallel_tool_calls text reasoning store metadata include truncation user"
    " service_tier background max_tool_calls prompt_cache_key safety_identifier top_logprobs"
)


def asked(body: Json) -> Asked:
    """Check the body and read what it asks."""
    known(body, _FIELDS)
    given = body.get("input")
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given
    expect(isinstance(items, list) and items, "input: expected a text or a list of items")
    assert isinstance(items, list)
    texts = [body["instructions"]] if body.get("instructions") else []
    called: set[str] = set()
    answered: set[str] = set()
    for place, item in enumerate(items):
        kind = item.get("type", "message")
        if kind == "function_call":
            json.loads(item["arguments"])
            texts.append(item["arguments"])
            called.add(item["call_id"])
        elif kind == "function_call_output":
            found = item.get("call_id")
            expect(found in called, f"input.{place}: No tool call found for call_id {found!r}")
            answered.add(found)
            texts += _texts(item["output"], place)
        else:
            expect(kind == "message", f"input.{place}: unknown type {kind!r}")
            roles = ("system", "developer", "user", "assistant")
            expect(item.get("role") in roles, f"input.{place}: unknown role {item.get('role')!r}")
            expect(item.get("content"), f"input.{place}: an item without content")
            texts += _texts(item["content"], place)
    missing = sorted(called - answered)
    expect(not missing, f"No tool output found for function call {missing}")
    tools = body.get("tools") or ()
    kinds = {tool.get("type") for tool in tools} - {"function"}
    expect(not kinds, f"tools: expected functions, found {kinds}")
    form = (body.get("text") or {}).get("format") or {}
    choice = body.get("tool_choice")
    return Asked(
        texts=tuple(texts),
        tools=tuple(Tool(name=tool["name"], schema=tool["parameters"]) for tool in tools),
        forced=choice["name"] if isinstance(choice, dict) else choice == "required",
        results=items[-1].get("type") == "function_call_output",
        schema=form["schema"] if form.get("type") == "json_schema" else None,
    )


def _texts(content: Any, place: int) -> Iterator[str]:
    if isinstance(content, str):
        yield content
        return
    expect(isinstance(content, list), f"input.{place}.content: wrong type")
    for part in content:
        kind = part.get("type")
        kinds = ("input_text", "output_text", "refusal", "input_image")
        expect(kind in kinds, f"input.{place}: unknown part {kind!r}")
        if "text" in part:
            yield part["text"]


def _items(said: Said) -> list[Json]:
    items: list[Json] = []
    if said.text:
        part = {"type": "output_text", "text": said.text, "annotations": [], "logprobs": []}
        items.append(
            {
                "id": f"msg_{said.id}",
                "type": "message",
                "status": "completed",
                "role": "assistant",
                "content": [part],
            }
        )
    return items + [
        {
            "id": f"fc_{call.id}",
            "type": "function_call",
            "status": "completed",
            "call_id": f"call_{call.id}",
            "name": call.name,
            "arguments": call.arguments,
        }
        for call in said.calls
    ]


def whole(body: Json, said: Said) -> Json:
    """The answer as one object."""
    return {
        "id": f"resp_{said.id}",
        "object": "response",
        "created_at": 1_700_000_000,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "model": body["model"],
        "output": _items(said),
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "store": body.get("store", True),
        "temperature": 1.0,
        "text": body.get("text") or {"format": {"type": "text"}},
        "tool_choice": body.get("tool_choice") or "auto",
        "tools": body.get("tools") or [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": {
            "input_tokens": said.input_tokens,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": said.output_tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": said.input_tokens + said.output_tokens,
        },
        "user": None,
        "metadata": {},
    }


def events(body: Json, said: Said) -> Iterator[tuple[str, str]]:
    """The answer as a stream: pairs of an event's name and its data."""
    for number, (name, fields) in enumerate(_events(body, said)):
        yield name, json.dumps({"type": name, "sequence_number": number, **fields})


def _events(body: Json, said: Said) -> Iterator[tuple[str, Json]]:
    response = whole(body, said)
    begun = {**response, "status": "in_progress", "output": [], "usage": None}
    yield "response.created", {"response": begun}
    yield "response.in_progress", {"response": begun}
    for index, item in enumerate(response["output"]):
        place = {"item_id": item["id"], "output_index": index}
        is_text = item["type"] == "message"
        emptied: Json = {"content": []} if is_text else {"arguments": ""}
        start = {**item, "status": "in_progress", **emptied}
        yield "response.output_item.added", {"output_index": index, "item": start}
        yield from _text(place, item["content"][0], said) if is_text else _call(place, item)
        yield "response.output_item.done", {"output_index": index, "item": item}
    yield "response.completed", {"response": response}


def _text(place: Json, part: Json, said: Said) -> Iterator[tuple[str, Json]]:
    place = {**place, "content_index": 0}
    yield "response.content_part.added", {**place, "part": {**part, "text": ""}}
    for piece in said.pieces():
        yield "response.output_text.delta", {**place, "delta": piece, "logprobs": []}
    yield "response.output_text.done", {**place, "text": part["text"], "logprobs": []}
    yield "response.content_part.done", {**place, "part": part}


def _call(place: Json, item: Json) -> Iterator[tuple[str, Json]]:
    spelled = item["arguments"]
    half = len(spelled) // 2
    for delta in (spelled[:half], spelled[half:]):
        yield "response.function_call_arguments.delta", {**place, "delta": delta}
    done = {**place, "name": item["name"], "arguments": spelled}
    yield "response.function_call_arguments.done", done
