"""The most tokens that an intercepted request can take, and what has a price of its own."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_lmopt.lm.dialects.registry import dialect_named
from pytest_lmopt.wire import Limits

CHAT = {"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}]}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
LOW = {"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}}
PNG = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
PDF = {"type": "document", "source": {"type": "base64", "data": "AAAA"}}


def _limits(name: str, body: dict[str, Any]) -> Limits:
    return dialect_named(name).limits(body)


def _said(*parts: object, model: str = "gpt-4o") -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": list(parts)}]}


@pytest.mark.parametrize(
    ("given", "output"),
    [
        ({}, None),
        ({"max_tokens": 10}, 10),
        ({"max_completion_tokens": 20}, 20),
        ({"max_tokens": 10, "max_completion_tokens": 20}, 20),
        ({"max_tokens": "10"}, 10),
        ({"max_tokens": -1}, None),
        ({"max_tokens": True}, None),
        ({"max_tokens": "many"}, None),
    ],
)
def test_the_output_has_the_limit_that_the_body_sets(
    given: dict[str, Any], output: int | None
) -> None:
    """The larger of two; what is not a limit leaves it to the model."""
    assert _limits("openai.chat", {**CHAT, **given}).output == output


def test_several_answers_are_counted() -> None:
    """Also each prompt of legacy completions, and the drafts of ``best_of``."""
    assert _limits("openai.chat", {**CHAT, "n": 3}).answers == 3
    body = {"model": "m", "prompt": ["a", "b"], "n": 2, "best_of": 4}
    assert _limits("openai.completions", body).answers == 8


@pytest.mark.parametrize(
    ("part", "model", "most"),
    [
        (LOW, "gpt-4o", 85),
        (IMAGE, "gpt-4o", 1_445),
        (IMAGE, "gpt-4o-2024-11-20", 1_445),
        (IMAGE, "gpt-4o-mini", 48_169),
        (IMAGE, "gpt-4.1-mini", 2_489),
        (IMAGE, "o4-mini", 2_642),
    ],
)
def test_an_image_takes_what_the_provider_says(part: dict[str, Any], model: str, most: int) -> None:
    """By OpenAI's rule for the model."""
    bare = _limits("openai.chat", _said(model=model)).input
    found = _limits("openai.chat", _said(part, model=model)).input
    assert bare is not None
    assert found is not None
    assert most <= found - bare <= most + 20  # what stands for it in the text


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("openai.chat", _said(IMAGE, model="qwen-vl")),
        ("openai.chat", _said({"type": "input_audio", "input_audio": {}})),
        ("openai.chat", _said({"type": "file", "file": {"file_id": "file-1"}})),
        ("openai.responses", {"input": "x", "previous_response_id": "resp_1"}),
        ("openai.responses", {"input": "x", "conversation": "conv_1"}),
        ("openai.responses", {"input": [{"type": "item_reference", "id": "msg_1"}]}),
        ("openai.responses", {"input": [{"content": [{"type": "input_file"}]}]}),
        ("openai.responses", {"input": [{"type": "reasoning", "id": "rs_1"}]}),
        ("openai.responses", {"input": "x", "tools": [{"type": "web_search"}]}),
        ("openai.responses", {"input": "x", "tools": [{"type": "mcp"}]}),
        ("anthropic.messages", _said(PDF)),
        ("anthropic.messages", {**CHAT, "tools": [{"type": "web_search_20250305"}]}),
        ("anthropic.messages", {**CHAT, "mcp_servers": [{"url": "https://x"}]}),
        ("opaque", {}),
    ],
)
def test_what_has_no_limit_of_its_own_has_the_models(name: str, body: dict[str, Any]) -> None:
    """Sounds, files, what only the provider holds, and what its tools find."""
    assert _limits(name, body).input is None


def test_images_of_anthropic_and_a_tools_result_are_counted() -> None:
    """An image in a tool's result, too."""
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": [PNG]}
    found = _limits("anthropic.messages", _said(PNG, result)).input
    assert found is not None
    assert 2 * 4_784 <= found <= 2 * 4_784 + 200


def test_what_is_encrypted_is_counted_by_its_length() -> None:
    """Reasoning that is sent back is part of the input."""
    item = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "a" * 500}
    found = _limits("openai.responses", {"input": [item]}).input
    assert found is not None
    assert 500 <= found <= 700


@pytest.mark.parametrize(
    ("name", "given", "unpriced"),
    [
        ("openai.chat", {"web_search_options": {}}, ("web_search_options",)),
        (
            "openai.chat",
            {"model": "gpt-4o-search-preview"},
            ("web search of gpt-4o-search-preview",),
        ),
        ("openai.chat", {"plugins": [{"id": "web"}]}, ("plugin web",)),
        ("openai.chat", {"modalities": ["text", "audio"]}, ("audio",)),
        ("openai.chat", {"service_tier": "priority"}, ("service_tier priority",)),
        ("openai.chat", {"tools": [{"type": "function"}, {"type": "custom"}]}, ()),
        (
            "openai.responses",
            {"tools": [{"type": "web_search"}, {"type": "file_search"}, {"type": "function"}]},
            ("web_search", "file_search"),
        ),
        ("openai.responses", {"tools": [{"type": "code_interpreter"}]}, ("code_interpreter",)),
        ("openai.responses", {"prompt": {"id": "pmpt_1"}}, ("prompt",)),
        (
            "anthropic.messages",
            {"tools": [{"type": "web_search_20250305"}, {"type": "bash_20250124"}, {"name": "f"}]},
            ("web_search_20250305",),
        ),
        ("anthropic.messages", {"speed": "fast"}, ("speed fast",)),
        (
            "opaque",
            {"tools": [{"google_search": {}}, {"functionDeclarations": []}]},
            ("google_search",),
        ),
        ("opaque", {"requests": [{}]}, ("batch",)),
    ],
)
def test_what_has_a_price_of_its_own_is_named(
    name: str, given: dict[str, Any], unpriced: tuple[str, ...]
) -> None:
    """A dollar limit refuses these."""
    assert _limits(name, {**CHAT, "input": "x", **given}).unpriced == unpriced
