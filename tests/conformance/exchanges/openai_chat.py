"""Exchanges in OpenAI's chat, some with other providers."""

from __future__ import annotations

from typing import Any

from conformance.exchanges.exchange import Exchange, json_answer, openai_errors, stream

from pytest_lmopt.lm.dialects.protocol import HttpResponse
from pytest_lmopt.wire import ToolCall

BODY: dict[str, Any] = {
    "model": "gpt-4o",
    "messages": [{"role": "user", "content": "Weather in Rome?"}],
}
TOOLS = {
    "tools": [{"type": "function", "function": {"name": "weather", "parameters": {}}}],
}
STREAMED = {**BODY, "stream": True}
WITH_USAGE = {**STREAMED, "stream_options": {"include_usage": True}}
USAGE = {"prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21}
READ = (9, 12, None, None, None)
CALLS = (
    ToolCall("call_1", "weather", '{"city":"Rome"}'),
    ToolCall("call_2", "weather", '{"city":"Oslo"}'),
)


def _answer(message: object, finish: str | None = "stop", usage: Any = USAGE) -> HttpResponse:
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
    whole = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o"}
    usage = {} if usage is None else {"usage": usage}
    return json_answer({**whole, "choices": [choice], **usage})


def _said(text: str | None, **more: object) -> dict[str, object]:
    return {"role": "assistant", "content": text, **more}


def _call(call: ToolCall, **more: object) -> dict[str, object]:
    function = {"name": call.name, "arguments": call.arguments}
    return {**more, "id": call.id, "type": "function", "function": function}


def chunk(delta: object, finish: str | None = None, **more: object) -> dict[str, Any]:
    """One chunk of a stream."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "1", "object": "chat.completion.chunk", "choices": [choice], **more}


USAGE_CHUNK = {"id": "1", "object": "chat.completion.chunk", "choices": [], "usage": USAGE}
TEXT_CHUNKS = [
    chunk({"role": "assistant", "content": ""}),
    chunk({"content": "Sunny, "}),
    chunk({"content": "日本 25 °C."}),
    chunk({}, "stop"),
]
CALL_CHUNKS = [
    chunk({"role": "assistant", "content": None}),
    chunk({"tool_calls": [_call(CALLS[0]._replace(arguments=""), index=0)]}),
    chunk({"tool_calls": [{"index": 0, "function": {"arguments": '{"city"'}}]}),
    chunk({"tool_calls": [{"index": 0, "function": {"arguments": ':"Rome"}'}}]}),
    chunk({"tool_calls": [_call(CALLS[1], index=1)]}),
    chunk({}, "tool_calls"),
]

EXCHANGES = (
    Exchange(
        name="text",
        body=BODY,
        response=_answer(_said("Sunny.")),
        text="Sunny.",
        finish="stop",
        figures=READ,
    ),
    Exchange(
        name="tool",
        body={**BODY, **TOOLS},
        response=_answer(_said(None, tool_calls=[_call(CALLS[0])]), "tool_calls"),
        tool_calls=CALLS[:1],
        finish="tool_calls",
        figures=READ,
    ),
    Exchange(
        name="parallel tools",
        body={**BODY, **TOOLS},
        response=_answer(_said("Both.", tool_calls=[_call(c) for c in CALLS]), "tool_calls"),
        text="Both.",
        tool_calls=CALLS,
        finish="tool_calls",
        figures=READ,
    ),
    Exchange(
        name="function call of old",
        body=BODY,
        response=_answer(_said(None, function_call={"name": "f", "arguments": "{}"}), "stop"),
        tool_calls=(ToolCall("", "f", "{}"),),
        finish="stop",
        figures=READ,
    ),
    Exchange(
        name="custom tool",
        body=BODY,
        response=_answer(
            _said(
                None,
                tool_calls=[
                    {"id": "call_1", "type": "custom", "custom": {"name": "sql", "input": "x"}}
                ],
            ),
            "tool_calls",
        ),
        tool_calls=(ToolCall("call_1", "sql", "x"),),
        finish="tool_calls",
        figures=READ,
    ),
    Exchange(
        name="stream",
        body=WITH_USAGE,
        response=stream([*TEXT_CHUNKS, USAGE_CHUNK]),
        text="Sunny, 日本 25 °C.",
        finish="stop",
        figures=READ,
    ),
    Exchange(
        name="stream with tools",
        body={**WITH_USAGE, **TOOLS},
        response=stream([*CALL_CHUNKS, USAGE_CHUNK]),
        tool_calls=CALLS,
        finish="tool_calls",
        figures=READ,
    ),
    Exchange(
        name="stream with tools without an index",
        body={**WITH_USAGE, **TOOLS},
        response=stream(
            [
                chunk({"tool_calls": [_call(CALLS[0])]}),
                chunk({"tool_calls": [_call(CALLS[1])]}),
                chunk({}, "tool_calls"),
                USAGE_CHUNK,
            ]
        ),
        tool_calls=CALLS,
        finish="tool_calls",
        figures=READ,
    ),
    Exchange(
        name="stream without its end mark",
        body=STREAMED,
        response=stream(TEXT_CHUNKS, done=False),
        text="Sunny, 日本 25 °C.",
        finish="stop",
        odd=("prompt_tokens missing", "completion_tokens missing"),
    ),
    Exchange(
        name="stream with usage in its last chunk",
        body=STREAMED,
        response=stream([*TEXT_CHUNKS[:-1], chunk({}, "stop", usage=USAGE)]),
        text="Sunny, 日本 25 °C.",
        finish="stop",
        figures=READ,
    ),
    Exchange(
        name="stream of a refusal",
        body=WITH_USAGE,
        response=stream(
            [
                chunk({"refusal": "I can't "}),
                chunk({"refusal": "help."}),
                chunk({}, "stop"),
                USAGE_CHUNK,
            ]
        ),
        finish="stop",
        problem="the model refused: I can't help.",
        figures=READ,
    ),
    Exchange(
        name="stream cut before its end",
        body=STREAMED,
        response=stream(TEXT_CHUNKS[:-1], done=False),
        unreadable=True,
        said="was cut",
    ),
    Exchange(
        name="stream with an error",
        body=STREAMED,
        response=stream([TEXT_CHUNKS[0], {"error": {"message": "Overloaded", "code": 503}}]),
        unreadable=True,
        said="Overloaded",
    ),
    Exchange(
        name="refusal",
        body=BODY,
        response=_answer(_said(None, refusal="I can't.")),
        finish="stop",
        problem="the model refused: I can't.",
        figures=READ,
    ),
    Exchange(
        name="filter",
        body=BODY,
        response=_answer(_said("So"), "content_filter"),
        text="So",
        finish="content_filter",
        figures=READ,
        problem="the answer was cut off by the provider's content filter",
    ),
    Exchange(
        name="length",
        body=BODY,
        response=_answer(_said("So"), "length"),
        text="So",
        finish="length",
        figures=READ,
    ),
    Exchange(
        name="cached",
        body=BODY,
        response=_answer(
            _said("So"), usage={**USAGE, "prompt_tokens_details": {"cached_tokens": 8}}
        ),
        text="So",
        finish="stop",
        figures=(9, 12, 8, None, None),
    ),
    Exchange(
        name="cached at DeepSeek",
        body=BODY,
        response=_answer(_said("So"), usage={**USAGE, "prompt_cache_hit_tokens": 7}),
        text="So",
        finish="stop",
        figures=(9, 12, 7, None, None),
    ),
    Exchange(
        name="reasoning",
        body=BODY,
        response=_answer(
            _said("So"), usage={**USAGE, "completion_tokens_details": {"reasoning_tokens": 11}}
        ),
        text="So",
        finish="stop",
        figures=(9, 12, None, 11, None),
    ),
    Exchange(
        name="reasoning beside the output at xAI",
        body=BODY,
        response=_answer(
            _said("So"),
            usage={
                **USAGE,
                "total_tokens": 121,
                "completion_tokens_details": {"reasoning_tokens": 100},
            },
        ),
        text="So",
        finish="stop",
        figures=(9, 112, None, 100, None),
    ),
    Exchange(
        name="stream in parts, with thoughts, at Mistral",
        body=STREAMED,
        response=stream(
            [
                chunk({"content": [{"type": "thinking", "thinking": [{"text": "Hm."}]}]}),
                chunk({"content": [{"type": "text", "text": "So"}]}),
                chunk({"content": ""}, "stop", usage=USAGE),
            ]
        ),
        text="So",
        finish="stop",
        figures=READ,
    ),
    Exchange(
        name="text in parts",
        body=BODY,
        response=_answer({"role": "assistant", "content": [{"type": "text", "text": "So"}]}),
        text="So",
        finish="stop",
        figures=READ,
    ),
    Exchange(
        name="no usage",
        body=BODY,
        response=_answer(_said("So"), usage=None),
        text="So",
        finish="stop",
        odd=("prompt_tokens missing", "completion_tokens missing"),
    ),
    Exchange(
        name="odd usage",
        body=BODY,
        response=_answer(_said("So"), usage={**USAGE, "prompt_tokens": "9"}),
        text="So",
        finish="stop",
        figures=("9", 12, None, None, None),
        odd=("prompt_tokens '9'",),
    ),
    Exchange(
        name="error with status 200",
        body=BODY,
        response=json_answer({"error": {"message": "Provider returned error", "code": 502}}),
        unreadable=True,
        said="Provider returned error",
    ),
    Exchange(
        name="no choices",
        body=BODY,
        response=json_answer({"choices": []}),
        unreadable=True,
        said="expected choices",
    ),
    Exchange(
        name="no JSON",
        body=BODY,
        response=HttpResponse(status=200, headers={}, body=b"<html>"),
        unreadable=True,
        said="not JSON",
    ),
    *openai_errors(BODY),
)
