"""OpenAI's client: answers parsed into a model of pydantic."""

from openai import OpenAI
from pydantic import BaseModel

from pipelines.transcript import note

client = OpenAI()


class Finding(BaseModel):
    """What was found about a row."""

    name: str
    number: int
    odd: bool


def ask(row, text):
    """Ask one question."""
    completion = client.chat.completions.parse(
        model="gpt-4o-mini",
        messages=[{"role": "user", "content": text}],
        response_format=Finding,
    )
    found = completion.choices[0].message.parsed
    note(row, type(completion).__qualname__, completion.choices[0].message.content, found)
    return found


def run(row):
    """Ask, then ask about the answer."""
    found = ask(row, f"Is the number of {row} odd?")
    again = ask(row, f"Check this again: {found.name} has {found.number}")
    return f"{again.name} is {'odd' if again.odd else 'even'}"
