"""The table of providers: their addresses, keys and dialects, and which parameters they take as is.

Names, variables and defaults are litellm's. What stands here is sent as litellm sends it; a request
with anything else goes through litellm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from pytest_lmopt.lm.money.price_table import table_entry
from pytest_lmopt.wire import is_local

Wire = Literal["openai", "azure", "anthropic"]
"""How a request is worded: Azure's has the deployment in its path."""

_SAMPLING = (
    "temperature", "top_p", "top_k", "min_p", "seed", "stop", "frequency_penalty",
    "presence_penalty", "logit_bias", "logprobs", "top_logprobs", "n",
)  # fmt: skip
_TOOLS = ("tools", "tool_choice", "parallel_tool_calls")
_PLAIN = frozenset(("max_tokens", "response_format", *_SAMPLING, *_TOOLS))


class Header(NamedTuple):
    """A header beside the key; its value is that of the first variable set, else ``default``."""

    name: str
    variables: tuple[str, ...]
    default: str = ""


@dataclass(frozen=True, kw_only=True)
class Service:
    """One provider, by litellm's name.

    ``bases`` are the variables that hold its URL, the first one set counts; ``base`` is the URL
    where none is set, empty where one must be. ``keys`` are those of its key, ``no_key`` what
    stands for one where it needs none. A variable of ``unknown`` leaves its requests to litellm.
    ``params`` are the parameters that it takes under their own names, ``beside`` is sent with
    every body, ``headers`` with every request. ``images``, ``schemas`` and ``empty`` say whether
    images, JSON schemas and empty messages are sent as they are; ``thoughts`` whether an answer may
    begin with one in a tag. Models whose names begin in
    another way than ``models`` are left to litellm, whose table has them under ``table``.
    """

    name: str
    base: str = ""
    bases: tuple[str, ...]
    keys: tuple[str, ...]
    no_key: str = ""
    wire: Wire = "openai"
    path: str = "/chat/completions"
    params: frozenset[str] = _PLAIN
    beside: tuple[tuple[str, object], ...] = ()
    headers: tuple[Header, ...] = ()
    unknown: tuple[str, ...] = ()
    images: bool = True
    schemas: bool = True
    empty: bool = True
    thoughts: bool = True
    models: str = ""
    table: str = ""


OPENAI = Service(
    name="openai",
    base="https://api.openai.com/v1",
    bases=("OPENAI_BASE_URL", "OPENAI_API_BASE"),
    keys=("OPENAI_API_KEY",),
    params=_PLAIN | {"reasoning_effort", "verbosity"},
    headers=(
        Header("openai-organization", ("OPENAI_ORGANIZATION", "OPENAI_ORG_ID")),
        Header("openai-project", ("OPENAI_PROJECT_ID",)),
    ),
)

_ALL = (
    OPENAI,
    Service(
        name="azure",
        bases=("AZURE_API_BASE",),
        keys=("AZURE_OPENAI_API_KEY", "AZURE_API_KEY"),
        wire="azure",
        params=_PLAIN | {"reasoning_effort", "verbosity"},
        unknown=("AZURE_API_TYPE", "AZURE_AD_TOKEN"),
        table="azure/",
    ),
    Service(
        name="anthropic",
        base="https://api.anthropic.com",
        bases=("ANTHROPIC_API_BASE", "ANTHROPIC_BASE_URL"),
        keys=("ANTHROPIC_API_KEY",),
        wire="anthropic",
        path="/v1/messages",
        thoughts=False,
        unknown=(
            "ANTHROPIC_AUTH_TOKEN",
            "ANTHROPIC_FEDERATION_RULE_ID",
            "LITELLM_ANTHROPIC_DISABLE_URL_SUFFIX",
        ),
    ),
    # its other protocol, which litellm speaks: the answers are the same, the bodies differ
    Service(
        name="gemini",
        base="https://generativelanguage.googleapis.com/v1beta/openai",
        bases=(),
        keys=("GOOGLE_API_KEY", "GEMINI_API_KEY"),
        params=frozenset(("max_tokens", "temperature", "top_p", "stop", "response_format")),
        unknown=("GEMINI_API_BASE", "GOOGLE_GENAI_USE_VERTEXAI"),
        table="gemini/",
    ),
    Service(
        name="groq",
        base="https://api.groq.com/openai/v1",
        bases=("GROQ_API_BASE",),
        keys=("GROQ_API_KEY",),
        schemas=False,
        thoughts=False,
        table="groq/",
    ),
    Service(
        name="mistral",
        base="https://api.mistral.ai",
        bases=("MISTRAL_AZURE_API_BASE",),
        keys=("MISTRAL_AZURE_API_KEY", "MISTRAL_API_KEY"),
        path="/v1/chat/completions",
        params=frozenset(("max_tokens", "temperature", "top_p", "stop", "response_format")),
        unknown=("MISTRAL_API_BASE",),
        images=False,
        empty=False,
        table="mistral/",
    ),
    Service(
        name="deepseek",
        base="https://api.deepseek.com/beta",
        bases=("DEEPSEEK_API_BASE",),
        keys=("DEEPSEEK_API_KEY",),
        images=False,
        table="deepseek/",
    ),
    Service(
        name="openrouter",
        base="https://openrouter.ai/api/v1",
        bases=("OPENROUTER_API_BASE",),
        keys=("OPENROUTER_API_KEY", "OR_API_KEY"),
        params=_PLAIN | {"reasoning_effort"},
        beside=(("usage", {"include": True}),),
        headers=(
            Header("http-referer", ("OR_SITE_URL",), "https://litellm.ai"),
            Header("x-title", ("OR_APP_NAME",), "liteLLM"),
        ),
        table="openrouter/",
    ),
    Service(
        name="together_ai",
        base="https://api.together.ai/v1",
        bases=("TOGETHER_AI_API_BASE",),
        keys=("TOGETHER_API_KEY", "TOGETHER_AI_API_KEY", "TOGETHERAI_API_KEY", "TOGETHER_AI_TOKEN"),
        table="together_ai/",
    ),
    Service(
        name="fireworks_ai",
        base="https://api.fireworks.ai/inference/v1",
        bases=("FIREWORKS_API_BASE",),
        keys=(
            "FIREWORKS_API_KEY",
            "FIREWORKS_AI_API_KEY",
            "FIREWORKSAI_API_KEY",
            "FIREWORKS_AI_TOKEN",
        ),
        params=_PLAIN - set(_TOOLS),
        models="accounts/",
        table="fireworks_ai/",
    ),
    Service(
        name="xai",
        base="https://api.x.ai/v1",
        bases=("XAI_API_BASE",),
        keys=("XAI_API_KEY",),
        params=_PLAIN - {"stop", "frequency_penalty", "presence_penalty"},
        table="xai/",
    ),
    Service(
        name="hosted_vllm",
        bases=("HOSTED_VLLM_API_BASE",),
        keys=("HOSTED_VLLM_API_KEY",),
        no_key="fake-api-key",
        params=(_PLAIN - set(_TOOLS)) | {"reasoning_effort"},
        table="hosted_vllm/",
    ),
    # its newer protocol, which litellm doesn't speak: it applies the model's own chat template
    *(
        Service(
            name=name,
            base="http://localhost:11434",
            bases=("OLLAMA_API_BASE",),
            keys=("OLLAMA_API_KEY",),
            no_key="ollama",
            path="/v1/chat/completions",
            params=_PLAIN - {"top_k", "min_p", "logit_bias", "n", "logprobs", "top_logprobs"},
            table="ollama/",
        )
        for name in ("ollama", "ollama_chat")
    ),
)

SERVICES = {service.name: service for service in _ALL}
"""All providers that the engine asks, by litellm's names."""

LOCAL = Service(
    name="local",
    bases=(),
    keys=(),
    params=_PLAIN | {"reasoning_effort"},
)
"""A server on this machine that we start."""

_UNPREFIXED = ("openai", "anthropic", "deepseek")
"""litellm knows these providers' models without a prefix, by its table."""


def service_of(model: str) -> tuple[Service, str] | None:
    """Return a model string's provider, and the model's name there; None for what litellm asks."""
    prefix, slash, name = model.partition("/")
    if slash:
        service = SERVICES.get(prefix)
        return (service, name) if service is not None and name else None
    provider = str(table_entry(model).get("litellm_provider"))
    return (SERVICES[provider], model) if provider in _UNPREFIXED else None


def is_known(model: str | None) -> bool:
    """Whether most requests to a model need no litellm; True where there is no model."""
    return not model or is_local(model) or service_of(model) is not None
