"""Answers and refusals in OpenAI's words: chat and legacy completions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pytest_lmopt.canonical import digest
from pytest_lmopt.lm.dialects.events import Event
from pytest_lmopt.lm.dialects.finish_reasons import ending
from pytest_lmopt.lm.dialects.json_bodies import compact, json_response, refused, stream_response
from pytest_lmopt.lm.dialects.openai_stream import asks_usage
from pytest_lmopt.lm.dialects.protocol import Body, HttpResponse
from pytest_lmopt.lm.dialects.rendering import whole_number
from pytest_lmopt.lm.dialects.slices import json_pieces, words
from pytest_lmopt.wire import Completion, ToolCall, Usage

_FINISH = {"stop": "stop", "length": "length", "tools": "tool_calls", "filter": "content_filter"}


def openai_refusal(message: str) -> HttpResponse:
    """Word a refusal of ours as OpenAI's error."""
    error = {"message": message, "type": "permission_error", "param": None, "code": "lmopt_refused"}
    return refused({"error": error})


def chat_response(body: Body, completion: Completion) -> HttpResponse:
    """Word a completion as a chat completion, as chunks where the body asks for a stream."""
    if body.get("stream"):
        return stream_response([*_chunks(body, completion), Event("", "[DONE]")])
    calls = [_call(call) for call in called(completion)]
    message = {
        "role": "assistant",
        "content": completion.text or (None if calls else ""),
        "refusal": None,
        **({"tool_calls": calls} if calls else {}),
    }
    choices = [
        {
            "index": index,
            "message": message,
            "logprobs": None,
            "finish_reason": _FINISH[ending(completion)],
        }
        for index in range(_answers(body))
    ]
    head = _head(body, completion, "chat.completion")
    return json_response({**head, "choices": choices, "usage": chat_usage(completion.usage)})


def text_response(body: Body, completion: Completion) -> HttpResponse:
    """Word a completion as a legacy completion."""
    head, finish = _head(body, completion, "text_completion"), ending(completion)
    end = "stop" if finish == "tools" else _FINISH[finish]
    if not body.get("stream"):
        choices = [
            {"index": index, "text": completion.text, "logprobs": None, "finish_reason": end}
            for index in range(_answers(body))
        ]
        return json_response({**head, "choices": choices, "usage": chat_usage(completion.usage)})
    parts = [(piece, None) for piece in words(completion.text)] + [("", end)]
    chunks = [
        {"index": index, "text": piece, "logprobs": None, "finish_reason": reason}
        for index in range(_answers(body))
        for piece, reason in parts
    ]
    sent = [_event(body, {**head, "choices": [chunk]}) for chunk in chunks]
    return stream_response([*sent, *_usage_event(body, head, completion), Event("", "[DONE]")])


def chat_usage(usage: Usage) -> dict[str, int]:
    """Spell a usage as OpenAI does."""
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.tokens,
    }


def called(completion: Completion) -> list[ToolCall]:
    """Return the tool calls, each with an id."""
    return [
        call if call.id else call._replace(id=f"call_{digest([place, *call])}")
        for place, call in enumerate(completion.tool_calls)
    ]


def answer_id(completion: Completion) -> str:
    """Name an answer by its content."""
    return digest([completion.text, completion.tool_calls], length=24)


def _head(body: Body, completion: Completion, kind: str) -> dict[str, Any]:
    prefix = "cmpl" if kind == "text_completion" else "chatcmpl"
    return {
        "id": f"{prefix}-{answer_id(completion)}",
        "object": kind,
        "created": 0,
        "model": body.get("model") or "",
    }


def _call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}


def _answers(body: Body) -> int:
    return min(whole_number(body.get("n")) or 1, 128)


def _chunks(body: Body, completion: Completion) -> Iterator[Event]:
    head = _head(body, completion, "chat.completion.chunk")
    for index in range(_answers(body)):
        for delta, finish in _deltas(completion):
            choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
            yield _event(body, {**head, "choices": [choice]})
    yield from _usage_event(body, head, completion)


def _deltas(completion: Completion) -> Iterator[tuple[dict[str, Any], str | None]]:
    yield {"role": "assistant", "content": "", "refusal": None}, None
    for piece in words(completion.text):
        yield {"content": piece}, None
    for index, call in enumerate(called(completion)):
        begun = _call(call._replace(arguments=""))
        yield {"tool_calls": [{"index": index, **begun}]}, None
        for piece in json_pieces(call.arguments):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}, None
    yield {}, _FINISH[ending(completion)]


def _event(body: Body, chunk: dict[str, Any]) -> Event:
    return Event("", compact({**chunk, "usage": None} if asks_usage(body) else chunk))


def _usage_event(body: Body, head: dict[str, Any], completion: Completion) -> list[Event]:
    if not asks_usage(body):
        return []
    chunk = {**head, "choices": [], "usage": chat_usage(completion.usage)}
    return [Event("", compact(chunk))]
