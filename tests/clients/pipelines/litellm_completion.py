"""litellm: ``completion``."""

import os

import litellm

from pipelines.transcript import note


def ask(row, text):
    """Ask one question."""
    response = litellm.completion(
        model="openai/gpt-4o-mini",
        messages=[{"role": "user", "content": text}],
        api_base=os.environ["OPENAI_BASE_URL"],
        num_retries=3,
    )
    message = response.choices[0].message
    note(row, type(response).__qualname__, message.content, response.usage.total_tokens)
    return message.content


def run(row):
    """Ask, then ask about the answer."""
    return ask(row, f"Check this again: {ask(row, f'Is the number of {row} odd?')}")
