"""Answers are recorded under everything they depend on, and none is paid for twice."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_lmopt import Completion
from pytest_lmopt.errors import MissingAnswerError, RefusedError
from pytest_lmopt.lm.recordings.recorded import CacheMode, Recorded
from pytest_lmopt.lm.recordings.store import SqliteRecordings
from pytest_lmopt.lm.seam import FunctionLM
from pytest_lmopt.lm.tracing import RunContext, running
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.wire import Message, Request, Usage

ASKED = Request(
    model="openai/m",
    messages=(Message("system", "Shout."), Message("user", "hé")),
    params={"max_tokens": 5},
)
USAGE = Usage(calls=1, input_tokens=3, output_tokens=2, micro_usd=40)


class Model:
    """Answers "answer 1", "answer 2", ..., counting its calls; holds them till it is let go."""

    def __init__(self, *, held: bool = False) -> None:
        self.calls = 0
        self.free = asyncio.Event()
        if not held:
            self.free.set()

    async def complete(self, _: Request) -> Completion:
        """The next answer."""
        self.calls += 1
        text = f"answer {self.calls}"
        await self.free.wait()
        return Completion(text=text, usage=USAGE)


async def settle() -> None:
    """Let all tasks go as far as they can."""
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the recordings lie."""
    return tmp_path / "recordings.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteRecordings]:
    """An empty store."""
    store = SqliteRecordings(path)
    yield store
    store.close()


def ask(model: Model, store: SqliteRecordings, mode: CacheMode, *requests: Request) -> list[str]:
    """Answers to one request after the other, in one session."""

    async def one_by_one() -> list[str]:
        lm = Recorded(FunctionLM(model.complete), store, mode=mode)
        return [(await lm.complete(request)).text for request in requests]

    return asyncio.run(one_by_one())


def test_auto_asks_once(store: SqliteRecordings) -> None:
    """The second time, in this session or a later one, the recording answers."""
    model = Model()

    assert ask(model, store, "auto", ASKED, ASKED) == ["answer 1", "answer 1"]
    assert ask(model, store, "auto", ASKED) == ["answer 1"]
    assert model.calls == 1


def test_replay_never_asks(store: SqliteRecordings) -> None:
    """What is recorded is answered; what is not is missing, and the message names it."""
    model = Model()
    ask(model, store, "auto", ASKED)
    unknown = replace(ASKED, messages=(Message("user", "who?"),))

    assert ask(model, store, "replay", ASKED) == ["answer 1"]
    with pytest.raises(MissingAnswerError) as caught:
        ask(model, store, "replay", unknown)

    assert str(caught.value).startswith(
        f"not recorded (--lm-cache=replay): openai/m, 'who?', key {unknown.key[:12]}; closest "
    )
    assert caught.value.request == unknown
    assert model.calls == 1


def test_refresh_asks_for_everything_once_a_session(store: SqliteRecordings) -> None:
    """A new answer replaces the old recording and serves the rest of the session."""
    model = Model()
    ask(model, store, "auto", ASKED)

    assert ask(model, store, "refresh", ASKED, ASKED) == ["answer 2", "answer 2"]
    assert ask(model, store, "auto", ASKED) == ["answer 2"]


def test_suites_of_a_session_refresh_once_together(store: SqliteRecordings) -> None:
    """Each has an LM of its own; what one asked since the session began serves the others."""
    model = Model()
    ask(model, store, "auto", ASKED)
    started = time.time()

    async def refreshed() -> str:
        lm = Recorded(FunctionLM(model.complete), store, mode="refresh", since=started)
        return (await lm.complete(ASKED)).text

    assert [asyncio.run(refreshed()) for _ in range(2)] == ["answer 2", "answer 2"]


@pytest.mark.parametrize("mode", ["auto", "refresh"])
def test_identical_requests_at_once_make_one_call(store: SqliteRecordings, mode: CacheMode) -> None:
    """One pays; the others share its answer and say so in their usage."""
    model = Model(held=True)

    async def at_once() -> list[Completion]:
        lm = Recorded(model, store, mode=mode)
        asked = [asyncio.create_task(lm.complete(ASKED)) for _ in range(20)]
        await settle()
        model.free.set()
        return await asyncio.gather(*asked)

    answers = asyncio.run(at_once())

    assert model.calls == 1
    assert {answer.text for answer in answers} == {"answer 1"}
    assert sum(answer.usage.replayed for answer in answers) == 19


def test_a_shared_call_survives_the_one_who_asked_first(store: SqliteRecordings) -> None:
    """The first asker is cancelled; the second still gets the answer, from the same call."""
    model = Model(held=True)

    async def story() -> str:
        lm = Recorded(model, store, mode="auto")
        first = asyncio.create_task(lm.complete(ASKED))
        await settle()
        second = asyncio.create_task(lm.complete(ASKED))
        await settle()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        model.free.set()
        return (await second).text

    assert asyncio.run(story()) == "answer 1"
    assert model.calls == 1


def test_a_call_nobody_waits_for_any_more_is_still_recorded(store: SqliteRecordings) -> None:
    """It is paid for, so the next session need not pay again."""
    model = Model(held=True)

    async def story() -> None:
        lm = Recorded(model, store, mode="auto")
        only = asyncio.create_task(lm.complete(ASKED))
        await settle()
        only.cancel()
        await settle()
        model.free.set()
        await settle()

    asyncio.run(story())

    assert ask(model, store, "replay", ASKED) == ["answer 1"]


@pytest.mark.parametrize("others", [0, 1])
def test_a_call_of_a_run_that_took_too_long_is_cancelled_unless_others_wait(
    store: SqliteRecordings, others: int
) -> None:
    """What hangs must not hold its turn at the provider; who asks later asks anew."""
    model = Model(held=True)

    async def story() -> list[str]:
        lm = Recorded(model, store, mode="auto")
        late = RunContext(lm=lm, candidate=Candidate(name="late", states={}))
        with running(late):
            left = asyncio.create_task(lm.complete(ASKED))
        await settle()
        waiting = [asyncio.create_task(lm.complete(ASKED)) for _ in range(others)]
        await settle()
        late.block.end(landing=False)
        left.cancel()
        await asyncio.sleep(0)
        model.free.set()
        again = lm.complete(ASKED)
        return [answer.text for answer in await asyncio.gather(*waiting, again)]

    assert asyncio.run(story()) == (["answer 1", "answer 1"] if others else ["answer 2"])


def test_a_failure_is_shared_but_not_recorded(store: SqliteRecordings) -> None:
    """All who wait for it see it; who asks later asks anew."""
    failing = True

    async def answer(request: Request) -> str:
        await settle()
        if failing:
            raise MissingAnswerError("busy", request=request)
        return "well"

    async def story() -> tuple[list[Any], str]:
        nonlocal failing
        lm = Recorded(FunctionLM(answer), store, mode="auto")
        both = await asyncio.gather(lm.complete(ASKED), lm.complete(ASKED), return_exceptions=True)
        failing = False
        return list(both), (await lm.complete(ASKED)).text

    both, later = asyncio.run(story())

    assert [type(error) for error in both] == [MissingAnswerError, MissingAnswerError]
    assert later == "well"


def test_a_refusal_is_replayed_but_asked_about_again(store: SqliteRecordings) -> None:
    """A gate on recordings meets it as the run that made them; who may ask tries anew."""
    refusing = True

    def answer(request: Request) -> str:
        if refusing:
            raise RefusedError("too long", request=request)
        return "well"

    async def ask_once(mode: CacheMode) -> str:
        return (await Recorded(FunctionLM(answer), store, mode=mode).complete(ASKED)).text

    for mode in ("auto", "replay"):
        with pytest.raises(RefusedError, match="too long"):
            asyncio.run(ask_once(mode))
    refusing = False
    assert asyncio.run(ask_once("auto")) == "well"
    assert asyncio.run(ask_once("replay")) == "well"


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "openai/other"},
        {"messages": ASKED.messages[1:]},
        {"messages": (Message("user", "Shout."), Message("user", "hé"))},
        {"messages": (*ASKED.messages, Message("user", ""))},
        {"params": {"max_tokens": 6}},
        {"params": {"max_tokens": 5, "temperature": 0.0}},
        {"params": {"max_tokens": 5, "response_format": {"type": "json_object"}}},
        {"params": {}},
        {"repeat": 1},
    ],
)
def test_the_key_depends_on_every_part_of_the_request(changes: dict[str, Any]) -> None:
    """Whatever can change an answer makes it another question."""
    assert replace(ASKED, **changes).key != ASKED.key


def test_the_key_does_not_depend_on_the_order_of_parameters() -> None:
    """The same parameters are the same question, on every machine and in every version."""
    one = replace(ASKED, params={"a": 1, "b": {"c": 2, "d": 3}})
    two = replace(ASKED, params={"b": {"d": 3, "c": 2}, "a": 1})

    assert one.key == two.key
    assert len(ASKED.key) == 64


def test_recordings_made_by_earlier_versions_stay_valid() -> None:
    """Another key for the same prompt would ask, and pay, for everything again."""
    assert ASKED.key == "3bd89f875be11aa64a530842eefccb478c63767cbdc4432315726d2c88432e1a"


def test_the_file_holds_json_and_no_pickle(path: Path, store: SqliteRecordings) -> None:
    """A recording can be read, and opening a foreign file can run nothing."""
    import json

    store.put(ASKED, Completion(text="HÉ", usage=USAGE))
    with sqlite3.connect(path) as database:
        ((key, request, answer),) = database.execute(
            "SELECT key, request, answer FROM recordings"
        ).fetchall()
    database.close()

    assert key == ASKED.key
    assert json.loads(request) == [
        "openai/m", [["system", "Shout."], ["user", "hé"]], {"max_tokens": 5},
    ]  # fmt: skip
    assert json.loads(answer)["text"] == "HÉ"
