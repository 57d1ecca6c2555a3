"""OpenAI's client: streamed chat completions, the second of them with its usage."""

from openai import OpenAI

from pipelines.transcript import note

client = OpenAI()


def ask(row, text, **options):
    """Ask one question and read the answer chunk by chunk."""
    chunks = client.chat.completions.create(
        model="gpt-4o-mini", messages=[{"role": "user", "content": text}], stream=True, **options
    )
    told = ""
    for chunk in chunks:
        note(row, chunk)
        told += "".join(choice.delta.content or "" for choice in chunk.choices)
    return told


def run(row):
    """Ask, then ask about the answer."""
    first = ask(row, f"Is the number of {row} odd?")
    return ask(row, f"Check this again: {first}", stream_options={"include_usage": True})
