"""A replay miss says where the closest recorded request differs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_lmopt import Completion, known_secrets
from pytest_lmopt.errors import UnrecordedError
from pytest_lmopt.lm.recordings.closest import COMPARED, difference
from pytest_lmopt.lm.recordings.files import dump_record, parse_record
from pytest_lmopt.lm.recordings.memory import MemoryStore
from pytest_lmopt.lm.recordings.protocol import Store
from pytest_lmopt.lm.recordings.recorded import EXPLAINED, Recorded
from pytest_lmopt.lm.recordings.store import SqliteRecordings
from pytest_lmopt.lm.seam import FunctionLM
from pytest_lmopt.wire import Message, Request

NEVER = FunctionLM(lambda _: "never")


def prompt(*contents: str, model: str = "openai/m", **params: Any) -> Request:
    """The request of a prompt: an instruction, and what it is asked."""
    roles = ("system", "user", "assistant", "user")
    return Request(
        model=model,
        messages=tuple(map(Message, roles, contents)),
        params={"max_tokens": 5} | params,
    )


def client(content: str, dialect: str = "openai.chat", **fields: Any) -> Request:
    """The request of a client's call."""
    messages = [{"role": "user", "content": content}]
    return Request(
        model="openai/m",
        messages=(Message("user", content),),
        params={"dialect": dialect, "body": {"model": "m", "messages": messages, **fields}},
    )


def test_the_first_field_that_differs_is_named_with_both_values() -> None:
    """Of the request that is most alike."""
    recorded = [prompt("Shout.", "one"), prompt("Shout.", "two"), prompt("Count.", "ten")]
    assert difference(prompt("Shout!", "two"), recorded) == (
        "messages.0.content: expected 'Shout.' (recorded), found 'Shout!'"
    )


def test_fields_of_a_client_go_by_its_own_names() -> None:
    """A field may be missing on either side."""
    recorded = [client("Odd?", temperature=0)]
    assert difference(client("Odd?", temperature=1), recorded) == (
        "temperature: expected 0 (recorded), found 1"
    )
    assert difference(client("Odd?"), recorded) == (
        "temperature: expected 0 (recorded), found nothing"
    )
    assert difference(client("Even?", temperature=0, seed=1), recorded) == (
        "messages.0.content: expected 'Odd?' (recorded), found 'Even?' (2 fields differ in all)"
    )


def test_long_values_are_shown_from_shortly_before_they_differ() -> None:
    """Both alike."""
    found = difference(client("a" * 500 + "x" * 99), [client("a" * 500 + "y" * 99)])
    before = "…" + "a" * 20
    assert found == (
        f"messages.0.content: expected '{before}{'y' * 40}…' (recorded), "
        f"found '{before}{'x' * 40}…'"
    )
    longer = difference(client("a" * 500 + "more"), [client("a" * 500)])
    assert longer.endswith(f"expected '{before}' (recorded), found '{before}more'")


def test_secrets_are_hidden_before_values_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that no half of one is shown."""
    key = "secret-4711-" + "k" * 80
    monkeypatch.setenv("SOME_API_KEY", key)
    known_secrets.note_environment()
    try:
        found = difference(client(f"a {key}"), [client(f"b {key}")])
    finally:
        known_secrets.forget()
    assert found == "messages.0.content: expected 'b [secret]' (recorded), found 'a [secret]'"


def test_a_field_that_differs_in_every_request_can_be_left_out_of_keys() -> None:
    """Not so what is said, nor a field of prompts."""
    recorded = [client("Odd?", trace={"ids": [n]}) for n in range(5)]
    advised = difference(client("Odd?", trace={"ids": [9]}), recorded)
    assert advised.endswith("set lm_key_ignore=trace.ids.*")
    assert "lm_key_ignore" not in difference(client("9"), [client(str(n)) for n in range(5)])
    seeds = [prompt("Shout.", "one", seed=n) for n in range(5)]
    assert "lm_key_ignore" not in difference(prompt("Shout.", "one", seed=9), seeds)


def test_requests_of_another_dialect_are_not_compared() -> None:
    """Nor is there anything to say where only the repeat differs."""
    assert difference(client("Odd?"), [client("Odd?", "openai.responses"), prompt("Odd?")]) == ""
    assert "another repeat" in difference(client("Odd?"), [client("Odd?")])


def test_it_takes_little_time() -> None:
    """Also with long texts of which each differs."""
    started = time.perf_counter()
    recorded = [prompt("Shout. " * 2_000, f"{n} word " * 2_000) for n in range(COMPARED)]
    assert difference(prompt("Shout. " * 2_000, "x word " * 2_000), recorded)
    tokens = [client("", input=[*range(n, n + 20_000)]) for n in range(20)]
    assert difference(client("?", input=[*range(9, 20_009)]), tokens)
    assert time.perf_counter() - started < 2.0


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A store of each kind, with a request to either of two models."""
    with closing(SqliteRecordings(tmp_path / "recordings.sqlite")) as file:
        chosen: Store = file if request.param == "file" else MemoryStore({})
        for model in ("openai/m", "openai/m-2"):
            chosen.put(prompt("Shout.", "h\ud800", model=model), Completion(text="H"))
        yield chosen


def test_stores_return_what_was_asked_of_a_model(store: Store) -> None:
    """Of this model alone, or of any."""
    assert store.recent("openai/m") == [prompt("Shout.", "h\ud800")]
    assert {each.model for each in store.recent(None)} == {"openai/m", "openai/m-2"}


def _missed(lm: Recorded, request: Request) -> str:
    with pytest.raises(UnrecordedError) as raised:
        asyncio.run(lm.complete(request))
    return str(raised.value)


def test_a_miss_says_so(store: Store) -> None:
    """The first ones: each takes a while."""
    lm = Recorded(NEVER, store, mode="replay")
    told = [_missed(lm, prompt("Shout!", str(n))) for n in range(EXPLAINED + 1)]
    expected = "closest recorded request: messages.0.content: expected 'Shout.' (recorded), found"
    assert [expected in each for each in told] == [True] * EXPLAINED + [False]


def test_a_model_without_recordings_is_compared_with_others() -> None:
    """A replay without the client's base URL finds another provider."""
    store = MemoryStore({})
    store.put(replace(client("Odd?"), model="localhost/m"), Completion(text="odd"))
    told = _missed(Recorded(NEVER, store, mode="replay"), client("Odd?"))
    assert told.endswith(
        "model: expected 'localhost/m' (recorded), found 'openai/m'. The client's base URL decides "
        "the provider"
    )


def test_committed_records_are_compared_too(tmp_path: Path) -> None:
    """Where the store has none."""
    text = dump_record("suite", [[(client("Odd?", seed=1), Completion(text="odd"))]])
    committed = parse_record(text, path=tmp_path)
    lm = Recorded(NEVER, MemoryStore({}), mode="replay", committed=committed)
    told = _missed(lm, client("Odd?", seed=2))
    assert told.endswith("seed: expected 1 (recorded), found 2")
