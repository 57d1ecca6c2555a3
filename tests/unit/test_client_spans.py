"""Clients' calls in OpenTelemetry's words: operation, provider, parameters, messages."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_lmopt.lm.dialects.identity import identity
from pytest_lmopt.lm.dialects.protocol import HttpRequest
from pytest_lmopt.lm.dialects.providers import model_name
from pytest_lmopt.lm.dialects.registry import dialect_of
from pytest_lmopt.lm.telemetry.conventions import answered, asked, span_name
from pytest_lmopt.lm.telemetry.messages import answer, question
from pytest_lmopt.wire import Completion, Request, ToolCall, Usage

CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"in": 1}'}}
ASKED_AND_TOLD = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": [{"type": "text", "text": "Rain?"}, {"type": "image_url"}]},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c1", "content": "yes"},
]
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {}}}
MESSAGES = [
    {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
    {
        "role": "user",
        "parts": [
            {"type": "text", "content": "Rain?"},
            {"type": "text", "content": "[image_url]"},
        ],
    },
    {
        "role": "assistant",
        "parts": [{"type": "tool_call", "id": "id1", "name": "weather", "arguments": {"in": 1}}],
    },
    {
        "role": "tool",
        "parts": [{"type": "tool_call_response", "id": "id1", "response": "yes"}],
    },
]


def request(url: str, **body: Any) -> Request:
    """What a client's request becomes."""
    http = HttpRequest(method="POST", url=url, headers={}, body=json.dumps(body).encode())
    dialect = dialect_of(http, body)
    assert dialect is not None
    return Request(
        model=model_name(url, dialect.model(http, body)),
        messages=dialect.messages(body),
        params=identity(dialect.name, body, http),
        client="mine",
        dialect=dialect.name,
    )


@pytest.mark.parametrize(
    ("url", "body", "operation", "provider", "model"),
    [
        ("https://api.openai.com/v1/chat/completions", {"messages": []}, "chat", "openai", "m"),
        ("https://api.openai.com/v1/responses", {"input": "x"}, "chat", "openai", "m"),
        ("https://api.mistral.ai/v1/embeddings", {"input": "x"}, "embeddings", "mistral_ai", "m"),
        ("http://127.0.0.1:1/v1/completions", {"prompt": "x"}, "text_completion", "openai", "m"),
        ("https://llm.corp/v1/messages", {"messages": []}, "chat", "anthropic", "m"),
        (
            "https://generativelanguage.googleapis.com/v1/models/pro:generateContent",
            {"contents": []},
            "generate_content",
            "gcp.gemini",
            "m",
        ),
    ],
)  # fmt: skip
def test_a_call_is_named_by_its_dialect(
    url: str, body: dict[str, Any], operation: str, provider: str, model: str
) -> None:
    """A server whose provider is unknown is taken for the one that first spoke its protocol."""
    told = asked(request(url, model=model, **body))
    assert told["gen_ai.operation.name"] == operation
    assert told["gen_ai.provider.name"] == provider
    assert told["gen_ai.request.model"] == model
    assert told["pytest_lmopt.client"] == "mine"
    assert span_name(request(url, model=model, **body)) == f"{operation} {model}"


@pytest.mark.parametrize(
    ("path", "limit", "stop"),
    [
        ("chat/completions", "max_completion_tokens", "stop"),
        ("responses", "max_output_tokens", "stop"),
        ("messages", "max_tokens", "stop_sequences"),
    ],
)
def test_parameters_come_from_the_body(path: str, limit: str, stop: str) -> None:
    """By each provider's own names."""
    body = {"model": "m", "messages": [], "input": "x", limit: 7, stop: ["END"], "n": 2}
    body |= {"temperature": 0.5, "stream": True}
    told = asked(request(f"https://api.openai.com/v1/{path}", **body))
    assert told["gen_ai.request.max_tokens"] == 7
    assert told["gen_ai.request.temperature"] == 0.5
    assert told["gen_ai.request.stop_sequences"] == ["END"]
    assert told["gen_ai.request.stream"] is True
    assert told["gen_ai.request.choice.count"] == 2


def test_usage_names_its_parts_and_the_reason_for_the_end() -> None:
    """Cached input and hidden reasoning are parts of the tokens."""
    usage = Usage(calls=1, input_tokens=9, output_tokens=5, cached_tokens=8, reasoning_tokens=4)
    assert answered(Completion(text="", usage=usage, finish="length")) == {
        "gen_ai.usage.input_tokens": 9,
        "gen_ai.usage.output_tokens": 5,
        "gen_ai.usage.cache_read.input_tokens": 8,
        "gen_ai.usage.reasoning.output_tokens": 4,
        "gen_ai.response.finish_reasons": ["length"],
        "pytest_lmopt.replayed": False,
    }


def test_tool_calls_and_results_are_parts_of_messages() -> None:
    """As are the tools offered, in the conventions' own form."""
    url = "https://api.openai.com/v1/chat/completions"
    told = question(request(url, model="m", messages=ASKED_AND_TOLD, tools=[TOOL]))
    assert json.loads(told["gen_ai.input.messages"]) == MESSAGES
    assert json.loads(told["gen_ai.tool.definitions"]) == [
        {"type": "function", "name": "weather", "parameters": {}}
    ]


def test_another_dialect_says_the_same() -> None:
    """Anthropic's blocks are the same parts."""
    said = [
        {"role": "user", "content": "Rain?"},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "t", "name": "weather", "input": {"in": 1}}],
        },
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "t", "content": "yes"}],
        },
    ]
    url = "https://api.anthropic.com/v1/messages"
    told = question(request(url, model="m", max_tokens=1, system="Be brief.", messages=said))
    system, user, *rest = json.loads(told["gen_ai.input.messages"])
    assert [system, *rest] == [MESSAGES[0], *MESSAGES[2:]]
    assert user == {"role": "user", "parts": [{"type": "text", "content": "Rain?"}]}


def test_what_is_no_chat_is_shown_as_text() -> None:
    """Embeddings, and a provider's own tools."""
    told = question(request("https://api.openai.com/v1/embeddings", model="m", input=["a", "b"]))
    parts = [each["parts"] for each in json.loads(told["gen_ai.input.messages"])]
    assert parts == [[{"type": "text", "content": each}] for each in ("a", "b")]


def test_an_answer_holds_its_tool_calls() -> None:
    """Arguments that are not JSON stay text; secrets are hidden in each part."""
    calls = (
        ToolCall("c", "weather", "{"),
        ToolCall("d", "weather", '{"key": "sk-' + "a1B2c3D4" * 5 + '"}'),
    )
    told = answer(Completion(text="", tool_calls=calls, finish="tool_calls"))
    (message,) = json.loads(told["gen_ai.output.messages"])
    first, second = message["parts"]
    assert first == {"type": "tool_call", "id": "c", "name": "weather", "arguments": "{"}
    assert second["arguments"] == {"key": "[secret]"}
    assert message["finish_reason"] == "tool_calls"
