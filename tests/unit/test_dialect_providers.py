"""Providers by host, and models' names."""

from __future__ import annotations

import pytest

from pytest_lmopt.lm.dialects.protocol import HttpRequest
from pytest_lmopt.lm.dialects.providers import is_loopback, model_name, provider_of
from pytest_lmopt.lm.dialects.registry import dialect_of, parsed_body


@pytest.mark.parametrize(
    ("url", "model", "name"),
    [
        ("https://api.openai.com/v1/chat/completions", "gpt-4o", "openai/gpt-4o"),
        ("https://API.OpenAI.com:443/v1", "gpt-4o", "openai/gpt-4o"),
        ("https://shop.openai.azure.com/openai/v1", "mine", "azure/mine"),
        ("https://openrouter.ai/api/v1", "meta/llama-4", "openrouter/meta/llama-4"),
        ("https://bedrock-runtime.eu-west-1.amazonaws.com/model", "m:0", "bedrock/m:0"),
        ("https://eu-aiplatform.googleapis.com/v1", "gemini-3-pro", "vertex_ai/gemini-3-pro"),
        ("http://localhost:8000/v1", "qwen", "localhost/qwen"),
        ("http://127.8.0.1/v1", "qwen", "localhost/qwen"),
        ("http://[::1]:8000/v1", "qwen", "localhost/qwen"),
        ("http://192.168.1.5:11434/v1", "qwen", "192.168.1.5/qwen"),
        ("http://gpu.local/v1", "qwen", "gpu.local/qwen"),
        ("http://ollama:11434/v1", "qwen", "ollama/qwen"),
        ("https://llm.example.com/v1", "qwen", "llm.example.com/qwen"),
        ("https://notapi.openai.com.example.com/v1", "m", "notapi.openai.com.example.com/m"),
        ("https://api.openai.com/v1", "", "openai"),
        ("http://[broken", "m", "localhost/m"),
    ],
)
def test_a_model_is_named_by_its_host(url: str, model: str, name: str) -> None:
    """As litellm names it, so that its price is found."""
    assert model_name(url, model) == name


def test_only_this_machine_is_loopback() -> None:
    """A private network is not, nor is a name that only looks like it."""
    assert is_loopback("http://localhost:1")
    assert is_loopback("http://0.0.0.0:1")
    assert is_loopback("http://x.localhost")
    assert not is_loopback("http://10.0.0.1")
    assert not is_loopback("http://localhost.example.com")


def test_an_unknown_host_has_no_provider() -> None:
    """Nor has a host that only ends like one."""
    assert provider_of("https://example.com") is None
    assert provider_of("https://evilopenai.azure.com") is None


@pytest.mark.parametrize(
    ("url", "body", "dialect", "model"),
    [
        (
            "https://x.openai.azure.com/openai/deployments/my%20gpt/chat/completions?api-version=1",
            b'{"messages": [], "model": "gpt-4o"}',
            "openai.chat",
            "my gpt",
        ),
        ("http://localhost/v1/chat/completions/", b'{"messages": []}', "openai.chat", ""),
        ("http://localhost/v1/chat/completions", b'{"messages": "x"}', None, None),
        ("http://localhost/v1/chat/completions", b"no JSON", None, None),
        ("http://localhost/v1/chat/completions", b'["messages"]', None, None),
        ("http://localhost/v1/other", b'{"messages": []}', None, None),
        ("http://localhost/v1/threads/t/messages", b'{"messages": []}', None, None),
        ("https://api.openai.com/v1/responses/resp_1/cancel", b"{}", "free", ""),
        ("https://api.openai.com/v1/files", b"--x--", "free", ""),
        ("https://api.openai.com/v1/images/generations", b'{"model": "m"}', "opaque", "m"),
        ("https://api.openai.com/v1/audio/transcriptions", b"--x--", "opaque", ""),
        ("https://api.openai.com/v1/chat/completions", b"no JSON", "opaque", ""),
        ("https://bedrock-runtime.eu.amazonaws.com/model/a%3A0/converse", b"{}", "opaque", "a:0"),
        (
            "https://generativelanguage.googleapis.com/v1/models/g-3:streamGenerateContent?alt=sse",
            b"{}",
            "opaque",
            "g-3",
        ),
    ],
)
def test_a_dialect_is_found_by_path_and_body(
    url: str, body: bytes, dialect: str | None, model: str | None
) -> None:
    """What is not understood is opaque at a known provider, and none of ours elsewhere."""
    request = HttpRequest(method="POST", url=url, headers={}, body=body)
    parsed = parsed_body(request)
    found = dialect_of(request, parsed)
    assert (found.name if found else None) == dialect
    if found:
        assert found.model(request, parsed or {}) == model
