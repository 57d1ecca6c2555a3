"""OpenAI's client: an agent that puts streamed tool calls together."""

from openai import OpenAI

from pipelines.openai_tools import TOOLS
from pipelines.transcript import note

client = OpenAI()


def streamed(row, messages):
    """Read a message's text and tool calls from a stream."""
    text, calls = "", {}
    for chunk in client.chat.completions.create(
        model="gpt-4o-mini", messages=messages, tools=TOOLS, stream=True
    ):
        note(row, chunk)
        delta = chunk.choices[0].delta if chunk.choices else None
        text += (delta and delta.content) or ""
        for part in (delta and delta.tool_calls) or ():
            call = calls.setdefault(part.index, {"id": part.id, "name": "", "arguments": ""})
            call["name"] += part.function.name or ""
            call["arguments"] += part.function.arguments or ""
    return text, [calls[index] for index in sorted(calls)]


def run(row):
    """Ask until no tool is called any more."""
    messages = [{"role": "user", "content": f"Look up both parts of {row}."}]
    while True:
        text, calls = streamed(row, messages)
        if not calls:
            return text
        functions = [{"name": call["name"], "arguments": call["arguments"]} for call in calls]
        messages.append(
            {
                "role": "assistant",
                "tool_calls": [
                    {"id": call["id"], "type": "function", "function": function}
                    for call, function in zip(calls, functions, strict=True)
                ],
            }
        )
        for call in calls:
            result = f"found {call['arguments']}"
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": result})
