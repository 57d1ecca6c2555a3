"""Haystack: a pipeline of two prompts and generators."""

from haystack import Pipeline
from haystack.components.builders import ChatPromptBuilder
from haystack.components.generators.chat import OpenAIChatGenerator
from haystack.dataclasses import ChatMessage

from pipelines.transcript import note


def built():
    """Build the pipeline."""
    pipeline = Pipeline()
    ask = [ChatMessage.from_user("Is the number of {{ row }} odd?")]
    check = [ChatMessage.from_user("Check this again: {{ first[0].text }}")]
    pipeline.add_component("ask", ChatPromptBuilder(template=ask, required_variables="*"))
    pipeline.add_component("first", OpenAIChatGenerator(model="gpt-4o-mini"))
    pipeline.add_component("check", ChatPromptBuilder(template=check, required_variables="*"))
    pipeline.add_component("last", OpenAIChatGenerator(model="gpt-4o-mini"))
    pipeline.connect("ask.prompt", "first.messages")
    pipeline.connect("first.replies", "check.first")
    pipeline.connect("check.prompt", "last.messages")
    return pipeline


def run(row):
    """Ask, then ask about the answer."""
    told = built().run({"ask": {"row": row}}, include_outputs_from={"first"})
    for step in ("first", "last"):
        message = told[step]["replies"][0]
        note(row, type(message).__qualname__, message.text, message.meta.get("usage"))
    return told["last"]["replies"][0].text
