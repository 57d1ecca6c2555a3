"""Anthropic's client: raw events first, then its own helper for streams."""

from anthropic import Anthropic

from pipelines.transcript import note

client = Anthropic()


def asked(text):
    """The fields of a request."""
    messages = [{"role": "user", "content": text}]
    return {"model": "claude-haiku-4-5", "max_tokens": 200, "messages": messages}


def run(row):
    """Ask, then ask about the answer."""
    first = ""
    for event in client.messages.create(**asked(f"Is the number of {row} odd?"), stream=True):
        note(row, event)
        if event.type == "content_block_delta":
            first += event.delta.text
    with client.messages.stream(**asked(f"Check this again: {first}")) as stream:
        told = [*stream.text_stream]
        note(row, told, stream.get_final_message().usage)
    return "".join(told)
