"""Exchanges in OpenAI's responses."""

from __future__ import annotations

from typing import Any

from conformance.exchanges.exchange import Exchange, json_answer, named_stream, openai_errors

from pytest_lmopt.lm.dialects.protocol import HttpResponse
from pytest_lmopt.wire import ToolCall

BODY: dict[str, Any] = {"model": "gpt-4o", "input": "Weather in Rome?"}
TOOLS = {"tools": [{"type": "function", "name": "weather", "parameters": {}}]}
STREAMED = {**BODY, "stream": True}
USAGE = {"input_tokens": 9, "output_tokens": 12, "total_tokens": 21}
READ = (9, 12, None, None, None)
CALLS = (
    ToolCall("call_1", "weather", '{"city":"Rome"}'),
    ToolCall("call_2", "weather", '{"city":"Oslo"}'),
)


def whole(*output: object, usage: object = USAGE, **more: object) -> dict[str, Any]:
    """A response."""
    head = {"id": "resp_1", "object": "response", "created_at": 1, "model": "gpt-4o"}
    rest = {"tools": [], "tool_choice": "auto", "parallel_tool_calls": True, "error": None}
    end = {"status": "completed", "incomplete_details": None, "usage": usage}
    return {**head, **rest, "output": list(output), **end, **more}


def _answer(*output: object, usage: object = USAGE, **more: object) -> HttpResponse:
    return json_answer(whole(*output, usage=usage, **more))


def said(text: str) -> dict[str, object]:
    """A message of the model."""
    part = {"type": "output_text", "text": text, "annotations": []}
    head = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed"}
    return {**head, "content": [part]}


def _call(call: ToolCall) -> dict[str, object]:
    head = {"type": "function_call", "id": f"fc_{call.id}", "status": "completed"}
    return {**head, "call_id": call.id, "name": call.name, "arguments": call.arguments}


def _incomplete(reason: str) -> dict[str, object]:
    return {"status": "incomplete", "incomplete_details": {"reason": reason}}


def _stream(end: dict[str, Any]) -> HttpResponse:
    begun = {**end, "status": "in_progress", "output": [], "usage": None}
    delta = {"type": "response.output_text.delta", "delta": "Sunny"}
    last = {"type": f"response.{end['status']}", "response": end}
    return named_stream([{"type": "response.created", "response": begun}, delta, last])


EXCHANGES = (
    Exchange(
        name="text",
        body=BODY,
        response=_answer(said("Sunny.")),
        text="Sunny.",
        finish="completed",
        figures=READ,
    ),
    Exchange(
        name="tool",
        body={**BODY, **TOOLS},
        response=_answer(_call(CALLS[0])),
        tool_calls=CALLS[:1],
        finish="completed",
        figures=READ,
    ),
    Exchange(
        name="parallel tools",
        body={**BODY, **TOOLS},
        response=_answer(said("Both."), *map(_call, CALLS)),
        text="Both.",
        tool_calls=CALLS,
        finish="completed",
        figures=READ,
    ),
    Exchange(
        name="custom tool",
        body=BODY,
        response=_answer(
            {"type": "custom_tool_call", "call_id": "call_1", "name": "sql", "input": "x"}
        ),
        tool_calls=(ToolCall("call_1", "sql", "x"),),
        finish="completed",
        figures=READ,
    ),
    Exchange(
        name="server tool",
        body={**BODY, "tools": [{"type": "web_search"}]},
        response=_answer({"type": "web_search_call", "id": "ws_1"}, said("Sunny.")),
        text="Sunny.",
        finish="completed",
        figures=READ,
    ),
    Exchange(
        name="stream",
        body=STREAMED,
        response=_stream(whole(said("Sunny, 日本"))),
        text="Sunny, 日本",
        finish="completed",
        figures=READ,
    ),
    Exchange(
        name="stream with tools",
        body={**STREAMED, **TOOLS},
        response=_stream(whole(*map(_call, CALLS))),
        tool_calls=CALLS,
        finish="completed",
        figures=READ,
    ),
    Exchange(
        name="stream up to a limit",
        body=STREAMED,
        response=_stream(whole(said("So"), **_incomplete("max_output_tokens"))),
        text="So",
        finish="max_output_tokens",
        figures=READ,
    ),
    Exchange(
        name="stream that failed",
        body=STREAMED,
        response=_stream(
            whole(status="failed", error={"code": "server_error", "message": "An error occurred"})
        ),
        unreadable=True,
        said="An error occurred",
    ),
    Exchange(
        name="stream with an error",
        body=STREAMED,
        response=named_stream([{"type": "error", "code": "server_error", "message": "Overloaded"}]),
        unreadable=True,
        said="Overloaded",
    ),
    Exchange(
        name="stream cut before its end",
        body=STREAMED,
        response=named_stream([{"type": "response.output_text.delta", "delta": "Sun"}]),
        unreadable=True,
        said="was cut",
    ),
    Exchange(
        name="refusal",
        body=BODY,
        response=_answer(
            {"type": "message", "content": [{"type": "refusal", "refusal": "I can't."}]}
        ),
        finish="completed",
        problem="the model refused: I can't.",
        figures=READ,
    ),
    Exchange(
        name="filter",
        body=BODY,
        response=_answer(said("So"), **_incomplete("content_filter")),
        text="So",
        finish="content_filter",
        figures=READ,
        problem="the answer was cut off by the provider's content filter",
    ),
    Exchange(
        name="length",
        body=BODY,
        response=_answer(said("So"), **_incomplete("max_output_tokens")),
        text="So",
        finish="max_output_tokens",
        figures=READ,
    ),
    Exchange(
        name="cached",
        body=BODY,
        response=_answer(said("So"), usage={**USAGE, "input_tokens_details": {"cached_tokens": 8}}),
        text="So",
        finish="completed",
        figures=(9, 12, 8, None, None),
    ),
    Exchange(
        name="reasoning",
        body=BODY,
        response=_answer(
            {"type": "reasoning", "id": "rs_1", "summary": []},
            said("So"),
            usage={**USAGE, "output_tokens_details": {"reasoning_tokens": 11}},
        ),
        text="So",
        finish="completed",
        figures=(9, 12, None, 11, None),
    ),
    Exchange(
        name="in the background",
        body={**BODY, "background": True},
        response=_answer(status="queued", usage=None),
        finish="queued",
        odd=("input_tokens missing", "output_tokens missing"),
    ),
    Exchange(
        name="no output",
        body=BODY,
        response=json_answer({"id": "resp_1"}),
        unreadable=True,
        said="expected a list",
    ),
    *openai_errors(BODY),
)
