"""A prompt is called the same way in a run, where it is traced, and in production."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from doubles.openai_server import OpenAIServer

from pytest_lmopt import Budget, Completion, Prompt, carry_context
from pytest_lmopt.errors import (
    AnswerError,
    LostContextError,
    MissingAnswerError,
    ModelError,
    PromptError,
)
from pytest_lmopt.lm import waiting
from pytest_lmopt.lm.faults.concurrency import Gates
from pytest_lmopt.lm.money.ledger import Account, Ledger
from pytest_lmopt.lm.recordings.memory import MemoryStore
from pytest_lmopt.lm.seam import FunctionLM
from pytest_lmopt.lm.stack import Traffic, suite_lm
from pytest_lmopt.lm.tracing import RunContext, in_suite, run_or_suite, running
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.prompt_state import PromptState
from pytest_lmopt.wire import Request

EXTRACT = Prompt(name="extract", instruction="What is wrong?", inputs=["message"], output="problem")
ROUTE = Prompt(name="route", instruction="Which team?", inputs=["problem"], output="team")
SHOUT = Prompt(name="shout", instruction="SHOUT", inputs=["word"], output="loud")


def upper(request: Request) -> str:
    """The last message in capitals."""
    return request.messages[-1].content.upper()


def run_of(
    answer: Callable[[Request], str] = upper,
    *,
    states: dict[str, PromptState] | None = None,
    model: str | None = "m",
) -> RunContext:
    """A run whose model is a function."""
    candidate = Candidate(name="incumbent", states=states or {})
    return RunContext(lm=FunctionLM(answer), candidate=candidate, model=model)


def test_a_sync_call_waits_for_the_answer() -> None:
    """The completion has the raw text, the usage and the output by its name."""
    with running(run_of()):
        answer = EXTRACT(message="charged twice")

    assert isinstance(answer, Completion)
    assert (answer.text, answer.problem) == ("CHARGED TWICE", "CHARGED TWICE")
    assert answer.usage.calls == 1


def test_an_async_call_is_awaited() -> None:
    """``acall`` gives the same completion without blocking the loop."""

    async def pipeline() -> Completion:
        return await EXTRACT.acall(message="charged twice")

    with running(run_of()):
        assert asyncio.run(pipeline()).problem == "CHARGED TWICE"


def test_an_async_call_is_made_on_the_loop_that_awaits_it() -> None:
    """No other thread takes part, and nothing of ours stays behind in the pipeline's context."""
    seen: list[tuple[threading.Thread, asyncio.AbstractEventLoop]] = []

    def answer(request: Request) -> str:
        warnings.warn("the LM's", stacklevel=1)
        seen.append((threading.current_thread(), asyncio.get_running_loop()))
        return "x"

    async def pipeline() -> None:
        before = dict(contextvars.copy_context())
        await EXTRACT.acall(message="x")
        assert dict(contextvars.copy_context()) == before
        assert seen == [(threading.current_thread(), asyncio.get_running_loop())]
        with pytest.raises(UserWarning, match="the pipeline's"):
            warnings.warn("the pipeline's", stacklevel=1)

    with warnings.catch_warnings(), running(run_of(answer)):
        warnings.simplefilter("error")
        asyncio.run(pipeline())


def test_the_end_of_its_block_ends_an_async_call() -> None:
    """From whatever thread; the loop goes on."""

    class Silent:
        async def complete(self, request: Request) -> Completion:
            begun.set()
            await asyncio.Event().wait()
            raise AssertionError

    async def pipeline(run: RunContext) -> None:
        call = asyncio.ensure_future(EXTRACT.acall(message="x"))
        await asyncio.to_thread(begun.wait)
        await asyncio.to_thread(run.block.end)
        with pytest.raises(asyncio.CancelledError):
            await call

    begun = threading.Event()
    candidate = Candidate(name="incumbent", states={})
    with running(RunContext(lm=Silent(), candidate=candidate, model="m")) as run:
        asyncio.run(pipeline(run))
    assert [call.text for call in run.trace] == [""]


@pytest.mark.parametrize("turns", [1, 4])
def test_coroutines_that_mix_async_and_sync_calls_finish(turns: int) -> None:
    """Each sync call blocks the loop on which the others hold turns, reservations and flights."""
    ledger = Ledger([Account(Budget(tokens=1_000_000), owner="suite")])
    lm = suite_lm(
        FunctionLM(upper),
        ledger=ledger,
        store=MemoryStore({}),
        mode="auto",
        traffic=Traffic(gates=Gates(turns)),
    )

    async def coroutine(number: int) -> str:
        await EXTRACT.acall(message="all")
        if number % 2:
            return str(EXTRACT(message="all").text + EXTRACT(message=f"m{number}").text)
        return str((await EXTRACT.acall(message=f"m{number}")).text)

    async def pipeline() -> list[str]:
        return await asyncio.gather(*map(coroutine, range(16)))

    run = RunContext(lm=lm, candidate=Candidate(name="incumbent", states={}), model="m")
    with running(run):
        answers = asyncio.run(pipeline())
    assert answers == [f"{'ALL' * (number % 2)}M{number}" for number in range(16)]


@pytest.mark.parametrize("question", ["other", "same"])
def test_a_thread_that_a_coroutine_waits_for_need_not_wait_for_its_loop(
    question: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The only turn, or the same question's call, is under way on the loop that stands still."""
    monkeypatch.setattr(waiting, "LOOK_AGAIN_SECONDS", 0.01)
    monkeypatch.setattr(waiting, "STANDSTILL_SECONDS", 0.01)
    begun, go_on, asked = asyncio.Event(), asyncio.Event(), []

    class Slow:
        async def complete(self, request: Request) -> Completion:
            asked.append(request)
            if len(asked) == 1:
                begun.set()
                await go_on.wait()
            return Completion(text="x")

    async def pipeline() -> None:
        first = asyncio.ensure_future(EXTRACT.acall(message="same"))
        await begun.wait()
        with ThreadPoolExecutor() as pool:
            pool.submit(carry_context(lambda: EXTRACT(message=question))).result()
        go_on.set()
        await first

    traffic = Traffic(gates=Gates(1))
    ledger = Ledger([Account(Budget(calls=2), owner="suite")])
    lm = suite_lm(Slow(), ledger=ledger, store=MemoryStore({}), mode="auto", traffic=traffic)
    with running(RunContext(lm=lm, candidate=Candidate(name="c", states={}), model="m")):
        asyncio.run(pipeline())
    assert len(asked) == 2


def test_several_outputs_are_attributes() -> None:
    """Each declared output is one; any other name is an AttributeError that lists them."""
    both = Prompt(name="both", instruction="x", inputs=["q"], outputs=["team", "tone"])

    with running(run_of(lambda _: "team: FIN\ntone: angry")):
        answer = both(q="x")

    assert (answer.team, answer.tone) == ("FIN", "angry")
    with pytest.raises(AttributeError, match=r"no output 'mood'; it has \['team', 'tone'\]"):
        _ = answer.mood


def test_names_may_begin_with_a_letter_of_any_script() -> None:
    """In calls, templates and answers; whatever Python takes as a name."""
    prompt = Prompt(
        name="p",
        instruction="x",
        inputs=["über"],
        outputs=["änderung", "原因"],
        template="Wort: {{ über }}",
    )

    with running(run_of(lambda request: "Änderung: " + request.messages[-1].content + "\n原因: b")):
        answer = prompt(über="a")

    assert answer.fields == {"änderung": "Wort: a", "原因": "b"}


def test_a_call_is_traced_with_what_it_asked_and_got() -> None:
    """Prompt, inputs, outputs, text and usage stand in the trace."""
    with running(run_of()) as run:
        answer = EXTRACT(message="hi")

    (call,) = run.trace
    assert (call.prompt, call.inputs, call.outputs) == (
        "extract", {"message": "hi"}, {"problem": "HI"},
    )  # fmt: skip
    assert (call.text, call.usage, call.error) == ("HI", answer.usage, None)
    assert run.states == {"extract": EXTRACT.state}


def test_a_pipeline_is_traced_step_by_step() -> None:
    """Nested functions and several prompts appear in the order of their calls."""

    def triage(message: str) -> str:
        return str(ROUTE(problem=EXTRACT(message=message).text).text)

    with running(run_of()) as run:
        triage("a")
        triage("b")

    assert [(call.prompt, *call.inputs.values()) for call in run.trace] == [
        ("extract", "a"), ("route", "A"), ("extract", "b"), ("route", "B"),
    ]  # fmt: skip


def test_concurrent_calls_are_traced_in_the_order_they_were_begun() -> None:
    """The first to be asked stands first, though the last answers first."""
    answered = [asyncio.Event() for _ in range(5)]

    async def slowly(request: Request) -> str:
        number = int(request.messages[-1].content)
        if number < 4:
            await answered[number + 1].wait()
        answered[number].set()
        return f"answer {number}"

    async def pipeline() -> list[Completion]:
        return await asyncio.gather(*(EXTRACT.acall(message=number) for number in range(5)))

    run = RunContext(lm=FunctionLM(slowly), candidate=Candidate(name="c", states={}), model="m")
    with running(run):
        answers = asyncio.run(pipeline())

    expected = [f"answer {number}" for number in range(5)]
    assert [answer.text for answer in answers] == expected
    assert [call.text for call in run.trace] == expected


def test_concurrent_runs_do_not_mix() -> None:
    """Two pipelines on one loop each have the trace of their own calls."""

    async def pipeline(run: RunContext, name: str) -> None:
        with running(run):
            for step in range(5):
                await EXTRACT.acall(message=f"{name}{step}")

    runs = {name: run_of() for name in "abc"}

    async def all_at_once() -> None:
        await asyncio.gather(*(pipeline(run, name) for name, run in runs.items()))

    asyncio.run(all_at_once())

    for name, run in runs.items():
        assert [call.inputs["message"] for call in run.trace] == [f"{name}{n}" for n in range(5)]


def test_a_sync_call_inside_an_async_pipeline_is_traced() -> None:
    """Helpers that call a prompt in the blocking way still belong to the run."""

    async def pipeline() -> str:
        return str(EXTRACT(message=(await ROUTE.acall(problem="x")).text).text)

    with running(run_of()) as run:
        asyncio.run(pipeline())

    assert [call.prompt for call in run.trace] == ["route", "extract"]


def test_a_thread_with_carried_context_is_traced() -> None:
    """``carry_context`` tells a pipeline's own threads which run they work for."""

    def ask(word: str) -> str:
        return EXTRACT(message=word).text

    with running(run_of()) as run, ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(carry_context(ask), "abcdefgh"))

    assert answers == list("ABCDEFGH")
    assert sorted(call.inputs["message"] for call in run.trace) == list("abcdefgh")


def test_asyncios_own_threads_carry_the_context() -> None:
    """``asyncio.to_thread`` needs no help."""

    async def pipeline() -> Completion:
        return await asyncio.to_thread(EXTRACT, message="x")

    with running(run_of()) as run:
        asyncio.run(pipeline())

    assert len(run.trace) == 1


def test_a_bare_thread_has_lost_its_run() -> None:
    """Where several runs are under way, one of them would be scored for another's prompt."""
    caught: list[BaseException] = []

    def ask() -> None:
        try:
            EXTRACT(message="x")
        except LostContextError as error:
            caught.append(error)

    with running(run_of()) as run, running(run_of()):
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()

    (error,) = caught
    assert "prompt 'extract' was called on a thread that knows no run" in str(error)
    assert "pytest_lmopt.carry_context(function)" in str(error)
    assert run.trace == ()


def test_a_call_outside_of_runs_belongs_to_the_suite() -> None:
    """Where several runs are under way, one of any client does, too; a prompt's is an error."""
    suite, first, second = run_of(), run_of(), run_of()
    found: list[RunContext | None] = []

    def look() -> None:
        thread = threading.Thread(target=lambda: found.append(run_or_suite()))
        thread.start()
        thread.join()

    with in_suite(suite):
        EXTRACT(message="x")
        look()
        with running(first):
            look()
            with running(second):
                look()
                assert run_or_suite() is second
    assert [call.inputs["message"] for call in suite.trace] == ["x"]
    assert [each is one for each, one in zip(found, (suite, first, suite), strict=True)] == [
        True
    ] * 3
    assert run_or_suite() is None


def test_the_candidates_state_is_used_instead_of_the_prompts_own() -> None:
    """A prompt the candidate names runs with its state, any other as it is written."""
    shorter = PromptState(instruction="Team!", inputs=("problem",), outputs=("team",))
    asked: list[str] = []

    def answer(request: Request) -> str:
        asked.append(request.messages[0].content)
        return "x"

    with running(run_of(answer, states={"route": shorter})) as run:
        ROUTE(problem=EXTRACT(message="hi").text)

    assert asked == ["What is wrong?", "Team!"]
    assert run.states == {"extract": EXTRACT.state, "route": shorter}


def test_a_request_carries_messages_params_and_repeat() -> None:
    """``max_tokens`` is always set, so that every call has an upper price."""
    asked: list[Request] = []

    def answer(request: Request) -> str:
        asked.append(request)
        return "x"

    warm = Prompt(
        name="warm", instruction="x", inputs=["q"], output="a", params={"temperature": 1.0}
    )
    run = run_of(answer)
    run.repeat = 3
    with running(run):
        warm(q="hi")
        Prompt(name="s", instruction="x", inputs=["q"], output="a", params={"max_tokens": 5})(q="")

    assert [request.params for request in asked] == [
        {"max_tokens": 1024, "temperature": 1.0}, {"max_tokens": 5},
    ]  # fmt: skip
    assert asked[0].repeat == 3
    assert asked[0].messages == (("system", "x"), ("user", "hi"))


def test_the_model_is_the_files_then_the_runs_then_the_environments(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The most specific wins."""
    own = Prompt(name="own", instruction="x", inputs=["q"], output="a", model="file")
    models: list[str] = []

    def answer(request: Request) -> str:
        models.append(request.model)
        return "x"

    monkeypatch.setenv("LMOPT_MODEL", "environment")
    with running(run_of(answer, model="run")):
        own(q="")
        EXTRACT(message="")
    with running(run_of(answer, model=None)):
        EXTRACT(message="")

    assert models == ["file", "run", "environment"]


def test_without_a_model_every_way_to_set_one_is_named() -> None:
    """The message is the documentation a newcomer needs; catching it can't hide it."""
    with running(run_of(model=None)) as run, pytest.raises(ModelError) as caught:
        EXTRACT(message="x")

    for way in ("--lm-model=MODEL", "lm_model", "LMOPT_MODEL", "'model:' in the prompt file"):
        assert way in str(caught.value)
    assert str(caught.value).startswith("prompt 'extract' has no model")
    assert caught.value.model is None
    assert run.stop is caught.value


def test_two_prompts_of_one_name_are_refused() -> None:
    """A candidate names prompts by key, so a key must stand for one of them."""
    twin = Prompt(name="extract", instruction="Other", inputs=["message"], output="problem")

    with running(run_of()):
        EXTRACT(message="x")
        with pytest.raises(PromptError, match="two different prompts are called 'extract'"):
            twin(message="x")


def test_equal_prompts_of_one_name_are_the_same() -> None:
    """A prompt made anew in every call of the pipeline is one prompt."""

    def made() -> Prompt:
        return Prompt(name="p", instruction="x", inputs=["q"], output="a", demos=[{"q": 1, "a": 2}])

    with running(run_of()) as run:
        made()(q="a")
        made()(q="b")

    assert len(run.trace) == 2


def test_wrong_inputs_are_named_with_their_prompt() -> None:
    """The prompt that was called wrongly stands at the front of the message."""
    with running(run_of()) as run, pytest.raises(PromptError) as caught:
        EXTRACT(text="x")

    assert str(caught.value).startswith("extract, field 'inputs': input 'message' is missing")
    assert run.stop is caught.value


def test_an_answer_without_its_fields_is_traced_with_its_text() -> None:
    """What the model said is the best hint at what to change."""
    both = Prompt(name="both", instruction="x", inputs=["q"], outputs=["team", "tone"])

    with running(run_of(lambda _: "no idea")) as run, pytest.raises(AnswerError):
        both(q="x")

    (call,) = run.trace
    assert (call.text, call.outputs) == ("no idea", {})
    assert call.error == "the answer has no field 'team'; the answer was 'no idea'"
    assert call.usage.calls == 1
    assert run.stop is None


def test_a_missing_answer_stops_the_run_even_if_caught() -> None:
    """A pipeline may catch the error, but the run remembers the first one."""

    def busy(request: Request) -> str:
        raise MissingAnswerError(request.messages[-1].content, request=request)

    with running(run_of(busy)) as run:
        for word in ("first", "second"):
            with pytest.raises(MissingAnswerError):
                EXTRACT(message=word)

    assert str(run.stop) == "first"
    assert [call.error for call in run.trace] == ["first", "second"]


def test_an_unexpected_error_of_a_model_is_traced() -> None:
    """A call without usable answer always says why."""

    def broken(_: Request) -> str:
        raise RuntimeError("bug")

    with running(run_of(broken)) as run, pytest.raises(RuntimeError, match="bug"):
        EXTRACT(message="x")

    assert [call.error for call in run.trace] == ["bug"]


@pytest.mark.parametrize("fields", [{}, {"output": "a", "outputs": ["b", "c"]}])
def test_a_prompt_in_code_needs_output_or_outputs(fields: dict[str, object]) -> None:
    """The mistakes of a prompt file are mistakes in code too."""
    with pytest.raises(PromptError, match="give either output= "):
        Prompt(name="p", instruction="x", inputs=["q"], **fields)  # type: ignore[arg-type]


def test_a_prompt_in_code_has_its_template_checked() -> None:
    """An unknown variable is found before the first call."""
    with pytest.raises(PromptError, match="the template uses 'nope'"):
        Prompt(name="p", instruction="x", inputs=["q"], output="a", template="{{ nope }}")


def test_production_calls_go_to_the_model_of_the_environment(
    openai_server: OpenAIServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Outside any run a prompt asks LMOPT_MODEL through litellm, and nothing is traced."""
    monkeypatch.setenv("LMOPT_MODEL", "openai/simulated")
    openai_server.answer = lambda chat: chat[-1][1].upper()
    path = tmp_path / "shout.yaml"
    path.write_text("instruction: SHOUT\ninputs: [word]\noutput: loud\n", encoding="utf-8")

    answer = Prompt.load(path)(word="hi there")

    assert (answer.text, answer.loud) == ("HI THERE", "HI THERE")
    assert (answer.usage.calls, answer.usage.input_tokens, answer.usage.output_tokens) == (1, 3, 2)
    (body,) = openai_server.requests
    assert body["messages"] == [
        {"role": "system", "content": "SHOUT"},
        {"role": "user", "content": "hi there"},
    ]
    assert body["max_tokens"] == 1024


def test_production_calls_may_be_async_and_concurrent(
    openai_server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every call gets its own answer."""
    monkeypatch.setenv("LMOPT_MODEL", "openai/simulated")
    openai_server.answer = lambda chat: chat[-1][1].upper()

    async def pipeline() -> list[Completion]:
        return await asyncio.gather(*(SHOUT.acall(word=word) for word in "abcdefgh"))

    assert [answer.loud for answer in asyncio.run(pipeline())] == list("ABCDEFGH")
    assert openai_server.calls == 8


def test_production_without_a_model_says_how_to_set_one() -> None:
    """The same message as in a run."""
    with pytest.raises(ModelError, match="prompt 'shout' has no model"):
        SHOUT(word="x")


def test_what_is_recorded_is_answered_on_the_thread_that_calls() -> None:
    """A sync call hands over to the event loop where a model is asked, and only there."""
    asked: list[int] = []
    looked: list[int] = []

    class Looking(MemoryStore):
        def get(self, key: str, *, since: float = 0.0) -> Completion | None:
            looked.append(threading.get_ident())
            return super().get(key, since=since)

    def answer(request: Request) -> str:
        asked.append(threading.get_ident())
        return upper(request)

    lm = suite_lm(FunctionLM(answer), ledger=Ledger([]), store=Looking({}), mode="auto")
    run = RunContext(lm=lm, candidate=Candidate(name="incumbent", states={}), model="m")
    with running(run):
        first = SHOUT(word="hi")
        beginning = len(looked)
        second = SHOUT(word="hi")

    here = threading.get_ident()
    assert (first.text, second.text, second.usage.replayed) == ("HI", "HI", 1)
    assert len(asked) == 1
    assert here not in asked
    assert looked[beginning:] == [here]


def test_a_sync_call_of_an_ended_run_raises_an_exception() -> None:
    """asyncio's own error is none: the threads of pools would die of it, and their callers hang."""
    run = run_of()
    run.block.end()
    with running(run), pytest.raises(concurrent.futures.CancelledError):
        SHOUT(word="hi")
