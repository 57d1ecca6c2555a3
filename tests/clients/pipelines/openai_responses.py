"""OpenAI's client: responses, with a tool, then streamed."""

from openai import OpenAI

from pipelines.transcript import note

client = OpenAI()
TOOLS = [
    {
        "type": "function",
        "name": "look_up",
        "description": "Look up a row.",
        "parameters": {
            "type": "object",
            "properties": {"name": {"type": "string"}},
            "required": ["name"],
            "additionalProperties": False,
        },
        "strict": True,
    }
]


def run(row):
    """Have a tool called, then read the answer event by event."""
    items = [{"role": "user", "content": f"Look up {row}."}]
    response = client.responses.create(
        model="gpt-4o-mini", instructions="Use the tool.", input=items, tools=TOOLS, store=False
    )
    note(row, response)
    for item in response.output:
        if item.type == "function_call":
            output = f"found {item.arguments}"
            items.append(item)
            items.append(
                {"type": "function_call_output", "call_id": item.call_id, "output": output}
            )
    told = ""
    for event in client.responses.create(
        model="gpt-4o-mini", input=items, tools=TOOLS, store=False, stream=True
    ):
        note(row, event)
        if event.type == "response.output_text.delta":
            told += event.delta
    return told
