"""Names of OpenTelemetry's GenAI semantic conventions (status: development), and values for them.

Source: docs/gen-ai/gen-ai-spans.md and gen-ai-agent-spans.md of open-telemetry's
semantic-conventions-genai, as of 2026.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_lmopt.lm.dialects.json_bodies import mapping
from pytest_lmopt.lm.dialects.providers import is_provider
from pytest_lmopt.lm.dialects.registry import dialect_named
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

OPERATIONS: Mapping[str, str] = {
    "openai.embeddings": "embeddings",
    "openai.completions": "text_completion",
    "opaque": "generate_content",
    "free": "generate_content",
}
"""Operations by the dialect of a client's call, where they are not ``chat``."""

PARAMS: Mapping[str, str] = {
    "frequency_penalty": "gen_ai.request.frequency_penalty",
    "max_completion_tokens": "gen_ai.request.max_tokens",
    "max_output_tokens": "gen_ai.request.max_tokens",
    "max_tokens": "gen_ai.request.max_tokens",
    "presence_penalty": "gen_ai.request.presence_penalty",
    "seed": "gen_ai.request.seed",
    "temperature": "gen_ai.request.temperature",
    "top_k": "gen_ai.request.top_k",
    "top_p": "gen_ai.request.top_p",
}


def span_name(request: Request) -> str:
    """Name the span of a call: its operation and the model."""
    return f"{_operation(request)} {_names(request)[1]}".strip()


def asked(request: Request) -> dict[str, Any]:
    """Attributes of a request, without its words."""
    given = {**request.params, **mapping(request.params.get("body"))}
    provider_name, model = _names(request)
    found: dict[str, Any] = {
        "gen_ai.operation.name": _operation(request),
        "gen_ai.provider.name": provider_name,
    }
    if model:
        found["gen_ai.request.model"] = model
    for param, name in PARAMS.items():
        if isinstance(given.get(param), int | float):
            found[name] = given[param]
    stop = given.get("stop") or given.get("stop_sequences")
    if stop:
        found["gen_ai.request.stop_sequences"] = [stop] if isinstance(stop, str) else stop
    if given.get("stream") is True:
        found["gen_ai.request.stream"] = True
    if isinstance(given.get("n"), int) and given["n"] != 1:
        found["gen_ai.request.choice.count"] = given["n"]
    if request.dialect:
        found["pytest_lmopt.client"] = request.client
        found["pytest_lmopt.dialect"] = request.dialect
    return found


def answered(completion: Completion) -> dict[str, Any]:
    """Attributes of an answer, without its words; tokens are those of the call, replayed or not."""
    usage = completion.usage
    found: dict[str, Any] = {
        "gen_ai.usage.input_tokens": usage.input_tokens,
        "gen_ai.usage.output_tokens": usage.output_tokens,
        "pytest_lmopt.replayed": usage.replayed > 0,
    }
    if usage.cached_tokens:
        found["gen_ai.usage.cache_read.input_tokens"] = usage.cached_tokens
    if usage.reasoning_tokens:
        found["gen_ai.usage.reasoning.output_tokens"] = usage.reasoning_tokens
    if completion.finish:
        found["gen_ai.response.finish_reasons"] = [completion.finish]
    return found


def provider(model: str) -> str:
    """The provider's name for a litellm model string; of one without a prefix, ``openai``."""
    if is_local(model):
        return "llama.cpp"
    prefix, slash, _ = model.partition("/")
    return PROVIDERS.get(prefix, prefix) if slash else "openai"


def model_name(model: str) -> str:
    """The model's name as its provider knows it."""
    return model if is_local(model) else model.partition("/")[2] or model


def _operation(request: Request) -> str:
    return OPERATIONS.get(request.dialect, "chat")


def _names(request: Request) -> tuple[str, str]:
    """The provider's and the model's name; of an unknown host, the provider of the protocol."""
    if not request.dialect or "body" not in request.params:
        return provider(request.model), model_name(request.model)
    prefix, _, model = request.model.partition("/")
    if not is_provider(prefix):
        prefix = dialect_named(request.dialect).default_provider
    return PROVIDERS.get(prefix, prefix), model
