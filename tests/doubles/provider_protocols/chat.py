"""OpenAI chat completions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from doubles.provider_protocols.answering import Asked, Json, Said, Tool, expect, known, names

_FIELDS = names(
    "model messages stream stream_options temperature top_p n max_tokens"
    " max_completion_tokens tools tool_choice parallel_tool_calls response_format stop seed"
    " user metadata store logprobs top_logprobs presence_penalty frequency_penalty logit_bias"
    " reasoning_effort service_tier prediction modalities audio verbosity safety_identifier"
    " prompt_cache_key"
)


def asked(body: Json) -> Asked:
    """Check the body and read what it asks."""
    known(body, _FIELDS)
    expect(body.get("stream") or "stream_options" not in body, "stream_options needs stream")
    messages = body.get("messages")
    expect(isinstance(messages, list) and messages, "messages: expected a list of messages")
    assert isinstance(messages, list)
    texts: list[str] = []
    waiting: set[str] = set()
    for place, message in enumerate(messages):
        expect(isinstance(message, dict), f"messages.{place}: expected an object")
        role, content = message.get("role"), message.get("content")
        texts += _texts(content, place)
        if role == "tool":
            found = message.get("tool_call_id")
            expect(found in waiting, f"messages.{place}: no tool call has the id {found!r}")
            waiting.discard(found)
            continue
        expect(not waiting, f"messages.{place}: tool calls without a result: {sorted(waiting)}")
        if role == "assistant":
            calls = message.get("tool_calls") or []
            expect(content or calls, f"messages.{place}: an assistant message without content")
            for call in calls:
                json.loads(call["function"]["arguments"])
                texts.append(call["function"]["arguments"])
            waiting = {call["id"] for call in calls}
        else:
            roles = ("system", "developer", "user")
            expect(role in roles, f"messages.{place}: unknown role {role!r}")
            expect(content, f"messages.{place}: a message without content")
    expect(not waiting, f"tool calls without a result: {sorted(waiting)}")
    return Asked(
        texts=tuple(texts),
        tools=tuple(_tool(tool) for tool in body.get("tools") or ()),
        forced=_forced(body.get("tool_choice")),
        results=messages[-1]["role"] == "tool",
        schema=_schema(body.get("response_format") or {}),
    )


def _texts(content: Any, place: int) -> Iterator[str]:
    if isinstance(content, str):
        yield content
        return
    expect(content is None or isinstance(content, list), f"messages.{place}.content: wrong type")
    for part in content or ():
        kinds = ("text", "image_url", "refusal")
        expect(part.get("type") in kinds, f"messages.{place}: unknown part {part.get('type')!r}")
        if part["type"] == "text":
            yield part["text"]


def _tool(tool: Json) -> Tool:
    expect(tool.get("type") == "function", f"tools: expected a function, found {tool.get('type')}")
    function = tool["function"]
    return Tool(name=function["name"], schema=function.get("parameters", {}))


def _forced(choice: Any) -> bool | str:
    if isinstance(choice, dict):
        return str(choice["function"]["name"])
    return bool(choice == "required")


def _schema(form: Json) -> Json | None:
    match form.get("type"):
        case "json_schema":
            schema: Json = form["json_schema"]["schema"]
            return schema
        case "json_object":
            return {"type": "object", "properties": {"answer": {"type": "string"}}}
        case _:
            return None


def _usage(said: Said) -> Json:
    return {
        "prompt_tokens": said.input_tokens,
        "completion_tokens": said.output_tokens,
        "total_tokens": said.input_tokens + said.output_tokens,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }


def _tool_calls(said: Said) -> list[Json]:
    return [
        {
            "id": f"call_{call.id}",
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }
        for call in said.calls
    ]


def _head(body: Json, said: Said, kind: str) -> Json:
    return {
        "id": f"chatcmpl-{said.id}",
        "object": kind,
        "created": 1_700_000_000,
        "model": body["model"],
        "system_fingerprint": "fp_double",
        "service_tier": "default",
    }


def whole(body: Json, said: Said) -> Json:
    """The answer as one object."""
    message: Json = {"role": "assistant", "content": said.text or None, "refusal": None}
    if said.calls:
        message["tool_calls"] = _tool_calls(said)
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": "tool_calls" if said.calls else "stop",
    }
    return {**_head(body, said, "chat.completion"), "choices": [choice], "usage": _usage(said)}


def streams_usage(body: Json) -> bool:
    """Whether the stream ends with its usage: only where the request asks for it."""
    return bool((body.get("stream_options") or {}).get("include_usage"))


def events(body: Json, said: Said) -> Iterator[tuple[str, str]]:
    """The answer as a stream: pairs of an event's name, here none, and its data."""
    told = streams_usage(body)
    head = _head(body, said, "chat.completion.chunk")

    def chunk(delta: Json, finish: str | None = None) -> tuple[str, str]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return "", json.dumps({**head, "choices": [choice]} | ({"usage": None} if told else {}))

    yield chunk({"role": "assistant", "content": None if said.calls else "", "refusal": None})
    for piece in said.pieces():
        yield chunk({"content": piece})
    for index, call in enumerate(_tool_calls(said)):
        function = call["function"]
        begun = {**call, "function": {**function, "arguments": ""}}
        yield chunk({"tool_calls": [{"index": index, **begun}]})
        half = len(function["arguments"]) // 2
        for part in (function["arguments"][:half], function["arguments"][half:]):
            yield chunk({"tool_calls": [{"index": index, "function": {"arguments": part}}]})
    yield chunk({}, "tool_calls" if said.calls else "stop")
    if told:
        yield "", json.dumps({**head, "choices": [], "usage": _usage(said)})
    yield "", "[DONE]"


def error(message: str, status: int, code: str | None) -> Json:
    """The provider's form of an error."""
    kinds = {401: "invalid_request_error", 429: "requests", 500: "server_error"}
    codes = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}
    kind = kinds.get(status, "invalid_request_error")
    return {
        "error": {
            "message": message,
            "type": kind,
            "param": None,
            "code": code or codes.get(status),
        }
    }
