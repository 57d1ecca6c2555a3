"""LangGraph: the prebuilt agent with a tool."""

from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.prebuilt import create_react_agent

from pipelines.transcript import note


@tool
def look_up(name: str) -> str:
    """Look up a row."""
    return f"found {name}"


agent = create_react_agent(ChatOpenAI(model="gpt-4o-mini"), [look_up])


def noted(row, state):
    """Note the agent's messages; returns the last one's text."""
    for message in state["messages"]:
        note(row, type(message).__qualname__, message.content, getattr(message, "tool_calls", None))
    return state["messages"][-1].content


def run(row):
    """Have the agent look the row up."""
    return noted(row, agent.invoke({"messages": [("user", f"Look up {row}.")]}))
