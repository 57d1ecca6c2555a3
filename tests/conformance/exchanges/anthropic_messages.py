"""Exchanges with Anthropic."""

from __future__ import annotations

from typing import Any

from conformance.exchanges.exchange import Exchange, json_answer, named_stream

from pytest_lmopt.errors import LmoptError, ModelError, RefusedError, TransientError
from pytest_lmopt.lm.dialects.protocol import HttpResponse
from pytest_lmopt.wire import ToolCall

BODY: dict[str, Any] = {
    "model": "claude-sonnet-4-5",
    "max_tokens": 1024,
    "messages": [{"role": "user", "content": "Weather in Rome?"}],
}
TOOLS = {"tools": [{"name": "weather", "input_schema": {"type": "object", "properties": {}}}]}
STREAMED = {**BODY, "stream": True}
USAGE = {"input_tokens": 9, "output_tokens": 12}
READ = (9, 12, None, None, None)
CALLS = (
    ToolCall("toolu_1", "weather", '{"city":"Rome"}'),
    ToolCall("toolu_2", "weather", '{"city":"Oslo"}'),
)
_INPUTS = ({"city": "Rome"}, {"city": "Oslo"})


def _answer(content: object, stop: str = "end_turn", usage: Any = USAGE) -> HttpResponse:
    whole = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5"}
    end = {"stop_reason": stop, "stop_sequence": None}
    return json_answer({**whole, "content": content, **end, "usage": usage})


def _text(text: str) -> dict[str, object]:
    return {"type": "text", "text": text}


def _tool(place: int) -> dict[str, object]:
    call = CALLS[place]
    return {"type": "tool_use", "id": call.id, "name": call.name, "input": _INPUTS[place]}


START: dict[str, Any] = {
    "type": "message_start",
    "message": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 9, "cache_read_input_tokens": 4, "output_tokens": 1},
    },
}


def block(index: int, begun: object, *deltas: object) -> list[dict[str, Any]]:
    """The events of a block of content."""
    return [
        {"type": "content_block_start", "index": index, "content_block": begun},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def end(stop: str) -> list[dict[str, Any]]:
    """The events at the end of a stream."""
    delta = {"stop_reason": stop, "stop_sequence": None}
    return [
        {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 12}},
        {"type": "message_stop"},
    ]


TEXT_EVENTS: list[dict[str, Any]] = [
    START,
    {"type": "ping"},
    *block(
        0,
        _text(""),
        {"type": "text_delta", "text": "Sunny, "},
        {"type": "text_delta", "text": "日本 25 °C."},
    ),
    *end("end_turn"),
]
TOOL_EVENTS: list[dict[str, Any]] = [
    START,
    *block(
        0,
        {"type": "thinking", "thinking": "", "signature": ""},
        {"type": "thinking_delta", "thinking": "Hm."},
        {"type": "signature_delta", "signature": "abc"},
    ),
    *block(1, _text(""), {"type": "text_delta", "text": "Both."}),
    *block(
        2,
        {**_tool(0), "input": {}},
        {"type": "input_json_delta", "partial_json": ""},
        {"type": "input_json_delta", "partial_json": '{"city": '},
        {"type": "input_json_delta", "partial_json": '"Rome"}'},
    ),
    *block(
        3,
        {**_tool(1), "input": {}},
        {"type": "input_json_delta", "partial_json": '{"city":"Oslo"}'},
    ),
    *end("tool_use"),
]


def _errors() -> tuple[Exchange, ...]:
    found: tuple[tuple[int, str, str, type[LmoptError]], ...] = (
        (400, "invalid_request_error", "max_tokens: Field required", RefusedError),
        (400, "invalid_request_error", "prompt is too long: 9 tokens > 8 maximum", RefusedError),
        (400, "invalid_request_error", "Your credit balance is too low", ModelError),
        (401, "authentication_error", "invalid x-api-key", ModelError),
        (402, "billing_error", "Payment required", ModelError),
        (403, "permission_error", "no permission", ModelError),
        (404, "not_found_error", "model: claude-9", ModelError),
        (413, "request_too_large", "Request exceeds the maximum size", RefusedError),
        (429, "rate_limit_error", "This request would exceed", TransientError),
        (500, "api_error", "Internal server error", TransientError),
        (504, "timeout_error", "Request timed out", TransientError),
        (529, "overloaded_error", "Overloaded", TransientError),
    )
    return tuple(
        Exchange(
            name=f"{status} {said}",
            body=BODY,
            response=json_answer(
                {"type": "error", "error": {"type": kind, "message": said}, "request_id": "req_1"},
                status,
                {"retry-after": "2"} if status == 429 else None,
            ),
            error=error,
            said=said,
            rate_limited=status in (429, 529),
            retry_after=2.0 if status == 429 else None,
        )
        for status, kind, said, error in found
    )


EXCHANGES = (
    Exchange(
        name="text",
        body=BODY,
        response=_answer([_text("Sunny.")]),
        text="Sunny.",
        finish="end_turn",
        figures=READ,
    ),
    Exchange(
        name="tool",
        body={**BODY, **TOOLS},
        response=_answer([_tool(0)], "tool_use"),
        tool_calls=CALLS[:1],
        finish="tool_use",
        figures=READ,
    ),
    Exchange(
        name="parallel tools",
        body={**BODY, **TOOLS},
        response=_answer([_text("Both."), _tool(0), _tool(1)], "tool_use"),
        text="Both.",
        tool_calls=CALLS,
        finish="tool_use",
        figures=READ,
    ),
    Exchange(
        name="thinking",
        body=BODY,
        response=_answer([{"type": "thinking", "thinking": "Hm.", "signature": "a"}, _text("So")]),
        text="So",
        finish="end_turn",
        figures=READ,
    ),
    Exchange(
        name="stream",
        body=STREAMED,
        response=named_stream(TEXT_EVENTS),
        text="Sunny, 日本 25 °C.",
        finish="end_turn",
        figures=(13, 12, 4, None, None),
    ),
    Exchange(
        name="stream with tools",
        body={**STREAMED, **TOOLS},
        response=named_stream(TOOL_EVENTS),
        text="Both.",
        tool_calls=CALLS,
        finish="tool_use",
        figures=(13, 12, 4, None, None),
    ),
    Exchange(
        name="stream cut in a tool",
        body={**STREAMED, **TOOLS},
        response=named_stream(TOOL_EVENTS[:-4]),
        unreadable=True,
        said="was cut",
    ),
    Exchange(
        name="stream cut before its end",
        body=STREAMED,
        response=named_stream(TEXT_EVENTS[:-1]),
        unreadable=True,
        said="was cut",
    ),
    Exchange(
        name="stream with an error",
        body=STREAMED,
        response=named_stream(
            [
                START,
                {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
            ]
        ),
        unreadable=True,
        said="the stream reports an error: Overloaded",
    ),
    Exchange(
        name="refusal",
        body=BODY,
        response=_answer([], "refusal"),
        finish="refusal",
        problem="the model refused",
        figures=READ,
    ),
    Exchange(
        name="length",
        body=BODY,
        response=_answer([_text("So")], "max_tokens"),
        text="So",
        finish="max_tokens",
        figures=READ,
    ),
    Exchange(
        name="stop sequence",
        body=BODY,
        response=_answer([_text("So")], "stop_sequence"),
        text="So",
        finish="stop_sequence",
        figures=READ,
    ),
    Exchange(
        name="cached",
        body=BODY,
        response=_answer(
            [_text("So")],
            usage={**USAGE, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 20},
        ),
        text="So",
        finish="end_turn",
        figures=(129, 12, 100, None, 20),
    ),
    Exchange(
        name="no usage",
        body=BODY,
        response=_answer([_text("So")], usage=None),
        text="So",
        finish="end_turn",
        odd=("input_tokens missing", "output_tokens missing"),
    ),
    Exchange(
        name="no content",
        body=BODY,
        response=json_answer({"type": "message"}),
        unreadable=True,
        said="expected a list",
    ),
    Exchange(
        name="no JSON",
        body=BODY,
        response=HttpResponse(status=200, headers={}, body=b"<html>"),
        unreadable=True,
        said="not JSON",
    ),
    *_errors(),
)
