"""litellm: ``responses``."""

import os

import litellm

from pipelines.transcript import note


def ask(row, text):
    """Ask one question."""
    response = litellm.responses(
        model="openai/gpt-4o-mini",
        input=text,
        api_base=os.environ["OPENAI_BASE_URL"],
        num_retries=3,
    )
    told = response.output[0].content[0].text
    note(row, type(response).__qualname__, told, response.usage.total_tokens)
    return told


def run(row):
    """Ask, then ask about the answer."""
    return ask(row, f"Check this again: {ask(row, f'Is the number of {row} odd?')}")
