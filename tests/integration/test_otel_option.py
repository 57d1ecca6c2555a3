"""``lm_otel``: spans for those who ask for them, and nothing whatever for others."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import pytest
from doubles.function_model import FunctionModel
from doubles.openai_server import OpenAIServer
from doubles.otlp_collector import Collector
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from projects.shouting import Project

ON = ("-o", "lm_otel=true")
CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the developer's shell says of OpenTelemetry must not decide a test."""
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", CONTENT):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """What a tracer provider that the user has set up sees."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    return exporter


def by_name(spans: Sequence[ReadableSpan], begins: str) -> list[ReadableSpan]:
    """The spans whose names begin so."""
    return [span for span in spans if span.name.startswith(begins)]


def test_a_suite_holds_its_runs_and_they_their_calls(
    project: Project, model: FunctionModel, exporter: InMemorySpanExporter
) -> None:
    """One tree, with the conventions' names, tokens and no words; secrets and prompts stay here."""
    project.suite(examples=20)
    project.run(*ON).assert_outcomes(passed=1)
    spans = exporter.get_finished_spans()
    (suite,) = by_name(spans, "lm_suite")
    runs, calls = by_name(spans, "invoke_workflow"), by_name(spans, "chat simulated")
    assert suite.attributes is not None
    assert len(runs) == len(calls) == suite.attributes["pytest_lmopt.n"] == model.calls
    assert suite.attributes["pytest_lmopt.status"] == "passed"
    inside = {run.context.span_id for run in runs if run.context}
    for run in runs:
        assert run.parent is not None
        assert suite.context is not None
        assert run.parent.span_id == suite.context.span_id
    for call in calls:
        told = dict(call.attributes or {})
        assert call.parent is not None
        assert call.parent.span_id in inside
        assert call.kind is trace.SpanKind.CLIENT
        assert told["gen_ai.operation.name"] == "chat"
        assert told["gen_ai.provider.name"] == "openai"
        assert told["gen_ai.request.model"] == "simulated"
        assert told["gen_ai.request.temperature"] == 0
        assert told["gen_ai.usage.input_tokens"]
        assert told["gen_ai.usage.output_tokens"]
        assert told["pytest_lmopt.replayed"] is False
    everything = " ".join(span.to_json() for span in spans)
    assert "SHOUT the word" not in everything
    assert "WORD1" not in everything


def test_a_replayed_answer_says_so(
    project: Project, model: FunctionModel, exporter: InMemorySpanExporter
) -> None:
    """No model was asked, whatever its tokens were."""
    project.suite(examples=20)
    project.run().assert_outcomes(passed=1)
    project.run(*ON, "--lm-cache=replay").assert_outcomes(passed=1)
    calls = by_name(exporter.get_finished_spans(), "chat")
    assert calls
    assert all((call.attributes or {})["pytest_lmopt.replayed"] for call in calls)


def test_words_are_sent_only_where_the_user_says_so(
    project: Project,
    model: FunctionModel,
    exporter: InMemorySpanExporter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By OpenTelemetry's own variable, as roles and parts."""
    monkeypatch.setenv(CONTENT, "true")
    project.suite(examples=20)
    project.run(*ON).assert_outcomes(passed=1)
    call = by_name(exporter.get_finished_spans(), "chat")[0]
    told = dict(call.attributes or {})
    asked = json.loads(str(told["gen_ai.input.messages"]))
    assert asked[0]["role"] == "system"
    assert "SHOUT the word" in asked[0]["parts"][0]["content"]
    (answer,) = json.loads(str(told["gen_ai.output.messages"]))
    assert answer["role"] == "assistant"


def test_what_goes_wrong_is_told_by_its_class_alone(
    project: Project, model: FunctionModel, exporter: InMemorySpanExporter
) -> None:
    """An error's words may quote the prompt."""
    project.suite(examples=20)
    project.run(*ON, "--lm-cache=replay").assert_outcomes(failed=1)
    call = by_name(exporter.get_finished_spans(), "chat")[0]
    assert (call.attributes or {})["error.type"] == "UnrecordedError"
    assert call.status.status_code is trace.StatusCode.ERROR
    assert not call.status.description
    assert not call.events


def test_without_a_destination_nothing_is_sent(project: Project, model: FunctionModel) -> None:
    """Not even to the address the SDK has by default; the message says what to set."""
    project.suite(examples=20)
    result = project.run(*ON)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*lm_otel is on, but nothing says where spans are to go: set OTEL_EXPORTER_OTLP_ENDPOINT*"]
    )
    assert model.calls == 0


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """A collector that the environment names."""
    with Collector().running() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        yield collector


def test_spans_reach_the_collector_the_environment_names(
    project: Project, model: FunctionModel, collector: Collector
) -> None:
    """All of them, by the end of the session, over OTLP/HTTP."""
    project.suite(examples=20)
    project.run(*ON).assert_outcomes(passed=1)
    assert {path for path, _ in collector.received} == {"/v1/traces"}
    names = [span.name for span in collector.spans]
    assert names.count("lm_suite") == 1
    assert names.count("chat simulated") == model.calls


UNASKED = """
import sys

seen = set()


def watch(event, arguments):
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        seen.add(arguments[1][0])
    elif event == "socket.getaddrinfo":
        seen.add(arguments[0])


sys.addaudithook(watch)


def pytest_unconfigure():
    assert not [name for name in sys.modules if name.startswith("opentelemetry.sdk")]
    print("seen", seen)
"""


def test_unasked_a_whole_run_reaches_the_model_and_nobody_else(
    project: Project, openai_server_apart: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though OpenTelemetry is installed, and a collector named: not its SDK, not its address."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector.invalid:4318")
    project.write("conftest.py", UNASKED)
    project.suite(examples=20)
    result = project.run_apart("-s")
    result.assert_outcomes(passed=1)
    assert "seen {'127.0.0.1'}" in result.stdout.str()
