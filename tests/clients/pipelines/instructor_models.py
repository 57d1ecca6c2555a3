"""instructor: answers as models of pydantic, through tools."""

import instructor
from openai import OpenAI
from pydantic import BaseModel

from pipelines.transcript import note

client = instructor.from_openai(OpenAI())


class Finding(BaseModel):
    """What was found about a row."""

    name: str
    odd: bool


def ask(row, text):
    """Ask one question."""
    found = client.chat.completions.create(
        model="gpt-4o-mini",
        response_model=Finding,
        messages=[{"role": "user", "content": text}],
    )
    note(row, found)
    return found


def run(row):
    """Ask, then ask about the answer."""
    again = ask(row, f"Check this again: {ask(row, f'Is the number of {row} odd?').name}")
    return f"{again.name} is {'odd' if again.odd else 'even'}"
