"""OpenAI's agents: an agent with a tool, on responses."""

from agents import Agent, Runner, function_tool, set_tracing_disabled

from pipelines.transcript import note

set_tracing_disabled(True)


@function_tool
def look_up(name: str) -> str:
    """Look up a row."""
    return f"found {name}"


agent = Agent(name="finder", instructions="Use the tool.", model="gpt-4o-mini", tools=[look_up])


async def run(row):
    """Have the agent look the row up."""
    result = await Runner.run(agent, f"Look up {row}.")
    for item in result.new_items:
        note(row, type(item).__qualname__, item.raw_item)
    return result.final_output
