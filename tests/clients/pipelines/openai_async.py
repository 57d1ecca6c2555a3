"""OpenAI's asynchronous client: chat completions."""

from openai import AsyncOpenAI

from pipelines.transcript import note

client = AsyncOpenAI()


async def ask(row, text):
    """Ask one question."""
    completion = await client.chat.completions.create(
        model="gpt-4o-mini", messages=[{"role": "user", "content": text}]
    )
    note(row, completion)
    return completion.choices[0].message.content


async def run(row):
    """Ask, then ask about the answer."""
    first = await ask(row, f"Is the number of {row} odd?")
    return await ask(row, f"Check this again: {first}")
