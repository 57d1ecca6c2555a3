"""LangGraph: the prebuilt agent with a tool, asynchronously."""

from pipelines.langgraph_sync import agent, noted


async def run(row):
    """Have the agent look the row up."""
    return noted(row, await agent.ainvoke({"messages": [("user", f"Look up {row}.")]}))
