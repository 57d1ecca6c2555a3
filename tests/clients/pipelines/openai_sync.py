"""OpenAI's client: chat completions."""

from openai import OpenAI

from pipelines.transcript import note

client = OpenAI()


def ask(row, text):
    """Ask one question."""
    completion = client.chat.completions.create(
        model="gpt-4o-mini", messages=[{"role": "user", "content": text}]
    )
    note(row, completion)
    return completion.choices[0].message.content


def run(row):
    """Ask, then ask about the answer."""
    return ask(row, f"Check this again: {ask(row, f'Is the number of {row} odd?')}")
