"""Calls of clients in what people see: rows of reports, models in snapshots, notices."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from types import SimpleNamespace
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


FILL = ""


def chatty(city):
    said = [{"role": "system", "content": "Be brief."}]
    told = [f"{city} {i}" + FILL for i in range(40)]
    said += [{"role": "tool", "tool_call_id": "x", "content": each} for each in told]
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


@pytest.mark.parametrize(("fill", "kept"), [(0, 30), (3_000, 7), (5_000, 5)])
def test_of_a_long_exchange_the_first_message_and_the_last_ones_are_kept(
    project: Project, provider: FakeProvider, fill: int, kept: int
) -> None:
    """An agent sends all it has said with each call."""
    write(project, pipeline="chatty")
    project.write("agents.py", AGENT.replace('FILL = ""', f'FILL = " " * {fill}'))
    project.run("-vv", "--lm-report=json:lm.json").assert_outcomes(passed=1)
    row = json.loads((project.path / "lm.json").read_text())["suites"][0]["examples"][0]
    (call,) = row["runs"][0]["calls"]
    city = row["inputs"]["city"]
    assert (len(call["messages"]), call["unshown"]) == (kept, 41 - kept)
    first, *last = (each["content"].split("  ")[0].strip() for each in call["messages"])
    assert first == "Be brief."
    assert last == [f"{city} {i}" for i in range(41 - kept, 40)]


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


def test_a_snapshot_names_the_models_really_asked(project: Project, provider: FakeProvider) -> None:
    """Of embeddings, too; the names are the providers' own, with their providers."""
    write(project, pipeline="embedded")
    project.run("--lm-snapshot-update").assert_outcomes(passed=1)
    models = "models:\n- openai/gpt-4o-mini\n- openai/text-embedding-3-small\n"
    assert models in snapshot(project)


def test_a_changed_model_is_named_and_gated(project: Project, provider: FakeProvider) -> None:
    """Like a changed prompt."""

    def worse(body: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"content": "no idea"} if body["model"] == "gpt-4o" else ask_then_shout(body)

    provider.reply = worse
    write(project)
    project.run("--lm-snapshot-update").assert_outcomes(passed=1)
    project.write("agents.py", AGENT.replace("gpt-4o-mini", "gpt-4o"))
    result = project.run("--lm-report=json:lm.json")
    result.assert_outcomes(failed=1)
    (suite,) = json.loads((project.path / "lm.json").read_text())["suites"]
    change = "the model (openai/gpt-4o-mini → openai/gpt-4o)"
    assert suite["changed"] == [change]
    assert suite["baseline"] == "compared"
    assert suite["comparison"]["verdict"] == "regressed"
    assert f"changed since the baseline: {change}" in " ".join(result.stdout.str().split())


def test_a_replay_with_a_changed_model_says_so(project: Project, provider: FakeProvider) -> None:
    """There are no recordings for it, and it is not asked."""
    write(project)
    project.run("--lm-snapshot-update").assert_outcomes(passed=1)
    seen = len(provider.requests)
    project.write("agents.py", AGENT.replace("gpt-4o-mini", "gpt-4o"))
    result = project.run("--lm-cache=replay")
    result.assert_outcomes(failed=1)
    change = "openai/gpt-4o-mini → openai/gpt-4o"
    assert f"no recordings for the changed model ({change})" in " ".join(
        result.stdout.str().split()
    )
    assert len(provider.requests) == seen


def test_a_model_that_answers_in_place_is_the_one_named(
    project: Project, provider: FakeProvider
) -> None:
    """In the snapshot, and beside the model that the client asked for."""
    write(project, "model='openai/gpt-4.1-nano'")
    project.run("-vv", "--lm-snapshot-update", "--lm-report=json:lm.json").assert_outcomes(passed=1)
    assert "models:\n- openai/gpt-4.1-nano\ndataset" in snapshot(project)
    row = json.loads((project.path / "lm.json").read_text())["suites"][0]["examples"][0]
    call = row["runs"][0]["calls"][0]
    assert (call["prompt"], call["model"]) == (
        "openai.chat:openai/gpt-4o-mini",
        "openai/gpt-4.1-nano",
    )
    assert {each["model"] for each in provider.requests} == {"gpt-4.1-nano"}


def snapshot(project: Project) -> str:
    """The text of the suite's snapshot."""
    return (project.path / "__lm_snapshots__/test_weather/test_weather.yaml").read_text()


@pytest.mark.parametrize("priced", [False, True])
def test_calls_to_this_machine_are_said_to_be_free(
    project: Project, provider: FakeProvider, priced: bool
) -> None:
    """Once, unless a price is given."""
    project.write("agents.py", AGENT.replace("https://api.openai.com", "http://localhost:1"))
    write(project)
    options = ["-o", "lm_prices=localhost/gpt-4o-mini 1 2"] if priced else []
    result = project.run(*options, "--lm-budget=usd:1")
    result.assert_outcomes(passed=1)
    words = " ".join(result.stdout.str().split())
    line = (
        "note: test_weather.py::test_weather: calls to localhost/gpt-4o-mini are taken as free: "
        "the server runs on this machine. Name a price in lm_prices if they are not"
    )
    assert words.count(line) == (0 if priced else 1)
    assert ("taken as free" in words) is not priced


def test_a_frameworks_own_cache_is_named(
    project: Project, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answers in the provider's place, unseen."""
    on = SimpleNamespace(enable_disk_cache=False, enable_memory_cache=True)
    monkeypatch.setitem(sys.modules, "dspy", SimpleNamespace(cache=on))
    write(project)
    words = " ".join(project.run().stdout.str().split())
    assert "note: test_weather.py::test_weather: DSPy's own cache is on; answers from it" in words
