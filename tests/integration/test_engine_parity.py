"""Our engine beside litellm: both ask one server, so what they send and make of it is compared."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from doubles.odd_server import OddServer, Said

from pytest_lmopt.errors import LmoptError, ModelError, RefusedError, TransientError
from pytest_lmopt.lm.engine.calls import remote_call
from pytest_lmopt.lm.engine.engine import Engine
from pytest_lmopt.lm.loop import submit
from pytest_lmopt.lm.providers import LiteLLM
from pytest_lmopt.lm.seam import LM
from pytest_lmopt.wire import Completion, Message, Request

Json = dict[str, Any]

VARIABLES = {
    "OPENAI_BASE_URL": "/v1",
    "AZURE_API_BASE": "",
    "ANTHROPIC_BASE_URL": "",
    "GROQ_API_BASE": "/openai/v1",
    "MISTRAL_AZURE_API_BASE": "/v1",
    "DEEPSEEK_API_BASE": "/beta",
    "OPENROUTER_API_BASE": "/api/v1",
    "TOGETHER_AI_API_BASE": "/v1",
    "FIREWORKS_API_BASE": "/inference/v1",
    "XAI_API_BASE": "/v1",
    "HOSTED_VLLM_API_BASE": "/v1",
}
KEYS = (
    "OPENAI_API_KEY", "AZURE_API_KEY", "ANTHROPIC_API_KEY", "GROQ_API_KEY", "MISTRAL_API_KEY",
    "DEEPSEEK_API_KEY", "OPENROUTER_API_KEY", "TOGETHERAI_API_KEY", "FIREWORKS_API_KEY",
    "XAI_API_KEY",
)  # fmt: skip

SCHEMA = {
    "type": "object",
    "properties": {
        "team": {"type": "string"},
        "all": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["team"],
    "additionalProperties": False,
}
TOOLS = [
    {
        "type": "function",
        "function": {"name": "route", "description": "Route it.", "parameters": SCHEMA},
    }
]
NAMED = {"type": "function", "function": {"name": "route"}}
FORMAT = {"type": "json_schema", "json_schema": {"name": "a", "strict": True, "schema": SCHEMA}}

PARAMS: dict[str, Json] = {
    "limit": {"max_tokens": 50},
    "sampling": {"max_tokens": 50, "temperature": 0, "top_p": 0.9},
    "temperature 1": {"max_tokens": 50, "temperature": 1},
    "seed": {"max_tokens": 50, "seed": 7},
    "stop": {"max_tokens": 50, "stop": "END"},
    "stops": {"max_tokens": 50, "stop": ["END", "STOP"]},
    "penalties": {"max_tokens": 50, "frequency_penalty": 0.5, "presence_penalty": 0.5},
    "top_k": {"max_tokens": 50, "top_k": 5},
    "tools": {"max_tokens": 50, "tools": TOOLS},
    "tool required": {"max_tokens": 50, "tools": TOOLS, "tool_choice": "required"},
    "tool named": {"max_tokens": 50, "tools": TOOLS, "tool_choice": NAMED},
    "one tool at a time": {"max_tokens": 50, "tools": TOOLS, "parallel_tool_calls": False},
    "json": {"max_tokens": 50, "response_format": {"type": "json_object"}},
    "schema": {"max_tokens": 50, "response_format": FORMAT},
    "low effort": {"max_tokens": 2000, "reasoning_effort": "low"},
    "high effort": {"max_tokens": 9000, "reasoning_effort": "high"},
}
CALL = {"id": "call_a", "type": "function", "function": {"name": "route", "arguments": '{"a": 1}'}}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
CHATS: dict[str, list[Json]] = {
    "two systems": [
        {"role": "system", "content": "Answer."},
        {"role": "system", "content": "Briefly."},
        {"role": "user", "content": "Well?"},
    ],
    "demos": [
        {"role": "system", "content": "Repeat."},
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "A "},
        {"role": "user", "content": "b"},
    ],
    "one role twice": [
        {"role": "user", "content": "first"},
        {"role": "user", "content": "second"},
        {"role": "assistant", "content": "third"},
        {"role": "assistant", "content": "fourth "},
    ],
    "system later": [
        {"role": "user", "content": "Well?"},
        {"role": "system", "content": "Briefly."},
    ],
    "image": [{"role": "user", "content": [{"type": "text", "text": "Which?"}, IMAGE]}],
    "earlier calls": [
        {"role": "user", "content": "Well?"},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_a", "content": "Yes."},
    ],
}
OWN = ("image", "earlier calls")
"""Chats that only clients make: their messages are parameters."""
ALWAYS = {*PARAMS, *CHATS}

LEFT = {
    "openai/gpt-4o-mini": {"low effort", "high effort"},
    "openai/simulated": set(),
    "openai/o3-mini": {"sampling", "penalties", "one tool at a time"},
    "openai/gpt-5-mini": {"sampling", "stop", "stops", "penalties"},
    "azure/my-deployment": {"low effort", "high effort"},
    "azure/gpt-5-mini": {"sampling", "stop", "stops", "penalties"},
    "anthropic/claude-haiku-4-5": {"seed", "penalties", "system later"},
    "claude-opus-4-6": {"seed", "penalties", "system later"},
    "anthropic/claude-opus-5": {"sampling", "seed", "penalties", "top_k", "system later"},
    "groq/llama-3.3-70b-versatile": {"low effort", "high effort", "schema"},
    "deepseek/deepseek-chat": {"low effort", "high effort", "image"},
    "openrouter/anthropic/claude-sonnet-4.5": set(),
    "together_ai/meta-llama/Llama-3.3-70B-Instruct-Turbo": {"low effort", "high effort"},
    "fireworks_ai/accounts/fireworks/models/llama-v3p1-8b-instruct": {
        *("low effort", "high effort"),
        *("tools", "tool required", "tool named", "one tool at a time"),
    },
    "xai/grok-4": {"stop", "stops", "penalties", "low effort", "high effort"},
    "hosted_vllm/qwen": {"tools", "tool required", "tool named", "one tool at a time"},
    "mistral/mistral-small-latest": {
        *("seed", "penalties", "top_k", "image", "low effort", "high effort"),
        *("tools", "tool required", "tool named", "one tool at a time"),
    },
}
"""What of the cases the engine leaves to litellm, which words it apart or refuses it."""


class Nobody:
    """Stands where litellm would be asked."""

    async def complete(self, request: Request) -> Completion:
        """Fail."""
        raise AssertionError(f"left to litellm: {request}")


@pytest.fixture
def server(litellm_imported: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[OddServer]:
    """A server that all providers' variables lead to, and that answers as each."""
    with OddServer(
        lambda body: Said(body=json.dumps(answer_to(json.loads(body))).encode())
    ).running() as server:
        for name, path in VARIABLES.items():
            monkeypatch.setenv(name, server.url + path)
        for name in KEYS:
            monkeypatch.setenv(name, f"sk-of-{name.lower()}")
        monkeypatch.delenv("ANTHROPIC_API_BASE", raising=False)
        yield server


def answer_to(body: Json) -> Json:
    """Answer in Anthropic's form where each message is a list of blocks, else in OpenAI's."""
    return of_anthropic() if is_anthropics(body) else of_chat()


def is_anthropics(body: Json) -> bool:
    """Whether a body is in Anthropic's protocol."""
    return str(body["model"]).startswith("claude")


def of_chat(usage: Json | None = None, finish: str | None = "stop", **message: Any) -> Json:
    """A completion in OpenAI's protocol."""
    return {
        "id": "double",
        "object": "chat.completion",
        "created": 0,
        "model": "double",
        "choices": [
            {
                "index": 0,
                "finish_reason": finish,
                "message": {"role": "assistant", "content": "well", **message},
            }
        ],
        "usage": usage or {"prompt_tokens": 30, "completion_tokens": 10, "total_tokens": 40},
        "service_tier": "default",
    }


def of_anthropic(*content: Json, usage: Json | None = None, stop: str = "end_turn") -> Json:
    """A message in Anthropic's protocol."""
    return {
        "id": "double",
        "type": "message",
        "role": "assistant",
        "model": "double",
        "content": content or [{"type": "text", "text": "well"}],
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": usage or {"input_tokens": 30, "output_tokens": 10},
    }


def asked(model: str, case: str) -> Request:
    """The request of a case."""
    chat = CHATS.get(case, [{"role": "system", "content": "Hm."}, {"role": "user", "content": "?"}])
    params = PARAMS.get(case, {"max_tokens": 50})
    if case in OWN:
        params = {**params, "messages": chat}
    messages = tuple(Message(each["role"], str(each["content"])) for each in chat)
    return Request(model=model, messages=messages, params=params)


def outcome(lm: LM, request: Request) -> Completion | LmoptError:
    """The answer or the error."""
    try:
        return submit(lm.complete(request)).result()
    except LmoptError as error:
        return error


def both(request: Request) -> tuple[Completion | LmoptError, Completion | LmoptError]:
    """What litellm, which changes some schemas in place, and the engine make of a request."""
    copied = copy.deepcopy(request)
    return outcome(LiteLLM(), copied), outcome(Engine(Nobody(), timeout=30.0), request)


def headers(sent: Mapping[str, str]) -> dict[str, str]:
    """Headers but those of the connection and of a client's own telemetry."""
    own = ("accept", "accept-encoding", "connection", "content-length", "content-type", "host")
    return {
        name: value
        for name, value in sent.items()
        if name not in (*own, "user-agent") and not name.startswith("x-stainless-")
    }


@pytest.mark.parametrize("model", LEFT)
def test_the_same_is_sent(model: str, server: OddServer) -> None:
    """Path, key, and body, for each parameter and kind of chat that is not left to litellm."""
    left = {case for case in sorted(ALWAYS) if remote_call(asked(model, case)) is None}
    others = set() if model.startswith(("openai/", "azure/")) else {"earlier calls"}
    assert left == LEFT[model] | others
    for case in sorted(ALWAYS - left):
        answers = both(asked(model, case))
        ours, theirs = server.bodies.pop(), server.bodies.pop()
        assert json.loads(ours) == json.loads(theirs), case
        assert len(set(server.paths)) == 1
        assert headers(server.headers[-1]) == headers(server.headers[-2]), case
        assert server.bodies == []
        # the double's answer to a schema that groq's models would put into a tool is none
        assert isinstance(answers[1], Completion)


PARTS = {
    "prompt_tokens": 30,
    "completion_tokens": 10,
    "total_tokens": 40,
    "prompt_tokens_details": {"cached_tokens": 20},
    "completion_tokens_details": {"reasoning_tokens": 4},
}
ANSWERS = {
    "text": of_chat(),
    "a call of a tool": of_chat(finish="tool_calls", content=None, tool_calls=[CALL]),
    "text and a call": of_chat(finish="tool_calls", tool_calls=[CALL]),
    "too long": of_chat(finish="length"),
    "cut off by a filter": of_chat(finish="content_filter"),
    "no text": of_chat(content=None),
    "an empty text": of_chat(content=""),
    "a refusal": of_chat(content=None, refusal="No."),
    "a thought apart": of_chat(reasoning_content="Hm."),
    "a thought in a tag": of_chat(content="<think>Hm.</think>well"),
    "a thought that does not end": of_chat(content="<think>Hm."),
    "cached and reasoning": of_chat(PARTS),
    "cached, as DeepSeek says": of_chat({**PARTS, "prompt_cache_hit_tokens": 20}),
    "parts that are null": of_chat(
        {**PARTS, "prompt_tokens_details": None, "completion_tokens_details": None}
    ),
    "a total that is wrong": of_chat({**PARTS, "total_tokens": 99}),
    "more than can be": of_chat({**PARTS, "completion_tokens": 10**9, "total_tokens": 30 + 10**9}),
    "another word for the end": of_chat(finish="eos"),
    "no word for the end": of_chat(finish=None),
}
ANTHROPICS = {
    "text": of_anthropic(),
    "two texts": of_anthropic({"type": "text", "text": "a"}, {"type": "text", "text": "b"}),
    "a call of a tool": of_anthropic(
        {"type": "tool_use", "id": "a", "name": "route", "input": {"a": 1}}, stop="tool_use"
    ),
    "too long": of_anthropic(stop="max_tokens"),
    "a stop": of_anthropic(stop="stop_sequence"),
    "a refusal": of_anthropic(stop="refusal"),
    "an empty text": of_anthropic({"type": "text", "text": ""}),
    "cached and written": of_anthropic(
        usage={
            "input_tokens": 30,
            "output_tokens": 10,
            "cache_read_input_tokens": 100,
            "cache_creation_input_tokens": 50,
        }
    ),
}


@pytest.mark.parametrize(
    "model",
    ["openai/gpt-4o-mini", "azure/gpt-4o", "xai/grok-4", "groq/llama-3.3-70b-versatile",
     "deepseek/deepseek-chat", "anthropic/claude-haiku-4-5"],
)  # fmt: skip
def test_an_answer_is_read_alike(model: str, server: OddServer) -> None:
    """Text, tool calls, the reason for the end, usage, price, and whether usage is believed."""
    answers = ANTHROPICS if model.startswith("anthropic/") else ANSWERS
    request = replace(asked(model, "limit"), messages=(Message("user", "Well? " * 50),))
    for name, answer in answers.items():
        server.answer = saying(Said(body=json.dumps(answer).encode()))
        theirs, ours = both(request)
        assert plain(ours) == plain(theirs), name


def saying(said: Said) -> Callable[[bytes], Said]:
    """Say the same to all."""
    return lambda _: said


def plain(found: Completion | LmoptError) -> object:
    """What is compared: tools' arguments as JSON, errors by their class and wish."""
    if isinstance(found, LmoptError):
        wish = getattr(found, "retry_after", None), getattr(found, "rate_limited", None)
        return (type(found), *wish)
    calls = [(call.id, call.name, json.loads(call.arguments)) for call in found.tool_calls]
    return replace(found, tool_calls=()), calls, found.usage_remark


def error(code: str = "some", kind: str = "some_error", message: str = "It failed.") -> bytes:
    """A provider's error."""
    return json.dumps({"error": {"message": message, "type": kind, "code": code}}).encode()


STATUSES = (400, 401, 402, 403, 404, 405, 408, 409, 413, 422, 429, 500, 502, 503, 504, 529)
TOO_LONG = "prompt is too long: 9 tokens > 8 maximum"
ERRORS = {
    **{f"status {status}": Said(status=status, body=error()) for status in STATUSES},
    **{
        f"status {status} with a wish": Said(
            status=status, body=error(), headers={"Retry-After": "7"}
        )
        for status in (429, 500, 503, 529)
    },
    "a wish in milliseconds": Said(status=429, body=error(), headers={"retry-after-ms": "1500"}),
    "content filter": Said(status=400, body=error("content_filter")),
    "context": Said(status=400, body=error("context_length_exceeded", "invalid_request_error")),
    "unknown model": Said(status=404, body=error("model_not_found")),
    "words that mislead": Said(status=400, body=error(message="429 in words: rate limit")),
    "a page": Said(status=403, body=b"<html>Forbidden</html>", kind="text/html"),
    "an empty body": Said(status=500, body=b""),
    "no JSON": Said(body=b"<html>maintenance</html>"),
    "half of the JSON": Said(body=b'{"id": "double", "choi'),
    "a list": Said(body=b"[]"),
    "another schema": Said(body=b'{"hello": "world"}'),
    "a cut connection": Said(body=b'{"id": "double", "choi', cut=True),
    "a closed connection": Said(status=0, body=b""),
    "too long for Anthropic": Said(
        status=400, body=error(kind="invalid_request_error", message=TOO_LONG)
    ),
}


@pytest.mark.parametrize(
    "model", ["openai/gpt-4o-mini", "anthropic/claude-haiku-4-5", "deepseek/deepseek-chat"]
)
def test_an_error_is_sorted_alike(model: str, server: OddServer) -> None:
    """Worth another try and when, the request's fault, or the model's."""
    kinds = set()
    for name, said in ERRORS.items():
        server.answer = saying(said)
        theirs, ours = both(asked(model, "limit"))
        assert plain(ours) == plain(theirs), f"{name}: {theirs} | {ours}"
        kinds.add(type(ours))
    assert kinds == {TransientError, RefusedError, ModelError}
