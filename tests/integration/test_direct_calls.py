"""Calls that pipelines make on litellm itself: counted, recorded, traced and replayed."""

from __future__ import annotations

import asyncio
import functools
import importlib
import importlib.util
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import litellm
import pytest
from doubles.openai_server import Answer, Fault, OpenAIServer
from litellm import acompletion, completion
from litellm.exceptions import BadRequestError, InternalServerError
from litellm.router import Router
from pydantic import BaseModel

from pytest_lmopt import Budget, Example
from pytest_lmopt.blocks.evaluator import Evaluator
from pytest_lmopt.blocks.runner import LocalRunner
from pytest_lmopt.errors import (
    BudgetExhaustedError,
    MissingAnswerError,
    UnmeteredError,
)
from pytest_lmopt.lm.local.model import LocalModel
from pytest_lmopt.lm.loop import submit
from pytest_lmopt.lm.money.ledger import Account, Ledger
from pytest_lmopt.lm.processes import own_token
from pytest_lmopt.lm.providers import LiteLLM
from pytest_lmopt.lm.recordings.recorded import CacheMode
from pytest_lmopt.lm.recordings.store import SqliteRecordings
from pytest_lmopt.lm.seam import LM, FunctionLM
from pytest_lmopt.lm.stack import Provider, suite_lm
from pytest_lmopt.metrics.evaluation import Evaluation
from pytest_lmopt.runs.executor import InProcessExecutor
from pytest_lmopt.runs.run import Ending, Run
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.example import Dataset
from pytest_lmopt.suites.suite import Suite
from pytest_lmopt.wire import Message, Request

MODEL = "openai/direct"
WORDS = tuple(f"word {number}" for number in range(12))


class Session:
    """A suite's LM as a session assembles it, with one store for all its runs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.store = SqliteRecordings(folder / "recordings.sqlite")
        self.ledger = Ledger([])

    def lm(self, budget: Budget | None = None, mode: CacheMode = "auto") -> LM:
        """The LM of one suite, with a ledger of its own."""
        self.ledger = Ledger([Account(budget or Budget(), owner="the suite")])
        provider = Provider(LocalModel(folder=lambda: self._folder, owner=own_token()))
        return suite_lm(provider, ledger=self.ledger, store=self.store, mode=mode)

    def run(
        self,
        pipeline: Callable[[str], Any],
        *,
        words: Sequence[str] = WORDS,
        budget: Budget | None = None,
        mode: CacheMode = "auto",
    ) -> Sequence[Run]:
        """The runs of a pipeline over some words."""
        lm = self.lm(budget, mode)
        examples = [Example(id=word, inputs={"word": word}) for word in words]

        async def of_example(example: Example) -> Any:
            return await pipeline(example.inputs["word"])

        def of_example_in_thread(example: Example) -> Any:
            return pipeline(example.inputs["word"])

        asynchronous = asyncio.iscoroutinefunction(pipeline)

        async def block() -> Sequence[Run]:
            with InProcessExecutor(lm=lm, concurrency=6) as executor:
                return await executor.run_block(
                    of_example if asynchronous else of_example_in_thread,
                    Candidate(name="incumbent", states={}),
                    examples,
                )

        return asyncio.run(block())


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """A session with nothing recorded yet."""
    session = Session(tmp_path)
    yield session
    session.store.close()


@pytest.fixture
def server(openai_server: OpenAIServer) -> OpenAIServer:
    """A model that says in capitals what was said last."""
    openai_server.answer = lambda chat: chat[-1][1].upper()
    return openai_server


def messages(word: str) -> list[dict[str, Any]]:
    """What all pipelines here ask."""
    return [{"role": "system", "content": "SHOUT."}, {"role": "user", "content": word}]


def text_of(answer: Any) -> str:
    """The text of a ``ModelResponse``."""
    return str(answer.choices[0].message.content)


held = functools.partial(completion, MODEL)


def by_name(word: str) -> str:
    """``from litellm import completion`` at the top of the module, long before any run."""
    return text_of(completion(model=MODEL, messages=messages(word)))


def by_module(word: str) -> str:
    """``litellm.completion``, with arguments by position."""
    return text_of(litellm.completion(MODEL, messages(word), temperature=0))


def by_inner_module(word: str) -> str:
    """``litellm.main.completion``, which is another function."""
    return text_of(litellm.main.completion(model=MODEL, messages=messages(word)))


async def awaited_by_inner_module(word: str) -> str:
    """Its async sister."""
    return text_of(await litellm.main.acompletion(model=MODEL, messages=messages(word)))


def held_elsewhere(word: str) -> str:
    """A function that a framework took hold of."""
    return text_of(held(messages(word)))


def streamed(word: str) -> str:
    """A stream, chunk by chunk."""
    chunks = completion(model=MODEL, messages=messages(word), stream=True)
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)


async def awaited(word: str) -> str:
    """The async function."""
    return text_of(await acompletion(model=MODEL, messages=messages(word)))


async def awaited_stream(word: str) -> str:
    """A stream in async code, of the class that litellm's streams have."""
    stream = await litellm.acompletion(model=MODEL, messages=messages(word), stream=True)
    assert isinstance(stream, litellm.CustomStreamWrapper)
    return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])


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
def test_a_direct_call_is_counted_recorded_traced_and_replayed(
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
            assert (call.prompt, call.error) == (f"litellm:{MODEL}", None)
            assert call.inputs == {"messages": messages(run.example.id)}
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
        given.append((answer.model_dump(), dict(answer._hidden_params), type(answer)))
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


@pytest.mark.parametrize("pipeline", [by_name, awaited, streamed])
@pytest.mark.parametrize("hides", [False, True])
def test_the_budget_holds(
    session: Session, server: OpenAIServer, pipeline: Callable[[str], Any], hides: bool
) -> None:
    """The server never sees one call more, even if the pipeline goes on past the error."""

    asking = pipeline

    def hiding(word: str) -> None:
        with suppress(Exception):
            asking(word)

    async def ahiding(word: str) -> None:
        with suppress(Exception):
            await asking(word)

    if hides:
        pipeline = ahiding if pipeline is awaited else hiding
    with pytest.raises(BudgetExhaustedError):
        session.run(pipeline, budget=Budget(calls=5))

    # those in flight are given up with the block, before or after the server has seen them
    assert session.ledger.calls == 5
    assert server.calls <= 5


def test_a_call_without_a_limit_of_tokens_is_charged_an_assumed_one(
    session: Session, server: OpenAIServer
) -> None:
    """1,024 until its usage is known; nothing of it is sent."""
    with pytest.raises(BudgetExhaustedError):
        session.run(by_name, budget=Budget(tokens=1000))
    assert server.calls == 0

    session.run(by_name, budget=Budget(tokens=1500), words=["one"])
    assert server.calls == 1
    assert "max_tokens" not in server.requests[0]


def test_a_dollar_budget_holds(session: Session, server: OpenAIServer) -> None:
    """Reserved by litellm's price table, settled with what the call cost."""

    def pipeline(word: str) -> None:
        completion(model="openai/gpt-4o-mini", messages=messages(word), max_tokens=50)

    (run,) = session.run(pipeline, budget=Budget(usd=0.00004), words=["one"])
    (call,) = run.trace
    assert call.usage.micro_usd == 1
    assert server.calls == 1
    with pytest.raises(BudgetExhaustedError):
        session.run(pipeline, budget=Budget(usd=0.00003), words=["two"])
    assert server.calls == 1


@pytest.mark.parametrize("pipeline", [by_name, awaited_stream])
def test_a_rate_limit_that_passes_costs_only_time(
    session: Session, server: OpenAIServer, pipeline: Callable[[str], Any]
) -> None:
    """Each attempt counts."""
    server.fault = lambda call: Fault(status=429) if call == 2 else None

    runs = session.run(pipeline, words=WORDS[:3])

    assert [run.prediction for run in runs] == ["WORD 0", "WORD 1", "WORD 2"]
    assert session.ledger.calls == server.calls == 4


def test_retries_that_the_pipeline_asks_for_are_made_by_us(
    session: Session, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether by argument or by litellm's own setting: else nobody would pay for them."""
    monkeypatch.setattr(litellm, "num_retries", 7)
    server.fault = lambda _: Fault(status=400)

    def pipeline(word: str) -> None:
        completion(model=MODEL, messages=messages(word), num_retries=5, max_retries=5)

    session.run(pipeline, words=["one"])

    assert session.ledger.calls == server.calls == 1
    assert litellm.num_retries == 7


TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "parameters": {"type": "object", "properties": {"place": {"type": "string"}}},
        },
    }
]


def agent(word: str) -> str:
    """Calls a tool and tells the model its result, with litellm's own object as its message."""
    said: list[Any] = [{"role": "user", "content": word}]
    while True:
        answer = completion(model=MODEL, messages=said, tools=TOOLS)
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
    answer = await acompletion(model=MODEL, messages=said, tools=tuple(TOOLS))
    (call,) = answer.choices[0].message.tool_calls
    return f"rain in {json.loads(call.function.arguments)['place']}".upper()


def streaming_agent(word: str) -> str:
    """Puts a tool call together from chunks."""
    said = [{"role": "user", "content": word}]
    chunks = list(completion(model=MODEL, messages=said, tools=TOOLS, stream=True))
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


def test_tools_need_no_package_that_litellm_does_not_require(server: OpenAIServer) -> None:
    """A prompt's, too; litellm would import ``mcp`` for any tool."""
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


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_refusal_reaches_the_pipeline_as_litellms_own_error(
    session: Session, server: OpenAIServer, asynchronous: bool
) -> None:
    """What handles it in production handles it here; it is not asked again."""
    server.fault = lambda _: Fault(status=400)

    def careful(word: str) -> str:
        try:
            return by_name(word)
        except BadRequestError:
            return "handled"

    async def acareful(word: str) -> str:
        try:
            return await awaited(word)
        except BadRequestError:
            return "handled"

    (run,) = session.run(acareful if asynchronous else careful, words=["one"])

    assert run.prediction == "handled"
    assert "BadRequestError" in (run.trace[0].error or "")
    assert server.calls == 1


def test_a_call_that_litellm_can_not_make_fails_as_ever(
    session: Session, server: OpenAIServer
) -> None:
    """A mistake in the pipeline is its own, and no reason to ask again."""

    def pipeline(word: str) -> Any:
        return completion(model=MODEL, messages=[word])

    with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever litellm makes of it
        pipeline("one")
    (run,) = session.run(pipeline, words=["one"])

    assert run.ending is Ending.WRONG
    assert run.problem == f"{type(caught.value).__name__}: {caught.value}"


def test_a_missing_answer_can_not_be_hidden(session: Session, server: OpenAIServer) -> None:
    """The pipeline gets litellm's error and may catch it; its example stays without a score."""
    server.fault = lambda _: Fault(status=500)
    seen: list[Exception] = []

    def careful(word: str) -> str:
        try:
            return by_name(word)
        except InternalServerError as error:
            seen.append(error)
            return word.upper()

    (run,) = session.run(careful, words=["one"])

    assert (run.ending, run.prediction) == (Ending.MISSING, None)
    assert run.problem.startswith("no answer after 4 attempts")
    assert len(seen) == 1
    assert session.ledger.calls == server.calls == 4


def test_replay_without_a_recording_names_the_call(session: Session, server: OpenAIServer) -> None:
    """litellm has no error for this, so it is ours."""
    caught: list[BaseException] = []

    def pipeline(word: str) -> None:
        try:
            by_name(word)
        except MissingAnswerError as error:
            caught.append(error)

    (run,) = session.run(pipeline, words=["one"], mode="replay")

    assert run.ending is Ending.MISSING
    assert "not recorded (--lm-cache=replay): openai/direct, 'one'" in str(caught[0])
    assert server.calls == 0


def test_fallbacks_are_paid_for_like_any_call(session: Session, server: OpenAIServer) -> None:
    """A model that refuses is followed by the next one, within the budget."""

    def pipeline(word: str) -> str:
        others = ["openai/second", {"model": "openai/third", "temperature": 0}]
        return text_of(completion(model=MODEL, messages=messages(word), fallbacks=others))

    def fault(call: int) -> Fault | None:
        return None if server.requests[call - 1]["model"] == "third" else Fault(status=400)

    server.fault = fault
    (run,) = session.run(pipeline, words=["one"], budget=Budget(calls=3))
    assert run.prediction == "ONE"
    assert [body["model"] for body in server.requests] == ["direct", "second", "third"]

    with pytest.raises(BudgetExhaustedError):
        session.run(pipeline, words=["two"], budget=Budget(calls=2))
    assert server.calls == 5


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
    """Those of a pipeline, and those of litellm's own batches."""

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


inner, ainner = litellm.main.completion, litellm.main.acompletion
"""Held since before any run, past litellm's own dispatchers."""


def embedded(word: str) -> Any:
    """Asks for an embedding."""
    return litellm.embedding("openai/vectors", input=[word])


async def aembedded(word: str) -> Any:
    """Asks for one in async code."""
    return await litellm.aembedding("openai/vectors", input=[word])


def continued(word: str) -> Any:
    """The text protocol of old."""
    return litellm.text_completion(model=MODEL, prompt=word)


async def responded(word: str) -> Any:
    """OpenAI's newer protocol."""
    return await litellm.aresponses(model=MODEL, input=word)


def messaged(word: str) -> Any:
    """Anthropic's protocol, whose sync function goes straight to its dispatcher."""
    return litellm.anthropic_messages_handler(
        max_tokens=5, messages=messages(word), model="anthropic/claude"
    )


def pictured(word: str) -> Any:
    """A function of yet another module."""
    return litellm.image_generation(prompt=word, model=MODEL)


def taken_from_inside(word: str) -> Any:
    """``from litellm.main import completion``."""
    return inner(model=MODEL, messages=messages(word))


async def ataken_from_inside(word: str) -> Any:
    """``from litellm.main import acompletion``."""
    return await ainner(model=MODEL, messages=messages(word))


def flagged(word: str) -> Any:
    """As litellm calls itself."""
    return completion(model=MODEL, messages=messages(word), acompletion=True)


@pytest.mark.parametrize("hides", [False, True])
@pytest.mark.parametrize(
    ("pipeline", "message"),
    [
        (embedded, "litellm's embedding was called inside a suite, .* only a Prompt and litellm's"),
        (aembedded, "litellm's aembedding was called"),
        (continued, "litellm's text_completion was called"),
        (responded, "litellm's aresponses was called"),
        (messaged, "litellm's messages was called"),
        (pictured, "litellm's image_generation was called"),
        (taken_from_inside, "write 'from litellm import completion'"),
        (ataken_from_inside, "write 'from litellm import acompletion'"),
        (flagged, "acompletion=True"),
    ],
)
def test_what_no_budget_would_see_is_refused(
    session: Session,
    server: OpenAIServer,
    pipeline: Callable[[str], Any],
    message: str,
    hides: bool,
) -> None:
    """It is not made, whatever the mode, and the suite is an error even if the pipeline goes on."""
    asynchronous = asyncio.iscoroutinefunction(pipeline)

    def hiding(word: str) -> None:
        with suppress(Exception):
            pipeline(word)

    async def ahiding(word: str) -> None:
        with suppress(Exception):
            await pipeline(word)

    asking = (ahiding if asynchronous else hiding) if hides else pipeline
    with pytest.raises(UnmeteredError, match=message):
        session.run(asking)
    assert server.calls == session.ledger.calls == 0


def test_what_is_refused_in_a_run_is_made_outside_of_it(
    session: Session, server: OpenAIServer
) -> None:
    """litellm is as it was, for code that a run does not concern, then and afterwards."""
    state = [litellm.main.completion, litellm.utils._get_call_type_from_public_name]
    session.run(by_name, words=["one"])
    assert [litellm.main.completion, litellm.utils._get_call_type_from_public_name] == state
    assert text_of(inner(model=MODEL, messages=messages("two"))) == "TWO"


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
    """What it asks after the end is still caught, and then litellm is as it was."""
    home = importlib.import_module("litellm.chat_completions.dispatch")
    before = home._DISPATCH
    begun, ended, finished = threading.Event(), threading.Event(), threading.Event()

    def pipeline(word: str) -> None:
        if word == "first":
            begun.wait(60)
            by_name(word)
        begun.set()
        ended.wait(60)
        try:
            by_name(word)
        finally:
            finished.set()

    with pytest.raises(BudgetExhaustedError):
        session.run(pipeline, words=["first", "second"], budget=Budget(tokens=1))
    ended.set()
    assert finished.wait(60)
    deadline = time.monotonic() + 60
    while home._DISPATCH is not before and time.monotonic() < deadline:
        time.sleep(0.01)

    assert home._DISPATCH is before
    assert server.calls == 0


@pytest.mark.parametrize("pipeline", [by_name, lambda word: asyncio.run(awaited(word))])
def test_a_call_is_cancelled_with_its_run(pipeline: Callable[[str], Any]) -> None:
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


def test_nothing_is_left_behind(session: Session, server: OpenAIServer) -> None:
    """litellm's functions never change, and what stood in for its dispatchers is gone."""
    home = importlib.import_module("litellm.chat_completions.dispatch")

    def state() -> list[object]:
        functions = [litellm.completion, litellm.acompletion, completion]
        return [*functions, home._DISPATCH, home._ADISPATCH, *sys.meta_path]

    before, during = state(), []
    session.run(lambda _: during.append(state()), words=["one"])

    assert all(now is then for now, then in zip(state(), before, strict=True))
    assert all(now is then for now, then in zip(during[0][:3], before[:3], strict=True))
    assert by_name("after") == "AFTER"
    assert session.ledger.calls == 0


LATE = """\
import asyncio, sys
from pytest_lmopt import Example
from pytest_lmopt.lm.seam import FunctionLM
from pytest_lmopt.runs.executor import InProcessExecutor
from pytest_lmopt.suites.candidate import Candidate

def pipeline(example):
    from litellm import completion
    said = [{"role": "user", "content": example.inputs["word"]}]
    return completion("openai/direct", said).choices[0].message.content

async def block():
    lm = FunctionLM(lambda request: request.messages[-1].content.upper())
    with InProcessExecutor(lm=lm, concurrency=4) as executor:
        examples = [Example(id=str(n), inputs={"word": f"w{n}"}) for n in range(6)]
        candidate = Candidate(name="incumbent", states={})
        return await executor.run_block(pipeline, candidate, examples)

assert "litellm" not in sys.modules
print([(run.prediction, run.problem, len(run.trace)) for run in asyncio.run(block())])
assert not any("lmopt" in type(finder).__module__ for finder in sys.meta_path)
from litellm.chat_completions import dispatch
assert type(dispatch._DISPATCH).__name__ == "PublicDispatch"
assert "exec_module" not in vars(dispatch.__loader__)
"""


def test_litellm_may_be_imported_in_the_middle_of_a_run(
    server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its first call is caught all the same, from whichever of several threads."""
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    done = subprocess.run(
        [sys.executable, "-c", LATE], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str([(f"W{n}", "", 1) for n in range(6)])
    assert server.calls == 0
