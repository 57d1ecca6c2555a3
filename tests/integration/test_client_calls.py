"""Calls of clients in what people see: rows of reports, models in snapshots, notices."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from doubles.fake_provider import FakeProvider
from jsonschema import Draft202012Validator
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from projects.shouting import Project

from pytest_lmopt.reports.machine import SCHEMA

AGENT = """\
import httpx

TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]
MODEL, HOST = "gpt-4o-mini", "https://api.openai.com"


def post(client, path, **body):
    answer = client.post(f"{HOST}/v1/{path}", json=body, headers={"user-agent": "mine/1.0"})
    answer.raise_for_status()
    return answer.json()


def agent(city):
    said = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": city}]
    with httpx.Client() as client:
        while True:
            answer = post(client, "chat/completions", model=MODEL, messages=said, tools=TOOLS)
            message = answer["choices"][0]["message"]
            if not message.get("tool_calls"):
                return message["content"]
            said.append(message)
            for call in message["tool_calls"]:
                said.append({"role": "tool", "tool_call_id": call["id"], "content": "rain"})


def embedded(city):
    with httpx.Client() as client:
        post(client, "embeddings", model="text-embedding-3-small", input=city)
        return agent(city)


def chatty(city):
    said = [{"role": "system", "content": "Be brief."}]
    said += [{"role": "tool", "tool_call_id": "x", "content": f"{city} {i}"} for i in range(40)]
    with httpx.Client() as client:
        post(client, "chat/completions", model=MODEL, messages=said)
    return city.upper()
"""

SUITE = """\
import pytest
from pytest_lmopt import Budget, metrics
from agents import {pipeline}

CITIES = [{{"id": f"c{{i}}", "inputs": {{"city": f"city{{i}}"}}, "expected": "CITY%d" % i}}
          for i in range(12)]

@pytest.mark.lm_suite(dataset=CITIES, metric=metrics.exact_match, {arguments})
def test_weather(lm_example):
    return {pipeline}(lm_example.inputs["city"])
"""


def ask_then_shout(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """A model that asks for the weather once, and then says the city in capitals."""
    last = body["messages"][-1]
    if last["role"] == "tool":
        return {"content": body["messages"][1]["content"].upper()}
    call = {"id": "call_7", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    return {"tool_calls": [call]}


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> FakeProvider:
    """The provider that all clients in this process reach."""
    provider = FakeProvider(ask_then_shout)
    provider.answer_httpx(monkeypatch)
    return provider


@pytest.fixture
def project(pytester: pytest.Pytester) -> Project:
    """A project whose pipeline asks a provider on httpx; it names no model."""
    project = Project(pytester)
    project.write("tox.ini", "[pytest]\npythonpath = .\n")
    project.write("agents.py", AGENT)
    return project


def write(project: Project, arguments: str = "", *, pipeline: str = "agent") -> None:
    """The suite, with further arguments of the mark."""
    project.write("test_weather.py", SUITE.format(pipeline=pipeline, arguments=arguments))


def test_a_row_shows_the_whole_exchange_in_order(project: Project, provider: FakeProvider) -> None:
    """Client, dialect, model, messages with their roles, tools, tool calls and results."""
    write(project)
    project.run("-vv", "--lm-report=json:lm.json").assert_outcomes(passed=1)
    document = json.loads((project.path / "lm.json").read_text())
    Draft202012Validator(json.loads(SCHEMA.read_text())).validate(document)
    row = document["suites"][0]["examples"][0]
    first, second = row["runs"][0]["calls"]
    for call in (first, second):
        assert (call["client"], call["dialect"]) == ("mine", "openai.chat")
        assert call["model"] == "openai/gpt-4o-mini"
        assert '"name":"weather"' in call["tools"]
        assert (call["cached_tokens"], call["reasoning_tokens"]) == (8, 2)
        assert call["inputs"] == {}
    city = row["inputs"]["city"]
    assert [tuple(each.values()) for each in first["messages"]] == [
        ("system", "Be brief."), ("user", city),
    ]  # fmt: skip
    assert first["tool_calls"] == [{"name": "weather", "arguments": "{}"}]
    assert [each["role"] for each in second["messages"]] == ["system", "user", "assistant", "tool"]
    assert '"name":"weather"' in second["messages"][2]["content"]
    assert second["messages"][3]["content"] == "rain"
    assert (second["text"], second["tool_calls"]) == (city.upper(), [])


def test_of_a_long_exchange_the_first_message_and_the_last_ones_are_kept(
    project: Project, provider: FakeProvider
) -> None:
    """An agent sends all it has said with each call."""
    write(project, pipeline="chatty")
    project.run("-vv", "--lm-report=json:lm.json").assert_outcomes(passed=1)
    row = json.loads((project.path / "lm.json").read_text())["suites"][0]["examples"][0]
    (call,) = row["runs"][0]["calls"]
    city = row["inputs"]["city"]
    assert (len(call["messages"]), call["unshown"]) == (30, 11)
    assert [each["content"] for each in call["messages"]] == [
        "Be brief.", *(f"{city} {i}" for i in range(11, 40)),
    ]  # fmt: skip


def test_of_holdout_no_message_is_shown(project: Project, provider: FakeProvider) -> None:
    """As no other text of it is."""
    write(project)
    project.run("--lm-report=json:lm.json").assert_outcomes(passed=1)
    rows = json.loads((project.path / "lm.json").read_text())["suites"][0]["examples"]
    held = [row for row in rows if row["split"] == "holdout"]
    assert held
    assert not any(run["calls"] for row in held for run in row["runs"])


def test_a_clients_call_is_a_span(
    project: Project, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With client and dialect, below the run that makes it; recorded or not."""
    exporter, spans = InMemorySpanExporter(), TracerProvider()
    spans.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: spans)
    write(project)
    project.run("-o", "lm_otel=true").assert_outcomes(passed=1)
    found = exporter.get_finished_spans()
    runs = {each.context.span_id for each in found if each.name.startswith("invoke_workflow")}
    calls = [each for each in found if each.name == "chat gpt-4o-mini"]
    assert len(calls) == len(provider.requests) == 20
    for call in calls:
        told = dict(call.attributes or {})
        assert call.parent is not None
        assert call.parent.span_id in runs
        assert (told["pytest_lmopt.client"], told["pytest_lmopt.dialect"]) == (
            "mine",
            "openai.chat",
        )
        assert told["gen_ai.usage.cache_read.input_tokens"] == 8
        assert told["gen_ai.usage.reasoning.output_tokens"] == 2
    reasons = {dict(call.attributes or {})["gen_ai.response.finish_reasons"] for call in calls}
    assert reasons == {("stop",), ("tool_calls",)}
