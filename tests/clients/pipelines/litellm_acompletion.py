"""litellm: ``acompletion``, the second time streamed."""

import os

import litellm

from pipelines.transcript import note


def asked(text):
    """The arguments of a call."""
    return {
        "model": "openai/gpt-4o-mini",
        "messages": [{"role": "user", "content": text}],
        "api_base": os.environ["OPENAI_BASE_URL"],
        "num_retries": 3,
    }


async def run(row):
    """Ask, then ask about the answer."""
    response = await litellm.acompletion(**asked(f"Is the number of {row} odd?"))
    first = response.choices[0].message.content
    note(row, type(response).__qualname__, first, response.usage.total_tokens)
    chunks = await litellm.acompletion(**asked(f"Check this again: {first}"), stream=True)
    told = [chunk.choices[0].delta.content or "" async for chunk in chunks]
    note(row, told)
    return "".join(told)
