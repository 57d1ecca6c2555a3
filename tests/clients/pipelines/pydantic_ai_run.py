"""Pydantic-AI: an agent with a tool, ``run``."""

from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel

from pipelines.transcript import note

agent = Agent(OpenAIChatModel("gpt-4o-mini"), instructions="Use the tool.")


@agent.tool_plain
def look_up(name: str) -> str:
    """Look up a row."""
    return f"found {name}"


def noted(row, result):
    """Note the agent's messages; returns its output."""
    for message in result.all_messages():
        parts = [(type(part).__qualname__, getattr(part, "content", "")) for part in message.parts]
        note(row, type(message).__qualname__, parts)
    return result.output


async def run(row):
    """Have the agent look the row up."""
    return noted(row, await agent.run(f"Look up {row}."))
