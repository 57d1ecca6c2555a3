"""The clients under test: each a pipeline in an environment."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Client:
    """A pipeline, and the environment it runs in."""

    environment: str
    module: str

    @property
    def name(self) -> str:
        """What the matrix calls it."""
        return f"{self.environment}/{self.module}"


_SDKS = (
    "openai_sync",
    "openai_async",
    "openai_stream",
    "openai_tools",
    "openai_tools_stream",
    "openai_parse",
    "openai_responses",
    "openai_embeddings",
    "anthropic_sync",
    "anthropic_async",
    "anthropic_stream",
    "anthropic_tools",
    "litellm_completion",
    "litellm_acompletion",
    "litellm_router",
    "litellm_embedding",
    "litellm_responses",
)
_NEWEST_ONLY = (
    "raw_httpx",
    "langchain_chain",
    "langgraph_sync",
    "langgraph_async",
    "pydantic_ai_run",
    "pydantic_ai_run_sync",
    "agents_run",
    "dspy_module",
)
_OLDER_ONLY = ("instructor_models", "llamaindex_rag", "haystack_pipeline")

CLIENTS = tuple(
    Client(environment=environment, module=module)
    for environment, modules in (
        ("newest", (*_SDKS, *_NEWEST_ONLY)),
        ("older", (*_SDKS, *_OLDER_ONLY)),
    )
    for module in modules
)
"""Every client that the matrix needs; one that is missing or skipped fails it."""

LEADING = Client(environment="newest", module="openai_sync")
"""The client that also runs on a cluster."""
