"""litellm: ``embedding``, then ``completion``."""

import os

import litellm

from pipelines.litellm_completion import ask
from pipelines.transcript import note


def run(row):
    """Embed the question, then ask it."""
    question = f"Is the number of {row} odd?"
    embedded = litellm.embedding(
        model="openai/text-embedding-3-small",
        input=[question],
        api_base=os.environ["OPENAI_BASE_URL"],
        num_retries=3,
    )
    numbers = embedded.data[0]["embedding"]
    note(row, type(embedded).__qualname__, numbers, embedded.usage.prompt_tokens)
    return ask(row, f"{question} The question's first number is {numbers[0]:.3f}.")
