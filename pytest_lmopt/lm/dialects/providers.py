"""Providers by host, in litellm's names: for prices, and for the names of models."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from urllib.parse import urlsplit

from pytest_lmopt.wire import THIS_MACHINE

_HOSTS = {
    "api.openai.com": "openai",
    "eu.api.openai.com": "openai",
    "us.api.openai.com": "openai",
    "api.anthropic.com": "anthropic",
    "api.groq.com": "groq",
    "api.mistral.ai": "mistral",
    "codestral.mistral.ai": "codestral",
    "api.deepseek.com": "deepseek",
    "openrouter.ai": "openrouter",
    "api.together.xyz": "together_ai",
    "api.together.ai": "together_ai",
    "generativelanguage.googleapis.com": "gemini",
    "aiplatform.googleapis.com": "vertex_ai",
    "api.cohere.com": "cohere",
    "api.cohere.ai": "cohere",
    "api.x.ai": "xai",
    "api.fireworks.ai": "fireworks_ai",
    "api.perplexity.ai": "perplexity",
    "api.cerebras.ai": "cerebras",
    "api.sambanova.ai": "sambanova",
    "api.deepinfra.com": "deepinfra",
    "api.moonshot.ai": "moonshot",
    "api.moonshot.cn": "moonshot",
    "api.minimax.io": "minimax",
    "api.z.ai": "zai",
    "dashscope.aliyuncs.com": "dashscope",
    "dashscope-intl.aliyuncs.com": "dashscope",
    "integrate.api.nvidia.com": "nvidia_nim",
    "api.ai21.com": "ai21",
    "api.voyageai.com": "voyage",
    "api.jina.ai": "jina_ai",
    "router.huggingface.co": "huggingface",
    "api-inference.huggingface.co": "huggingface",
    "api.replicate.com": "replicate",
    "api.novita.ai": "novita",
    "api.hyperbolic.xyz": "hyperbolic",
    "api.studio.nebius.com": "nebius",
    "api.studio.nebius.ai": "nebius",
    "api.featherless.ai": "featherless_ai",
    "inference.baseten.co": "baseten",
    "models.github.ai": "github",
    "models.inference.ai.azure.com": "github",
    "ai-gateway.vercel.sh": "vercel_ai_gateway",
    "ollama.com": "ollama",
}
_SUFFIXES = {
    ".openai.azure.com": "azure",
    ".cognitiveservices.azure.com": "azure",
    ".services.ai.azure.com": "azure_ai",
    ".models.ai.azure.com": "azure_ai",
    "-aiplatform.googleapis.com": "vertex_ai",
    ".cloud.databricks.com": "databricks",
    ".azuredatabricks.net": "databricks",
    ".ml.cloud.ibm.com": "watsonx",
    ".snowflakecomputing.com": "snowflake",
}
_OWN_DEPLOYMENTS = frozenset({"azure", "azure_ai", "databricks", "watsonx", "snowflake"})
"""Here each customer names the models of an account: one name is not one model."""
_REPORTS_UNASKED = frozenset({"mistral", "codestral", "perplexity", "cohere"})
"""These report a stream's usage always; Mistral refuses fields that it does not know."""


@lru_cache(maxsize=256)
def host_of(url: str) -> str:
    """Return a URL's host in lower case, without its port; empty where there is none."""
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""


@lru_cache(maxsize=256)
def provider_of(url: str) -> str | None:
    """Return litellm's name of the provider at a URL, None for an unknown host."""
    host = host_of(url)
    if host in _HOSTS:
        return _HOSTS[host]
    if host.startswith("bedrock-runtime") and host.endswith((".amazonaws.com", ".api.aws")):
        return "bedrock"
    return next((name for end, name in _SUFFIXES.items() if host.endswith(end)), None)


def is_provider(name: str) -> bool:
    """Whether litellm's name is that of a provider in the table, not of a host."""
    return name == "bedrock" or name in _HOSTS.values() or name in _SUFFIXES.values()


@lru_cache(maxsize=256)
def is_loopback(url: str) -> bool:
    """Whether a URL leads to this machine by its host, without any look-up."""
    host = host_of(url)
    if host == THIS_MACHINE or host.endswith(".localhost"):
        return True
    address = _address(host)
    return address is not None and (address.is_loopback or address.is_unspecified)


def is_own_deployment(url: str) -> bool:
    """Whether the customer names the models at this provider."""
    return provider_of(url) in _OWN_DEPLOYMENTS


def reports_unasked(url: str) -> bool:
    """Whether the provider reports the usage of a stream that does not ask for it."""
    return provider_of(url) in _REPORTS_UNASKED


def model_name(url: str, model: str) -> str:
    """Name a model as litellm does: ``openai/gpt-4o``.

    Models behind a server on this machine are ``localhost/<model>``, those of an unknown host
    ``<host>/<model>``.
    """
    where = provider_of(url) or (THIS_MACHINE if is_loopback(url) else host_of(url)) or THIS_MACHINE
    return f"{where}/{model}" if model else where


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
