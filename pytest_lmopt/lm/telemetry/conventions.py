"""Names of OpenTelemetry's GenAI semantic conventions (status: development), and values for them.

Source: docs/gen-ai/gen-ai-spans.md and gen-ai-agent-spans.md of open-telemetry's
semantic-conventions-genai, as of 2026.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pytest_lmopt.safe_text import redact
from pytest_lmopt.wire import Completion, Request, is_local

PROVIDERS: Mapping[str, str] = {
    "anthropic": "anthropic",
    "azure": "azure.ai.openai",
    "azure_ai": "azure.ai.inference",
    "bedrock": "aws.bedrock",
    "gemini": "gcp.gemini",
    "mistral": "mistral_ai",
    "vertex_ai": "gcp.vertex_ai",
    "watsonx": "ibm.watsonx.ai",
    "xai": "x_ai",
}
"""litellm's prefixes to well-known provider names, where they differ or are among the commonest."""

PARAMS: Mapping[str, str] = {
    "frequency_penalty": "gen_ai.request.frequency_penalty",
    "max_tokens": "gen_ai.request.max_tokens",
    "presence_penalty": "gen_ai.request.presence_penalty",
    "seed": "gen_ai.request.seed",
    "temperature": "gen_ai.request.temperature",
    "top_k": "gen_ai.request.top_k",
    "top_p": "gen_ai.request.top_p",
}


def asked(request: Request) -> dict[str, Any]:
    """Attributes of a request, without its words."""
    named = {name: request.params.get(param) for param, name in PARAMS.items()}
    stop = request.params.get("stop")
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": provider(request.model),
        "gen_ai.request.model": model_name(request.model),
        **{name: value for name, value in named.items() if isinstance(value, int | float)},
        **(
            {"gen_ai.request.stop_sequences": [stop] if isinstance(stop, str) else stop}
            if stop
            else {}
        ),
    }


def answered(completion: Completion) -> dict[str, Any]:
    """Attributes of an answer, without its words; tokens are those of the call, replayed or not."""
    usage = completion.usage
    return {
        "gen_ai.usage.input_tokens": usage.input_tokens,
        "gen_ai.usage.output_tokens": usage.output_tokens,
        "pytest_lmopt.replayed": usage.replayed > 0,
    }


def question(request: Request) -> dict[str, Any]:
    """The messages sent, secrets hidden."""
    return {"gen_ai.input.messages": _messages(request.messages)}


def answer(completion: Completion) -> dict[str, Any]:
    """The message that came back, secrets hidden."""
    return {"gen_ai.output.messages": _messages([("assistant", completion.text)], finish="stop")}


def provider(model: str) -> str:
    """The provider's name for a litellm model string; of one without a prefix, ``openai``."""
    if is_local(model):
        return "llama.cpp"
    prefix, slash, _ = model.partition("/")
    return PROVIDERS.get(prefix, prefix) if slash else "openai"


def model_name(model: str) -> str:
    """The model's name as its provider knows it."""
    return model if is_local(model) else model.partition("/")[2] or model


def _messages(messages: Any, **more: str) -> str:
    return json.dumps(
        [
            {"role": role, "parts": [{"type": "text", "content": redact(text)}], **more}
            for role, text in messages
        ],
        ensure_ascii=False,
    )
