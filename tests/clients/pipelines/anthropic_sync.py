"""Anthropic's client: messages."""

from anthropic import Anthropic

from pipelines.transcript import note

client = Anthropic()


def ask(row, text):
    """Ask one question."""
    message = client.messages.create(
        model="claude-haiku-4-5",
        max_tokens=200,
        system="Be brief.",
        messages=[{"role": "user", "content": text}],
    )
    note(row, message)
    return message.content[0].text


def run(row):
    """Ask, then ask about the answer."""
    return ask(row, f"Check this again: {ask(row, f'Is the number of {row} odd?')}")
