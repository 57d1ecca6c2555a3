"""Recordings in a file: damage survived, old claims void, size kept."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pytest_lmopt import Completion
from pytest_lmopt.lm.processes import token_of
from pytest_lmopt.lm.recordings import store as recording_store
from pytest_lmopt.lm.recordings.pruning import prune
from pytest_lmopt.lm.recordings.recorded import Recorded
from pytest_lmopt.lm.recordings.store import SqliteRecordings
from pytest_lmopt.lm.seam import FunctionLM
from pytest_lmopt.lm.sqlite_file import damage
from pytest_lmopt.wire import Message, Request, Usage

USAGE = Usage(calls=1, input_tokens=3, output_tokens=2, micro_usd=40)
OTHER_PROCESS = token_of(os.getppid())
UNSEEN = OTHER_PROCESS[:-1] + ("0" if OTHER_PROCESS[-1] != "0" else "1")
"""As a process of another container."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the recordings lie."""
    return tmp_path / "recordings.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteRecordings]:
    """An empty store."""
    with closing(SqliteRecordings(path)) as store:
        yield store


def request(number: int = 0) -> Request:
    """One of many requests."""
    return Request(model="m", messages=(Message("user", f"word {number}"),))


def answer(number: int = 0) -> Completion:
    """The answer to it, of some size."""
    return Completion(text=f"{number} " + "x" * 200, usage=USAGE)


def fill(path: Path, numbers: range) -> None:
    """Record answers to some requests."""
    with closing(SqliteRecordings(path)) as store:
        for number in numbers:
            store.put(request(number), answer(number))


def kept(path: Path, numbers: range) -> list[int]:
    """Which of some requests have their own answer."""
    with closing(SqliteRecordings(path)) as store:
        found = {number: store.get(request(number).key) for number in numbers}
    for number, completion in found.items():
        assert completion is None or completion.text == answer(number).text
    return [number for number in numbers if found[number] is not None]


def overwritten(path: Path) -> None:
    """Pages in the middle hold something else."""
    content = bytearray(path.read_bytes())
    start = len(content) // 2 // 4096 * 4096
    content[start : start + 3 * 4096] = os.urandom(3 * 4096)
    path.write_bytes(content)


def truncated(path: Path) -> None:
    """The last fifth is gone."""
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size * 4 // 5)


def garbled_text(path: Path) -> None:
    """Bytes that are no UTF-8 stand in texts, and a page of the index is gone."""
    content = path.read_bytes().replace(b"7 " + b"x" * 50, b"\xff" * 52)
    path.write_bytes(content)
    with closing(sqlite3.connect(path)) as database:
        query = "SELECT rootpage FROM sqlite_master WHERE type = 'index'"
        page = database.execute(query).fetchone()[0]
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\x00" * 4096)


@pytest.mark.parametrize(
    ("harm", "fewest"), [(overwritten, 240), (truncated, 200), (garbled_text, 200)]
)
def test_answers_that_can_still_be_read_outlive_the_damage(
    path: Path, harm: Callable[[Path], None], fewest: int
) -> None:
    """What the damage missed is taken over, never a wrong answer; the store says so in a line."""
    fill(path, range(300))
    harm(path)

    with closing(SqliteRecordings(path)) as store:
        notice = store.notice
    left = kept(path, range(300))

    assert fewest <= len(left) < 300
    assert notice == (
        "recordings.sqlite was damaged and is set aside as recordings.sqlite.damaged-1; "
        f"{len(left)} of its answers were still readable and are kept"
    )
    assert damage(path) == ""


@pytest.mark.parametrize(
    "text",
    [
        '{"text": "1", "usage": []}',
        '{"text": "1", "usage": "many"}',
        '{"text": "1", "usage": {}, "whole": 3}',
        '{"text": 1, "usage": {}}',
    ],
)
def test_what_can_not_be_answered_from_is_not_taken_over(path: Path, text: str) -> None:
    """An answer that ``get`` would not give is none that was kept."""
    fill(path, range(300))
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE recordings SET answer = ? WHERE rowid <= 5", (text,))
        database.commit()
    truncated(path)

    with closing(SqliteRecordings(path)) as store:
        notice = store.notice

    left = kept(path, range(300))
    assert left[0] == 5
    assert f"; {len(left)} of its answers were still readable" in notice


def test_a_foreign_log_costs_nothing(path: Path) -> None:
    """Recordings are recordings: those of the file and those of the log are both kept."""
    other = path.with_name("other.sqlite")
    fill(path, range(300))
    with closing(SqliteRecordings(other)) as store:
        store.put(request(300), answer(300))
        Path(f"{path}-wal").write_bytes(Path(f"{other}-wal").read_bytes())

    assert kept(path, range(301)) == list(range(301))


def test_a_store_of_the_first_version_is_carried_on(path: Path) -> None:
    """It lacks the times: they are added, and its answers count as old."""
    with closing(sqlite3.connect(path)) as old:
        old.execute(
            "CREATE TABLE recordings"
            " (key TEXT PRIMARY KEY, request TEXT NOT NULL, answer TEXT NOT NULL)"
        )
        text = '{"text":"0 %s","usage":{"calls":1}}' % ("x" * 200)
        old.execute("INSERT INTO recordings VALUES (?, '[]', ?)", (request().key, text))
        old.commit()

    fill(path, range(1, 3))

    assert kept(path, range(4)) == [0, 1, 2]
    with closing(SqliteRecordings(path)) as store:
        assert store.get(request().key, since=1.0) is None


def ask(store: SqliteRecordings, wanted: Request, text: str = "asked here") -> str:
    """The answer to a request, asking where it must."""

    async def once() -> str:
        lm = Recorded(FunctionLM(lambda _: text), store, mode="auto")
        return (await asyncio.wait_for(lm.complete(wanted), 20)).text

    return asyncio.run(once())


def claim_for(path: Path, wanted: Request, holder: str, since: float) -> None:
    """Leave a claim as another process would."""
    with closing(sqlite3.connect(path)) as database:
        database.execute("INSERT INTO claims VALUES (?, ?, ?)", (wanted.key, holder, since))
        database.commit()


def test_an_old_claim_is_void(path: Path, store: SqliteRecordings) -> None:
    """Though its process still runs, it will bring no answer any more."""
    since = time.time() - recording_store.CLAIM_SECONDS - 1
    claim_for(path, request(), OTHER_PROCESS, since)

    assert ask(store, request()) == "asked here"


def test_a_claim_of_a_process_that_can_not_be_seen_is_void_sooner(
    path: Path, store: SqliteRecordings
) -> None:
    """It may run in another container, or may have been killed there."""
    for wanted, seconds in ((request(1), 1), (request(2), recording_store.UNSEEN_SECONDS + 1)):
        claim_for(path, wanted, UNSEEN, time.time() - seconds)

    assert not store.claim(request(1).key)
    assert ask(store, request(2)) == "asked here"


@pytest.mark.parametrize("holder", [OTHER_PROCESS, UNSEEN])
def test_claims_end_when_nobody_has_the_file_open(path: Path, holder: str) -> None:
    """Who claimed them was killed, be it in another container."""
    fill(path, range(1))
    claim_for(path, request(), holder, time.time())

    with closing(SqliteRecordings(path)) as store:
        assert store.claim(request().key)
        store.release(request().key)


def test_claims_of_a_store_that_knew_processes_by_number_end(path: Path) -> None:
    """The number may be another process's by now, such as that of this one's parent."""
    fill(path, range(1))
    with closing(sqlite3.connect(path)) as database:
        database.execute("DROP TABLE claims")
        database.execute("CREATE TABLE claims (key TEXT PRIMARY KEY, pid INTEGER, since REAL)")
        database.commit()
    with (
        closing(SqliteRecordings(path)) as store,
        closing(SqliteRecordings(path, holder=OTHER_PROCESS)) as other,
    ):
        claim_for(path, request(1), str(os.getppid()), time.time())
        assert store.claim(request(1).key)
        assert not other.claim(request(1).key)
        store.release(request(1).key)


def test_a_failed_call_gives_its_claim_up(path: Path, store: SqliteRecordings) -> None:
    """Others may ask at once."""

    def fail(_: Request) -> str:
        raise RuntimeError("no luck")

    async def story() -> None:
        with pytest.raises(RuntimeError):
            await Recorded(FunctionLM(fail), store, mode="auto").complete(request())

    asyncio.run(story())

    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT count(*) FROM claims").fetchone() == (0,)


def test_a_pruned_file_is_smaller_and_sound(path: Path) -> None:
    """What was dropped takes no space."""
    fill(path, range(300))
    before = path.stat().st_size

    pruned = prune(path, before // 2, in_use_since=time.time())

    assert pruned.before == before
    assert pruned.after == path.stat().st_size <= before // 2
    assert damage(path) == ""


@pytest.mark.parametrize("figure", [-1_000_000, 10**20, 2**63, 1.5, True, "many", [], {}, None])
def test_an_answer_recorded_with_a_usage_that_can_not_be_is_not_paid_for_again(
    path: Path, figure: object
) -> None:
    """Earlier versions recorded what a provider reported. It counts as nothing."""
    fill(path, range(1))
    usage = dict.fromkeys(vars(USAGE), figure)
    with closing(sqlite3.connect(path)) as database:
        text = json.dumps({"text": answer().text, "usage": usage})
        database.execute("UPDATE recordings SET answer = ?", (text,))
        database.commit()
    with closing(SqliteRecordings(path)) as store:
        assert ask(store, request()) == answer().text
        found = store.get(request().key)
    assert found is not None
    assert found.usage == Usage(calls=1, replayed=1, micro_usd=None)
