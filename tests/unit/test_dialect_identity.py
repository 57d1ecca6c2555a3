"""What an intercepted request is recorded by: all that its answer depends on, and no more."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from pytest_lmopt.canonical import canonical_json
from pytest_lmopt.lm.dialects.identity import identity
from pytest_lmopt.lm.dialects.protocol import HttpRequest
from pytest_lmopt.lm.dialects.registry import dialect_named

URL = "https://api.openai.com/v1/chat/completions"
CHAT: dict[str, Any] = {"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}]}


def _identity(
    body: Mapping[str, Any],
    *,
    url: str = URL,
    headers: Mapping[str, str] | None = None,
    ignore: Sequence[str] = (),
) -> Mapping[str, Any]:
    content = json.dumps(body).encode()
    request = HttpRequest(method="POST", url=url, headers=headers or {}, body=content)
    return identity("openai.chat", body, request, ignore=ignore)


def _with_calls(*ids: str) -> dict[str, Any]:
    calls = [
        {"id": each, "type": "function", "function": {"name": "f", "arguments": '{"id": "7"}'}}
        for each in ids
    ]
    results = [{"role": "tool", "tool_call_id": each, "content": "1"} for each in ids]
    return {"messages": [{"role": "assistant", "tool_calls": calls}, *results]}


@pytest.mark.parametrize(
    "more",
    [
        {"user": "u-1"},
        {"metadata": {"run": "7"}},
        {"safety_identifier": "s"},
        {"prompt_cache_key": "k"},
        {"store": True},
        {"service_tier": "flex"},
        {"stream": False},
        {"temperature": None},
        {"api_key": "abc"},
        {"extra_headers": {"authorization": "Bearer x"}},
    ],
)
def test_how_a_request_is_asked_does_not_count(more: dict[str, Any]) -> None:
    """Nor do keys, and fields that are null."""
    assert _identity({**CHAT, **more}) == _identity(CHAT)


@pytest.mark.parametrize(
    "more",
    [{"temperature": 0}, {"stream": True}, {"seed": 1}, {"tools": []}, {"unknown": 1}, {"n": 2}],
)
def test_what_decides_the_answer_counts(more: dict[str, Any]) -> None:
    """Also fields that we do not know."""
    assert _identity({**CHAT, **more}) != _identity(CHAT)


def test_asking_for_usage_does_not_count() -> None:
    """The answer says the same."""
    streamed = {**CHAT, "stream": True}
    asked = {**streamed, "stream_options": {"include_usage": True}}
    assert _identity(asked) == _identity(streamed)


def test_ids_of_calls_are_numbered() -> None:
    """Providers draw them; which result belongs to which call still counts."""
    once, again = _with_calls("call_a", "call_b"), _with_calls("call_c", "call_d")
    assert _identity(once) == _identity(again)
    swapped = {"messages": [once["messages"][0], *once["messages"][:0:-1]]}
    assert _identity(swapped) != _identity(once)
    said = canonical_json(_identity(once))
    assert "call_a" not in said
    assert '{\\"id\\": \\"7\\"}' in said


def test_the_rendering_of_a_request_has_numbered_ids_too() -> None:
    """The key of a recording is computed from both."""
    chat = dialect_named("openai.chat")
    assert chat.messages(_with_calls("call_a")) == chat.messages(_with_calls("call_z"))
    anthropic = dialect_named("anthropic.messages")
    blocks = [
        {"messages": [{"role": "assistant", "content": [{"type": "tool_use", "id": each}]}]}
        for each in ("toolu_a", "toolu_z")
    ]
    assert anthropic.messages(blocks[0]) == anthropic.messages(blocks[1])


def test_ids_in_arguments_and_definitions_stay() -> None:
    """They are the user's own data."""
    use = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"id": "call_1", "type": "x"}}
    tool = {"name": "f", "input_schema": {"properties": {"tool_use_id": {"type": "string"}}}}
    body = {"messages": [{"role": "assistant", "content": [use]}], "tools": [tool]}
    found = _identity(body)["body"]
    assert found["messages"][0]["content"][0] == {**use, "id": "id1"}
    assert found["tools"] == [tool]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"previous_response_id": "resp_1"}, {"previous_response_id": "resp_2"}),
        (
            {"input": [{"type": "item_reference", "id": "msg_1"}]},
            {"input": [{"type": "item_reference", "id": "msg_2"}]},
        ),
        ({"input": [{"file_id": "file-1"}]}, {"input": [{"file_id": "file-2"}]}),
    ],
)
def test_what_only_the_provider_holds_is_not_mixed_up(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    """Its name is all that tells two such requests apart."""
    assert _identity(one) != _identity(other)


def test_items_that_are_sent_back_are_numbered() -> None:
    """The ids of messages, reasoning and calls of OpenAI's responses."""

    def body(end: str) -> dict[str, Any]:
        return {
            "input": [
                {"type": "reasoning", "id": f"rs_{end}", "summary": []},
                {"type": "function_call", "id": f"fc_{end}", "call_id": f"call_{end}", "name": "f"},
                {"type": "function_call_output", "call_id": f"call_{end}", "output": "1"},
                {"type": "message", "id": f"msg_{end}", "role": "assistant", "content": []},
            ]
        }

    assert _identity(body("a")) == _identity(body("b"))


def test_headers_that_change_the_answer_count() -> None:
    """No other header does, least of all a key."""
    beta = {"anthropic-beta": "context-1m", "x-api-key": "secret", "user-agent": "x"}
    assert _identity(CHAT, headers=beta)["headers"] == {"anthropic-beta": "context-1m"}


def test_an_address_counts_where_it_may_decide() -> None:
    """Only as a digest; ports on this machine are drawn, and known providers have many hosts."""
    bare = _identity(CHAT)
    assert "endpoint" not in bare
    assert _identity(CHAT, url="http://127.0.0.1:4711/v1/chat/completions") == bare
    assert _identity(CHAT, url="https://eu.api.openai.com/v1/chat/completions") == bare
    own = _identity(CHAT, url="https://user:pass@llm.example.com/v1/chat/completions")
    assert len(own["endpoint"]) == 16
    assert own == _identity(CHAT, url="https://llm.example.com/v1/chat/completions?key=abc")
    azure = [
        _identity(CHAT, url=f"https://{each}.openai.azure.com/openai/v1/chat/completions")
        for each in ("one", "two")
    ]
    assert azure[0] != azure[1]


@pytest.mark.parametrize(
    ("pattern", "body"),
    [
        ("messages.*.name", {"messages": [{"role": "user", "content": "x"}]}),
        ("messages.0", {"messages": []}),
        ("messages.*", {"messages": []}),
        ("messages", {}),
        ("*", {}),
        ("messages.0.content.text", {"messages": [{"role": "user", "content": "x", "name": "n"}]}),
        ("messages.first.name", {"messages": [{"role": "user", "content": "x", "name": "n"}]}),
        ("", {"messages": [{"role": "user", "content": "x", "name": "n"}]}),
    ],
)
def test_what_the_user_ignores_is_left_out(pattern: str, body: dict[str, Any]) -> None:
    """By dotted paths, where ``*`` stands for any name or place."""
    given = {"messages": [{"role": "user", "content": "x", "name": "n"}]}
    assert _identity(given, ignore=[pattern])["body"] == body


def test_an_upload_is_known_by_its_content() -> None:
    """The boundary between its parts is drawn for each request."""

    def upload(boundary: str, content: bytes) -> Mapping[str, Any]:
        mark = boundary.encode()
        request = HttpRequest(
            method="POST",
            url="https://api.openai.com/v1/audio/transcriptions",
            headers={"content-type": f"multipart/form-data; boundary={boundary}"},
            body=b"--" + mark + b"\r\n\r\n" + content + b"\r\n--" + mark + b"--\r\n",
        )
        return identity("opaque", {}, request)

    assert upload("abc", b"one") == upload("xyz", b"one")
    assert upload("abc", b"one") != upload("abc", b"two")
