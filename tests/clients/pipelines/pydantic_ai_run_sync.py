"""Pydantic-AI: an agent with a tool, ``run_sync``.

An asynchronous client belongs to one loop and each thread has its own, so each run has a client.
"""

from openai import AsyncOpenAI
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from pipelines.pydantic_ai_run import agent, noted


def run(row):
    """Have the agent look the row up."""
    model = OpenAIChatModel("gpt-4o-mini", provider=OpenAIProvider(openai_client=AsyncOpenAI()))
    return noted(row, agent.run_sync(f"Look up {row}.", model=model))
