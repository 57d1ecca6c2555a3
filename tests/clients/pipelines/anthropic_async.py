"""Anthropic's asynchronous client: messages."""

from anthropic import AsyncAnthropic

from pipelines.transcript import note

client = AsyncAnthropic()


async def ask(row, text):
    """Ask one question."""
    message = await client.messages.create(
        model="claude-haiku-4-5", max_tokens=200, messages=[{"role": "user", "content": text}]
    )
    note(row, message)
    return message.content[0].text


async def run(row):
    """Ask, then ask about the answer."""
    first = await ask(row, f"Is the number of {row} odd?")
    return await ask(row, f"Check this again: {first}")
