"""Requests of every dialect as the arguments of OpenAI's chat, and as text."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_lmopt.lm.dialects.registry import DIALECTS, dialect_named
from pytest_lmopt.wire import Message

FUNCTION = {"name": "weather", "description": "Look", "parameters": {"type": "object"}}
TOOL = {"type": "function", "function": FUNCTION}
CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"city":"Rome"}'},
}
SCHEMA = {"type": "object", "properties": {}}


def test_chat_stays_chat() -> None:
    """Without what only says how it is asked, and in names that all providers know."""
    body = {
        "model": "o3",
        "stream": True,
        "stream_options": {"include_usage": True},
        "user": "u",
        "max_completion_tokens": 9,
        "temperature": 0,
        "messages": [{"role": "developer", "content": "Be brief."}],
        "tools": [TOOL],
        "tool_choice": "auto",
        "stop": None,
    }
    assert dialect_named("openai.chat").chat(body) == {
        "messages": [{"role": "system", "content": "Be brief."}],
        "max_tokens": 9,
        "temperature": 0,
        "tools": [TOOL],
        "tool_choice": "auto",
    }


def test_functions_of_old_become_tools() -> None:
    """And the function that is forced becomes a tool that is forced."""
    body = {"messages": [], "functions": [FUNCTION], "function_call": {"name": "weather"}}
    assert dialect_named("openai.chat").chat(body) == {
        "messages": [],
        "tools": [TOOL],
        "tool_choice": {"type": "function", "function": {"name": "weather"}},
    }


def test_responses_become_chat() -> None:
    """Instructions, items, tools, formats and limits."""
    call = {"type": "function_call", "name": "weather", "arguments": '{"city":"Rome"}'}
    body = {
        "model": "gpt-4o",
        "instructions": "Be brief.",
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "Weather?"}]},
            {"type": "reasoning", "id": "rs_1", "summary": []},
            {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "Let me look."}],
            },
            {**call, "call_id": "call_1"},
            {**call, "call_id": "call_2"},
            {"type": "function_call_output", "call_id": "call_1", "output": "25 °C"},
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "And here?"},
                    {"type": "input_image", "image_url": "data:x", "detail": "low"},
                ],
            },
        ],
        "tools": [{"type": "function", "strict": True, **FUNCTION}],
        "tool_choice": {"type": "function", "name": "weather"},
        "text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True}},
        "max_output_tokens": 9,
        "temperature": 0,
        "reasoning": {"effort": "low"},
    }
    assert dialect_named("openai.responses").chat(body) == {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Weather?"},
            {
                "role": "assistant",
                "content": "Let me look.",
                "tool_calls": [CALL, {**CALL, "id": "call_2"}],
            },
            {"role": "tool", "tool_call_id": "call_1", "content": "25 °C"},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "And here?"},
                    {"type": "image_url", "image_url": {"url": "data:x", "detail": "low"}},
                ],
            },
        ],
        "tools": [{"type": "function", "function": {**FUNCTION, "strict": True}}],
        "tool_choice": {"type": "function", "function": {"name": "weather"}},
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "n", "schema": SCHEMA, "strict": True},
        },
        "max_tokens": 9,
        "temperature": 0,
        "reasoning_effort": "low",
    }


def test_anthropics_messages_become_chat() -> None:
    """System, blocks, tools, formats and limits."""
    body = {
        "model": "claude-sonnet-4-5",
        "system": [{"type": "text", "text": "Be brief."}],
        "messages": [
            {"role": "user", "content": "Weather?"},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "Hm.", "signature": "a"},
                    {"type": "text", "text": "Let me look."},
                    {
                        "type": "tool_use",
                        "id": "call_1",
                        "name": "weather",
                        "input": {"city": "Rome"},
                    },
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "call_1", "content": "25 °C"},
                    {"type": "text", "text": "And here?"},
                    {
                        "type": "image",
                        "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"},
                    },
                ],
            },
        ],
        "tools": [{"name": "weather", "description": "Look", "input_schema": {"type": "object"}}],
        "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
        "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}},
        "max_tokens": 9,
        "stop_sequences": ["END"],
        "metadata": {"user_id": "u"},
    }
    assert dialect_named("anthropic.messages").chat(body) == {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Weather?"},
            {"role": "assistant", "content": "Let me look.", "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "call_1", "content": "25 °C"},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "And here?"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                ],
            },
        ],
        "tools": [TOOL],
        "tool_choice": "required",
        "parallel_tool_calls": False,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True},
        },
        "max_tokens": 9,
        "stop": ["END"],
    }


def test_a_prompt_becomes_a_message() -> None:
    """Of legacy completions, one prompt that is text."""
    completions = dialect_named("openai.completions")
    expected = {"messages": [{"role": "user", "content": "Rome is"}], "max_tokens": 5}
    assert completions.chat({"prompt": ["Rome is"], "max_tokens": 5}) == expected
    with pytest.raises(ValueError, match="expected one text as prompt"):
        completions.chat({"prompt": ["a", "b"]})
    with pytest.raises(ValueError, match="expected one text as prompt"):
        completions.chat({"prompt": [1, 2]})


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("openai.responses", {"input": "x", "tools": [{"type": "web_search"}]}),
        ("openai.responses", {"input": "x", "previous_response_id": "resp_1"}),
        ("openai.responses", {"input": [{"type": "item_reference", "id": "msg_1"}]}),
        (
            "openai.responses",
            {"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}]},
        ),
        ("anthropic.messages", {"messages": [], "tools": [{"type": "web_search_20250305"}]}),
        ("openai.embeddings", {"input": "x"}),
        ("opaque", {"x": 1}),
    ],
)
def test_what_another_model_can_not_answer_is_refused(name: str, body: dict[str, Any]) -> None:
    """Rather than answered without what it needs."""
    with pytest.raises(ValueError, match=r"provider|no chat model"):
        dialect_named(name).chat(body)


@pytest.mark.parametrize(
    ("name", "body", "messages"),
    [
        (
            "openai.chat",
            {
                "tools": [{"type": "function"}],
                "messages": [
                    {
                        "role": "user",
                        "content": [{"type": "text", "text": "See"}, {"type": "image_url"}],
                    },
                    {"role": "assistant", "content": None, "tool_calls": [{"id": "call_9"}]},
                    {"role": "tool", "tool_call_id": "call_9", "content": "ok"},
                ],
            },
            (
                Message("tools", '{"tools":[{"type":"function"}]}'),
                Message("user", "See\n[image_url]"),
                Message("assistant", '\n[{"id":"id1"}]'),
                Message("tool", "ok"),
            ),
        ),
        (
            "anthropic.messages",
            {
                "system": "Be brief.",
                "messages": [
                    {
                        "role": "user",
                        "content": [
                            {"type": "tool_result", "content": [{"type": "text", "text": "ok"}]},
                            {"type": "image", "source": {"type": "base64", "data": "AAAA"}},
                            {"type": "document", "source": {"type": "text", "data": "A page."}},
                        ],
                    }
                ],
            },
            (
                Message("system", "Be brief."),
                Message("tool", "ok"),
                Message("user", "[image]\nA page."),
            ),
        ),
        (
            "openai.responses",
            {"instructions": "Be brief.", "input": [{"role": "user", "content": "x"}]},
            (Message("system", "Be brief."), Message("user", "x")),
        ),
        (
            "openai.embeddings",
            {"input": [[1, 2], [3]]},
            (Message("user", "[1,2]"), Message("user", "[3]")),
        ),
    ],
)
def test_a_request_is_shown_as_text(
    name: str, body: dict[str, Any], messages: tuple[Message, ...]
) -> None:
    """The tools first; images and files only by their kind."""
    assert dialect_named(name).messages(body) == messages


def test_names_of_dialects_are_unique() -> None:
    """Recordings and traces go by them."""
    assert len({each.name for each in DIALECTS}) == len(DIALECTS)
