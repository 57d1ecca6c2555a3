"""Calls of pipelines to litellm: counted, recorded, traced and replayed at its HTTP transports."""

from __future__ import annotations

import asyncio
import functools
import importlib.util
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import litellm
import pytest
from doubles.openai_server import Answer, Fault, OpenAIServer
from litellm import acompletion, completion
from litellm.exceptions import InternalServerError
from litellm.llms.custom_httpx.aiohttp_transport import LiteLLMAiohttpTransport
from litellm.router import Router
from projects.litellm_runs import (
    MODEL,
    NAMED,
    WORDS,
    Session,
    awaited,
    awaited_stream,
    by_name,
    messages,
    streamed,
    text_of,
)
from pydantic import BaseModel

from pytest_lmopt import Budget, Example
from pytest_lmopt.blocks.evaluator import Evaluator
from pytest_lmopt.blocks.runner import LocalRunner
from pytest_lmopt.errors import BudgetExhaustedError
from pytest_lmopt.lm.loop import submit
from pytest_lmopt.lm.providers import LiteLLM
from pytest_lmopt.lm.seam import FunctionLM
from pytest_lmopt.metrics.evaluation import Evaluation
from pytest_lmopt.runs.executor import InProcessExecutor
from pytest_lmopt.runs.run import Ending, Run
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.example import Dataset
from pytest_lmopt.suites.suite import Suite
from pytest_lmopt.wire import Message, Request

held = functools.partial(completion, MODEL)
inner, ainner = litellm.main.completion, litellm.main.acompletion
"""Functions of litellm's inner module."""


def by_module(word: str) -> str:
    """``litellm.completion``, with arguments by position."""
    return text_of(litellm.completion(MODEL, messages(word), temperature=0))


def by_inner_module(word: str) -> str:
    """``from litellm.main import completion``, which is another function."""
    return text_of(inner(model=MODEL, messages=messages(word)))


async def awaited_by_inner_module(word: str) -> str:
    """``from litellm.main import acompletion``."""
    return text_of(await ainner(model=MODEL, messages=messages(word)))


def held_elsewhere(word: str) -> str:
    """A function that a framework took hold of."""
    return text_of(held(messages(word)))


def routed(word: str) -> str:
    """Through litellm's router, which is built on its public functions."""
    deployment = {"model_name": "mine", "litellm_params": {"model": MODEL}}
    return text_of(Router([deployment]).completion("mine", messages(word)))


@pytest.mark.parametrize(
    "pipeline",
    [
        *(by_name, by_module, by_inner_module, held_elsewhere, streamed),
        *(awaited, awaited_by_inner_module, awaited_stream, routed),
    ],
)
def test_a_call_is_counted_recorded_traced_and_replayed(
    session: Session, server: OpenAIServer, pipeline: Callable[[str], Any]
) -> None:
    """However the pipeline got hold of litellm, and with no change to what is sent."""
    for mode, asked in (("auto", len(WORDS)), ("auto", 0), ("replay", 0)):
        before = server.calls
        runs = session.run(pipeline, mode=mode)  # type: ignore[arg-type]  # literals

        assert [run.prediction for run in runs] == [word.upper() for word in WORDS]
        assert (server.calls - before, session.ledger.calls) == (asked, asked)
        for run in runs:
            (call,) = run.trace
            assert (call.prompt, call.error) == (f"openai.chat:{NAMED}", None)
            said = [[message["role"], message["content"]] for message in messages(run.example.id)]
            assert call.inputs == {"messages": said}
            assert call.usage.micro_usd == 0
            assert call.text == run.prediction
            assert call.usage.calls == 1
            assert call.usage.replayed == (0 if asked else 1)
            assert call.usage.input_tokens > 0
            assert call.usage.output_tokens > 0
            assert run.states == {}
    (sent,) = [body for body in server.requests if body["messages"] == messages("word 3")]
    extra = {"temperature"} if pipeline is by_module else set()
    extra |= {"stream"} if "stream" in pipeline.__name__ else set()
    assert set(sent) - {"stream_options"} == {"model", "messages"} | extra


def test_a_replayed_answer_is_the_same_object_of_litellms(
    session: Session, server: OpenAIServer
) -> None:
    """Ids, usage, cost and all; but one of its own for each caller, who may change it."""
    given: list[Any] = []

    def pipeline(word: str) -> None:
        answer = completion(model="openai/gpt-4o-mini", messages=messages(word), logprobs=True)
        kept = ("custom_llm_provider", "response_cost", "api_base", "model_id")
        hidden = {name: answer._hidden_params[name] for name in kept}
        given.append((answer.model_dump(), hidden, type(answer)))
        answer.choices[0].message.content = "changed"

    for _ in range(2):
        session.run(pipeline, words=["hello"])

    assert given[0] == given[1]
    first, hidden, kind = given[0]
    assert kind is litellm.ModelResponse
    assert first["choices"][0]["message"]["content"] == "HELLO"
    assert first["usage"]["prompt_tokens"] == 2
    assert hidden["response_cost"] > 0
    assert hidden["custom_llm_provider"] == "openai"


TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "parameters": {"type": "object", "properties": {"place": {"type": "string"}}},
        },
    }
]


SKIP: dict[str, Any] = {"_skip_mcp_handler": True}
"""Keeps litellm's older releases from importing ``mcp`` for any tool."""


def agent(word: str) -> str:
    """Calls a tool and tells the model its result, with litellm's own object as its message."""
    said: list[Any] = [{"role": "user", "content": word}]
    while True:
        answer = completion(model=MODEL, messages=said, tools=TOOLS, **SKIP)
        message = answer.choices[0].message
        if not message.tool_calls:
            return str(message.content)
        said.append(message)
        for call in message.tool_calls:
            place = json.loads(call.function.arguments)["place"]
            said.append({"role": "tool", "tool_call_id": call.id, "content": f"rain in {place}"})


async def async_agent(word: str) -> str:
    """Calls a tool from async code."""
    said = [{"role": "user", "content": word}]
    answer = await acompletion(model=MODEL, messages=said, tools=tuple(TOOLS), **SKIP)
    (call,) = answer.choices[0].message.tool_calls
    return f"rain in {json.loads(call.function.arguments)['place']}".upper()


def streaming_agent(word: str) -> str:
    """Puts a tool call together from chunks."""
    said = [{"role": "user", "content": word}]
    chunks = list(completion(model=MODEL, messages=said, tools=TOOLS, stream=True, **SKIP))
    answer: Any = litellm.stream_chunk_builder(chunks)
    (call,) = answer.choices[0].message.tool_calls
    return f"rain in {json.loads(call.function.arguments)['place']}".upper()


@pytest.mark.parametrize(
    ("pipeline", "steps"), [(agent, 2), (async_agent, 1), (streaming_agent, 1)]
)
def test_tool_calls_and_their_results_are_recorded_too(
    session: Session, server: OpenAIServer, pipeline: Callable[[str], str], steps: int
) -> None:
    """The second step's request holds the first one's answer, and each has its recording."""

    def answer(chat: Any) -> Answer:
        role, said = chat[-1]
        if role == "tool":
            return str(said.upper())
        function = {"name": "weather", "arguments": json.dumps({"place": said})}
        return {"tool_calls": [{"id": f"call {said}", "type": "function", "function": function}]}

    server.answer = answer
    for _ in range(2):
        runs = session.run(pipeline)
        assert [run.prediction for run in runs] == [f"RAIN IN {word.upper()}" for word in WORDS]
        assert {len(run.trace) for run in runs} == {steps}
    assert server.calls == steps * len(WORDS)
    assert all(body["tools"] == TOOLS for body in server.requests)


def test_a_prompts_tools_need_no_package_that_litellm_does_not_require(
    server: OpenAIServer,
) -> None:
    """litellm imports ``mcp`` for any tool."""
    assert importlib.util.find_spec("mcp") is None
    server.answer = lambda _: "well"
    message = Message("user", "Well?")
    request = Request(model=MODEL, messages=(message,), params={"tools": TOOLS})
    lm = LiteLLM(endpoint=server.url, api_key="sk-simulated")
    assert submit(lm.complete(request)).result().text == "well"
    assert server.requests[-1]["tools"] == TOOLS


def test_equal_calls_of_one_run_are_independent_answers(
    session: Session, server: OpenAIServer
) -> None:
    """A pipeline that asks three times to take the majority gets three answers, also replayed."""
    server.answer = lambda _: f"answer {server.calls}"

    def pipeline(word: str) -> list[str]:
        return [by_name(word) for _ in range(3)]

    first, again = (session.run(pipeline, words=["one", "two"]) for _ in range(2))

    assert len({answer for run in first for answer in run.prediction}) == 6
    assert [run.prediction for run in again] == [run.prediction for run in first]
    assert server.calls == 6


class Team(BaseModel):
    """A schema to answer in."""

    team: str


def test_a_response_format_given_as_a_class_is_sent_as_litellm_sends_it(
    session: Session, server: OpenAIServer
) -> None:
    """The recording knows its schema."""
    server.answer = lambda _: '{"team": "FIN"}'

    def pipeline(word: str) -> str:
        said = messages(word)
        return text_of(completion(model="openai/gpt-4o-mini", messages=said, response_format=Team))

    for _ in range(2):
        (run,) = session.run(pipeline, words=["one"])
        assert Team.model_validate_json(run.prediction).team == "FIN"
    (sent,) = server.requests
    assert sent["response_format"]["json_schema"]["name"] == "Team"


def test_a_key_is_passed_on_but_never_written_down(
    session: Session, server: OpenAIServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is the address of the endpoint; another key finds the same recordings."""
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.delenv("OPENAI_BASE_URL")

    def pipeline(word: str, key: str = "sk-private") -> str:
        where = {"api_base": server.url, "api_key": key, "extra_headers": {"X-Team": "ours"}}
        return text_of(completion(model=MODEL, messages=messages(word), **where))

    session.run(pipeline)
    assert server.calls == len(WORDS)
    session.run(lambda word: pipeline(word, "sk-another"))
    assert server.calls == len(WORDS)
    written = b"".join(file.read_bytes() for file in tmp_path.glob("recordings*"))
    assert b"word 2" in written
    for private in (b"sk-private", b"X-Team", server.url.removeprefix("http://").encode()):
        assert private not in written


def test_mock_answers_of_litellms_are_no_calls(session: Session, server: OpenAIServer) -> None:
    """They ask no model, so they cost nothing."""

    def pipeline(word: str) -> str:
        answer = completion(model=MODEL, messages=messages(word), mock_response="mocked")
        return text_of(answer)

    (run,) = session.run(pipeline, words=["one"], mode="replay")

    assert (run.prediction, run.trace, server.calls) == ("mocked", (), 0)


def test_threads_know_the_run_as_they_do_for_prompts(
    session: Session, server: OpenAIServer
) -> None:
    """Those of a pipeline, and those of litellm's own batches, without ``carry_context``."""

    def pooled(word: str) -> str:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(by_name, word).result()

    def batch(word: str) -> str:
        answers = litellm.batch_completion(model=MODEL, messages=[messages(word)] * 2)
        return " ".join(map(text_of, answers))

    (run,) = session.run(pooled, words=["one"])
    assert (run.prediction, len(run.trace)) == ("ONE", 1)
    (run,) = session.run(batch, words=["two"])
    assert (run.prediction, len(run.trace)) == ("TWO TWO", 2)


def test_outside_of_runs_litellm_is_as_ever(session: Session, server: OpenAIServer) -> None:
    """Nothing is left behind on the clients' classes, and other calls are not charged."""

    def state() -> list[object]:
        kinds: list[tuple[type, str]] = [(httpx.HTTPTransport, "handle_request")]
        kinds += [(httpx.AsyncHTTPTransport, "handle_async_request")]
        kinds += [(LiteLLMAiohttpTransport, "handle_async_request")]
        functions = [litellm.completion, litellm.acompletion, litellm.main.completion, completion]
        return [*functions, *(vars(kind)[name] for kind, name in kinds), *sys.meta_path]

    before, during = state(), []
    session.run(lambda _: during.append(state()), words=["one"])

    assert all(now is then for now, then in zip(state(), before, strict=True))
    assert all(now is then for now, then in zip(during[0][:4], before[:4], strict=True))
    assert all(now is not then for now, then in zip(during[0][4:7], before[4:7], strict=True))
    assert text_of(inner(model=MODEL, messages=messages("after"))) == "AFTER"
    assert session.ledger.calls == 0


@pytest.mark.parametrize("hides", [False, True])
def test_a_metric_may_call_litellm_too(session: Session, server: OpenAIServer, hides: bool) -> None:
    """Metered like a judge; an answer it does not get leaves its example without a score."""

    async def metric(example: Example, prediction: str) -> bool:
        try:
            return bool(await awaited(prediction) == example.expected)
        except InternalServerError:
            if hides:
                return False
            raise

    rows = tuple(
        Example(id=word, inputs={}, expected=word.upper(), split="dev") for word in WORDS[:3]
    )
    suite = Suite(
        name="suite",
        pipeline=lambda example: example.id,
        dataset=Dataset(examples=rows, source="made here"),
        metric=metric,
        max_missing=1.0,
    )
    server.fault = lambda call: (
        Fault(status=500) if "word 2" in str(server.requests[call - 1]) else None
    )

    async def evaluation() -> Evaluation:
        with InProcessExecutor(lm=session.lm()) as executor:
            candidate = Candidate(name="incumbent", states={})
            return await Evaluator(suite, LocalRunner(suite, executor)).evaluate(candidate, rows)

    found = asyncio.run(evaluation())

    assert found.scores == {"word 0": 1.0, "word 1": 1.0}
    assert list(found.missing) == ["word 2"]
    assert found.missing["word 2"].startswith("the judge: no answer after 4 attempts")
    assert session.ledger.calls == server.calls == 6


def test_a_thread_left_over_from_a_block_that_ended_makes_no_more_calls(
    session: Session, server: OpenAIServer
) -> None:
    """A call after the end is still claimed, and then the clients are as they were."""
    before = vars(httpx.HTTPTransport)["handle_request"]
    begun, ended, finished = threading.Event(), threading.Event(), threading.Event()
    caught: list[BaseException] = []

    def pipeline(word: str) -> None:
        if word == "first":
            begun.wait(60)
            by_name(word)
        begun.set()
        ended.wait(60)
        try:
            by_name(word)
        except Exception as error:
            caught.append(error)
            raise
        finally:
            finished.set()

    with pytest.raises(BudgetExhaustedError):
        session.run(pipeline, words=["first", "second"], budget=Budget(tokens=1))
    ended.set()
    assert finished.wait(60)
    deadline = time.monotonic() + 60
    while vars(httpx.HTTPTransport)["handle_request"] is not before:
        assert time.monotonic() < deadline
        time.sleep(0.01)

    assert "its run has ended" in str(caught[-1])
    assert server.calls == 0


@pytest.mark.parametrize("pipeline", [by_name, lambda word: asyncio.run(awaited(word))])
def test_a_call_is_cancelled_with_its_run(
    server: OpenAIServer, pipeline: Callable[[str], Any]
) -> None:
    """In a thread, and on an event loop that the pipeline began there itself."""
    cancelled = threading.Event()

    async def hang(_: Request) -> str:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return ""

    async def block() -> Sequence[Run]:
        with InProcessExecutor(lm=FunctionLM(hang), timeout=0.5) as executor:
            nobody = Candidate(name="incumbent", states={})
            example = Example(id="e", inputs={})
            return await executor.run_block(lambda _: pipeline("word"), nobody, [example])

    (run,) = asyncio.run(block())

    assert run.ending is Ending.MISSING
    assert cancelled.wait(10)


LATE = """\
import asyncio, sys
from pytest_lmopt import Example
from pytest_lmopt.lm.seam import FunctionLM
from pytest_lmopt.runs.executor import InProcessExecutor
from pytest_lmopt.suites.candidate import Candidate

def pipeline(example):
    from litellm import completion
    said = [{"role": "user", "content": example.inputs["word"]}]
    return completion("openai/shouting", said).choices[0].message.content

async def block():
    lm = FunctionLM(lambda request: request.messages[-1].content.upper())
    with InProcessExecutor(lm=lm, concurrency=4) as executor:
        examples = [Example(id=str(n), inputs={"word": f"w{n}"}) for n in range(6)]
        candidate = Candidate(name="incumbent", states={})
        return await executor.run_block(pipeline, candidate, examples)

assert "litellm" not in sys.modules
print([(run.prediction, run.problem, len(run.trace)) for run in asyncio.run(block())])
assert not any("lmopt" in type(finder).__module__ for finder in sys.meta_path)
import httpx
assert httpx.HTTPTransport.handle_request.__module__ == "httpx._transports.default"
assert not hasattr(httpx.HTTPTransport.handle_request, "__wrapped__")
"""


def test_litellm_may_be_imported_in_the_middle_of_a_run(
    server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its first call is seen all the same, on any of several threads."""
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    done = subprocess.run(
        [sys.executable, "-c", LATE], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str([(f"W{n}", "", 1) for n in range(6)])
    assert server.calls == 0
