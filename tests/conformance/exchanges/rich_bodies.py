"""Bodies of requests with nearly every field that a dialect reads."""

from __future__ import annotations

from typing import Any

_CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
_TEXT = {"type": "text", "text": "x"}

RICH_BODIES: dict[str, dict[str, Any]] = {
    "openai.chat": {
        "model": "gpt-4o",
        "messages": [
            {
                "role": "user",
                "content": [
                    _TEXT,
                    {"type": "image_url", "image_url": {"url": "u", "detail": "low"}},
                ],
            },
            {"role": "assistant", "content": None, "tool_calls": [_CALL]},
            {"role": "tool", "tool_call_id": "c", "content": "r"},
        ],
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "functions": [{"name": "f"}],
        "function_call": {"name": "f"},
        "response_format": {"type": "json_object"},
        "stream": True,
        "stream_options": {"include_usage": True},
        "n": 2,
        "max_tokens": 3,
        "web_search_options": {},
        "modalities": ["audio"],
        "plugins": [{"id": "web"}],
    },
    "openai.responses": {
        "model": "gpt-4o",
        "instructions": "i",
        "input": [
            {
                "type": "message",
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "x"},
                    {"type": "input_image", "image_url": "u", "detail": "low"},
                ],
            },
            {"type": "function_call", "call_id": "c", "id": "fc_1", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "r"},
            {"type": "reasoning", "id": "rs_1", "summary": [_TEXT], "encrypted_content": "e"},
        ],
        "tools": [{"type": "function", "name": "f", "parameters": {}}],
        "tool_choice": {"type": "function", "name": "f"},
        "text": {"format": {"type": "json_schema", "name": "n", "schema": {}}},
        "reasoning": {"effort": "low"},
        "max_output_tokens": 4,
        "stream": True,
    },
    "openai.completions": {
        "model": "m",
        "prompt": ["a"],
        "suffix": "x",
        "n": 2,
        "best_of": 3,
        "max_tokens": 4,
        "stream": True,
    },
    "openai.embeddings": {"model": "m", "input": ["a", [1, 2]]},
    "anthropic.messages": {
        "model": "c",
        "max_tokens": 4,
        "system": [_TEXT],
        "messages": [
            {
                "role": "user",
                "content": [
                    _TEXT,
                    {"type": "image", "source": {"type": "base64", "data": "x"}},
                    {"type": "document", "source": {"type": "content", "content": [_TEXT]}},
                    {"type": "tool_result", "tool_use_id": "t", "content": [_TEXT]},
                ],
            },
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}}],
            },
        ],
        "tools": [{"name": "f", "input_schema": {}}],
        "tool_choice": {"type": "tool", "name": "f"},
        "stop_sequences": ["x"],
        "output_config": {"format": {"schema": {}}},
        "stream": True,
    },
    "opaque": {"model": "x", "tools": [{"google_search": {}}]},
}
