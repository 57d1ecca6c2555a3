"""Streams of OpenAI's chat and legacy completions: put together, and their usage asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pytest_lmopt.lm.dialects.events import events, pieces
from pytest_lmopt.lm.dialects.json_bodies import (
    CUT,
    answered_object,
    answered_text,
    event_objects,
    json_object,
    mapping,
    objects,
)
from pytest_lmopt.lm.dialects.protocol import Body, HttpResponse

_NO_USAGE = re.compile(rb',\s*"usage"\s*:\s*null(?=\s*[,}])|"usage"\s*:\s*null\s*,\s*')


def asks_usage(body: Body) -> bool:
    """Whether a client asks for a stream's usage."""
    return bool(mapping(body.get("stream_options")).get("include_usage"))


def with_usage(body: Body) -> Body:
    """Ask for a stream's usage; the same object if it is asked for, or nothing streams."""
    if not body.get("stream") or asks_usage(body):
        return body
    return {
        **body,
        "stream_options": {**mapping(body.get("stream_options")), "include_usage": True},
    }


def is_streamed(body: Body, response: HttpResponse) -> bool:
    """Whether an answer is a stream; some servers leave out the header that says so."""
    if response.is_stream:
        return True
    return bool(body.get("stream")) and not response.body.lstrip().startswith(b"{")


def without_usage(body: Body, response: HttpResponse) -> HttpResponse:
    """Hide the usage that ``with_usage`` asked for; all other bytes stay as they came."""
    if with_usage(body) is body or not is_streamed(body, response):
        return response
    kept = b"".join(_without_usage(piece) for piece in pieces(response.body))
    return response if kept == response.body else replace(response, body=kept)


def whole_answer(body: Body, response: HttpResponse) -> Mapping[str, Any]:
    """Read an answer, put together where it is a stream; raises ``ValueError`` where it is none."""
    return assembled(response) if is_streamed(body, response) else answered_object(response)


def assembled(response: HttpResponse) -> dict[str, Any]:
    """Put a stream together as the answer that it would have been in one piece.

    Raises ``ValueError`` where it was cut. Some servers leave out ``[DONE]``: it is whole, too,
    when each of its choices has a reason for its end.
    """
    choices: dict[int, dict[str, Any]] = {}
    usage, done = None, False
    for event, chunk in event_objects(response):
        done = event.data == "[DONE]"
        usage = chunk.get("usage") or usage
        for part in objects(chunk.get("choices")):
            index = part.get("index")
            _add(choices.setdefault(index if isinstance(index, int) else 0, _empty()), part)
    ended = bool(choices) and all(choice["finish_reason"] for choice in choices.values())
    if not (done or ended):
        raise ValueError(CUT)
    return {"choices": [choices[index] for index in sorted(choices)], "usage": usage}


def _empty() -> dict[str, Any]:
    message = {"content": "", "refusal": "", "tool_calls": []}
    return {"message": message, "text": "", "finish_reason": None}


def _add(choice: dict[str, Any], part: Mapping[str, Any]) -> None:
    choice["finish_reason"] = part.get("finish_reason") or choice["finish_reason"]
    if isinstance(part.get("text"), str):
        choice["text"] += part["text"]
    delta, message = mapping(part.get("delta")), choice["message"]
    if delta.get("content"):
        message["content"] += answered_text(delta["content"])
    if isinstance(delta.get("refusal"), str):
        message["refusal"] += delta["refusal"]
    for call in objects(delta.get("tool_calls")):
        _add_call(message["tool_calls"], call)
    if isinstance(delta.get("function_call"), Mapping):
        held = message.setdefault("function_call", {"name": "", "arguments": ""})
        _add_texts(held, delta["function_call"])


def _add_call(calls: list[dict[str, Any]], part: Mapping[str, Any]) -> None:
    """Add to the call that a part continues: that of its index, unless it has another id."""
    index, given = part.get("index"), part.get("id")
    held = next(
        (
            call
            for call in reversed(calls)
            if call["index"] == index and (not given or call["id"] in ("", given))
        ),
        None,
    )
    if held is None:
        held = {"index": index, "id": "", "function": {"name": "", "arguments": ""}}
        calls.append(held)
    held["id"] = held["id"] or given or ""
    custom = mapping(part.get("custom"))
    if custom:
        said = {"name": custom.get("name"), "arguments": custom.get("input")}
        _add_texts(held["function"], said)
    _add_texts(held["function"], mapping(part.get("function")))


def _add_texts(held: dict[str, Any], part: Mapping[str, Any]) -> None:
    for name in ("name", "arguments"):
        if isinstance(part.get(name), str):
            held[name] += part[name]


def _without_usage(piece: bytes) -> bytes:
    event = next(events(piece), None)
    chunk = json_object(event.data) if event else None
    if chunk is None or "usage" not in chunk:
        return piece
    if chunk["usage"] is not None:
        return piece if chunk.get("choices") != [] else b""
    shorter = _NO_USAGE.sub(b"", piece, count=1)
    rest = next(events(shorter), None)
    expected = {name: value for name, value in chunk.items() if name != "usage"}
    return shorter if rest and json_object(rest.data) == expected else piece
