"""Anthropic's client: an agent that calls a tool twice at once."""

from anthropic import Anthropic

from pipelines.transcript import note

client = Anthropic()
TOOLS = [
    {
        "name": "look_up",
        "description": "Look up a row.",
        "input_schema": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "number": {"type": "integer"}},
            "required": ["name", "number"],
        },
    }
]


def run(row):
    """Ask until no tool is used any more."""
    messages = [{"role": "user", "content": f"Look up both parts of {row}."}]
    while True:
        message = client.messages.create(
            model="claude-haiku-4-5", max_tokens=200, messages=messages, tools=TOOLS
        )
        note(row, message)
        if message.stop_reason != "tool_use":
            return message.content[0].text
        messages.append({"role": "assistant", "content": message.content})
        results = [
            {"type": "tool_result", "tool_use_id": block.id, "content": f"found {block.input}"}
            for block in message.content
            if block.type == "tool_use"
        ]
        messages.append({"role": "user", "content": results})
