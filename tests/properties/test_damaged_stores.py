"""Whatever is wrong with a file in the state folder: it is used, or rescued, or refused in a line.

Each place is chosen by a seed. Nothing takes for ever, no error is another than ours, and the next
run can use what the first one has left.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from doubles.sample_run import FACTS, rows, search_report, suite, transfers
from hypothesis import settings

from pytest_lmopt import Budget, Completion
from pytest_lmopt.blocks.progress import Progress
from pytest_lmopt.blocks.queue import Part
from pytest_lmopt.canonical import digest
from pytest_lmopt.errors import (
    BookError,
    LmoptError,
    RecordingsError,
    ReportError,
    SessionFileError,
)
from pytest_lmopt.lm import sqlite_file
from pytest_lmopt.lm.money.ledger import Account, Ledger, Sitting
from pytest_lmopt.lm.money.protocol import Amount
from pytest_lmopt.lm.processes import own_token
from pytest_lmopt.reports.json_text import json_text
from pytest_lmopt.reports.machine import document
from pytest_lmopt.reports.stored_runs import read_run
from pytest_lmopt.stores.folder import StateFolder
from pytest_lmopt.stores.sqlite import LEDGER, RECORDINGS, SHARED, SqliteStores
from pytest_lmopt.strategies.journal import Journal
from pytest_lmopt.wire import Message, Remark, Request, Usage

PLACES = settings().max_examples
"""Of each file; there are five files, two of them with a log."""
SECONDS = 30.0
"""One opening takes some milliseconds, a second on a busy machine; circles would take for ever."""
ASKED = Request(model="m", messages=(Message("user", "q"),))
SESSION = "session-1-a"


def stores(root: Path) -> SqliteStores:
    """The stores below a folder."""
    return SqliteStores(StateFolder(root, session=SESSION))


def use_recordings(root: Path) -> str:
    """Read, record, claim, note and prune; the notice."""
    with closing(stores(root).open_recordings()) as recordings:
        for number in range(0, 60, 7):
            recordings.get(replace(ASKED, repeat=number).key)
        recordings.put(ASKED, Completion(text="new", usage=Usage(calls=1)))
        found = recordings.get(ASKED.key)
        assert found is not None
        assert found.text == "new"
        recordings.claim("k")
        recordings.release("k")
        recordings.note_places([("here", ASKED.key)])
        assert ASKED.key in recordings.keys_at("here")
        recordings.note_use()
        notice = recordings.notice
    stores(root).prune_recordings(10**9, in_use_since=time.time())
    return notice


def use_book(root: Path) -> str:
    """Continue an account, charge it, look at all; the notice."""
    with closing(stores(root).open_book()) as book:
        sitting = Sitting(
            session=f"s{time.monotonic_ns()}", holder=own_token(), purpose="p", resume=True
        )
        ledger = Ledger([Account(Budget(calls=10**6), owner="suite", book=book, sitting=sitting)])
        before = ledger.accounts[0].spent
        assert before.calls >= 0
        ledger.settle(
            ledger.reserve(Amount(tokens=10, micro_usd=10)), Usage(calls=1, input_tokens=3)
        )
        ledger.lose(ledger.reserve(Amount(tokens=10)))
        ledger.keep(Amount(calls=2))
        ledger.remark("m", Remark("above", "9 tokens", 5))
        assert ledger.remarks
        assert ledger.wasted >= 1
        assert ledger.accounts[0].spent.calls == before.calls + 2
        assert book.entries(10)
        book.close_accounts(sitting.session)
        return book.notice


def use_shared(root: Path) -> str:
    """Enter a suite, share blocks and turns, show progress; the notice is empty."""
    with closing(stores(root).open_shared()) as shared:
        name = f"suite {time.monotonic_ns()}"
        assert shared.queue.enter(name, "gw0") is Part.LEAD
        numbers = shared.queue.publish(name, ["a", "b"])
        taken = shared.queue.take(name, "gw0")
        assert taken is not None
        shared.queue.hand_in(taken[0], "gw0", "done")
        assert taken[0] in shared.queue.collect(numbers)
        shared.queue.withdraw(numbers)
        shared.queue.finish(name, "gw0")
        shared.board.put("gw0", Progress(suite=name, began=1.0))
        assert name in [each.suite for each in shared.board.read()]
        shared.board.remove("gw0")
        turns = shared.turns(name, most=2)
        assert turns.take(now=time.monotonic(), more=False) == 0.0
        turns.give_back()
        shared.note_unusable(name, "no key")
        assert shared.unusable(name) == "no key"
    return ""


def journal_path(root: Path) -> Path:
    """Where the journal lies."""
    return root / ".lmopt/journals" / f"{digest('suite')}.jsonl"


INPUTS = {"dataset": "d", "seed": 1}


def use_journal(root: Path) -> str:
    """Continue a search, or begin another; its note."""
    journal = Journal(journal_path(root))
    journal.begin(INPUTS)
    for number in range(30):
        decided = journal.decided("calls left", 1000 - number)
        assert decided is None or 0 <= decided <= 10**6
        journal.record("trial", name=f"c{number}", n=16)
    return journal.note


def use_run(root: Path) -> str:
    """Read a stored run."""
    read_run(root / ".lmopt/runs/run.json")
    return ""


def make_all(root: Path) -> None:
    """Fill a state folder as a run that was killed leaves it, its logs not yet copied."""
    for each in (use_book, use_shared, use_journal):
        each(root)
    left = stores(root)
    with closing(left.open_recordings()) as recordings:
        for number in range(60):
            answer = Completion(text="answer" * 40, usage=Usage(calls=1))
            recordings.put(replace(ASKED, repeat=number), answer)
        shutil.copytree(root, root.with_name("killed"))
    with closing(left.open_book()) as book:
        sitting = Sitting(session="killed", holder="", purpose="p", resume=True)
        for owner in ("suite", "class", *map(str, range(40))):
            Ledger([Account(Budget(calls=10**6), owner=owner, book=book, sitting=sitting)]).reserve(
                Amount(tokens=1)
            )
        for name in (LEDGER, f"{LEDGER}-wal"):
            shutil.copy(root / ".lmopt" / name, root.with_name("killed") / ".lmopt" / name)
    report = replace(suite("s", rows(3, seed=0)), search=search_report())
    text = "".join(
        document(FACTS, [report], lambda _: map(json_text, rows(3, seed=0)), transfers("?"))
    )
    for folder in (root, root.with_name("killed")):
        (folder / ".lmopt/runs").mkdir()
        (folder / ".lmopt/runs/run.json").write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder that nothing is wrong with; beside it one that a kill has left."""
    root = tmp_path_factory.mktemp("whole") / "root"
    root.mkdir()
    make_all(root)
    return root


def truncate(content: bytes, chance: random.Random) -> bytes:
    """The end is missing."""
    return content[: chance.randrange(len(content))]


def flip(content: bytes, chance: random.Random) -> bytes:
    """Bits are others; half of the time in the head, which decides most."""
    changed = bytearray(content)
    for _ in range(chance.choice([1, 1, 4, 40])):
        end = chance.choice([min(len(changed), 300), len(changed)])
        changed[chance.randrange(end)] ^= 1 << chance.randrange(8)
    return bytes(changed)


def overwrite(content: bytes, chance: random.Random) -> bytes:
    """A stretch holds something else: zeros, ones, or another part of the file."""
    start, size = chance.randrange(len(content)), chance.choice([1, 8, 512, 4096])
    elsewhere = content[chance.randrange(len(content)) :][:size]
    piece = chance.choice([b"\x00" * size, b"\xff" * size, elsewhere])
    return (content[:start] + piece + content[start + size :])[: max(len(content), 1)]


HARMS = [truncate, flip, overwrite]

FILES: list[tuple[str, Callable[[Path], str], type[LmoptError]]] = [
    (LEDGER, use_book, BookError),
    (f"{LEDGER}-wal", use_book, BookError),
    (RECORDINGS, use_recordings, RecordingsError),
    (f"{RECORDINGS}-wal", use_recordings, RecordingsError),
    (f"{RECORDINGS}-shm", use_recordings, RecordingsError),
    (f"{SESSION}/{SHARED}", use_shared, LmoptError),
    (f"journals/{digest('suite')}.jsonl", use_journal, LmoptError),
    ("runs/run.json", use_run, ReportError),
]


def opened(use: Callable[[Path], str], root: Path, error: type[LmoptError]) -> str:
    """What comes of using a store: ``used``, its notice, or an error in one line."""
    begun = time.monotonic()
    try:
        said = use(root) or "used"
    except error as problem:
        said = f"error: {problem}"
    assert time.monotonic() - begun < SECONDS, said
    assert said.isprintable(), said
    assert len(said) < 1_000
    return said


@pytest.mark.parametrize(("name", "use", "error"), FILES, ids=[name for name, *_ in FILES])
def test_any_damage_is_survived(
    whole: Path, tmp_path: Path, name: str, use: Callable[[Path], str], error: type[LmoptError]
) -> None:
    """Cut short, with other bits, or overwritten, at places chosen by a seed."""
    is_log = name.endswith(("-wal", "-shm"))
    left = whole.with_name("killed") if is_log else whole
    content = (left / ".lmopt" / name).read_bytes()
    assert content
    seen: set[str] = set()
    for seed in range(PLACES):
        root = tmp_path / str(seed)
        shutil.copytree(left, root)
        harm = HARMS[seed % len(HARMS)]
        (root / ".lmopt" / name).write_bytes(harm(content, random.Random(f"{name} {seed}")))
        said = opened(use, root, error)
        aside = [*(root / ".lmopt" / name).parent.glob("*.damaged-1")]
        seen.add(said.partition(":")[0] if not aside else "set aside")
        if said.startswith("error") and use is not use_run:
            assert "is not ours; move the file away" in said, (seed, said)
            (root / ".lmopt" / name.removesuffix("-wal")).unlink()
        if use is not use_run:
            again = opened(use, root, error)
            assert not again.startswith("error"), (seed, said, again)
        shutil.rmtree(root)
    # SQLite leaves out what a log's checksums don't cover, as after a power cut
    assert len(seen) > 1 or is_log, "all places were harmless"


CELLS = ["NULL", "'many'", "x'ff00'", "1.5", "-1", str(2**62), "''"]


@pytest.mark.parametrize(
    ("name", "use", "error"),
    [(LEDGER, use_book, BookError), (RECORDINGS, use_recordings, RecordingsError)],
)
def test_any_cell_may_hold_anything(
    whole: Path, tmp_path: Path, name: str, use: Callable[[Path], str], error: type[LmoptError]
) -> None:
    """SQLite lets a column of numbers hold words; what can't be used is set aside."""
    with closing(sqlite3.connect(whole / ".lmopt" / name)) as database:
        tables = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'")
        schema = {table: sql for table, sql in tables.fetchall() if not table.startswith("sqlite")}
        columns = [
            (table, column)
            for table in schema
            for _, column, *_ in database.execute(f"PRAGMA table_info({table})").fetchall()
            if column != "id"
        ]
    for number, (table, column) in enumerate(columns):
        root = tmp_path / str(number)
        shutil.copytree(whole, root)
        with closing(sqlite3.connect(root / ".lmopt" / name)) as database, database:
            database.execute("PRAGMA writable_schema=ON")
            database.execute("UPDATE sqlite_master SET sql = replace(sql, ' NOT NULL', '')")
        for value in CELLS:
            with closing(sqlite3.connect(root / ".lmopt" / name)) as database, database:
                there = f"SELECT rowid FROM {table} LIMIT 1"
                if "WITHOUT ROWID" in schema[table]:
                    there = f"SELECT {column} FROM {table} LIMIT 1"
                key = "rowid" if "rowid" in there else column
                database.execute(f"UPDATE {table} SET {column} = {value} WHERE {key} = ({there})")
            said = opened(use, root, error)
            assert not said.startswith("error"), (table, column, value, said)
        shutil.rmtree(root)


TABLES: list[tuple[str, str, Callable[[Path], str], type[LmoptError]]] = [
    (LEDGER, "accounts", use_book, BookError),
    (LEDGER, "charges", use_book, BookError),
    (RECORDINGS, "recordings", use_recordings, RecordingsError),
    (RECORDINGS, "claims", use_recordings, RecordingsError),
    (f"{SESSION}/{SHARED}", "pools", use_shared, SessionFileError),
    (f"{SESSION}/{SHARED}", "jobs", use_shared, SessionFileError),
]


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE {table} ADD COLUMN later",
        "ALTER TABLE {table} RENAME TO elsewhere; CREATE TABLE {table} (name, pay)",
        "DROP TABLE {table}; CREATE VIEW {table} AS SELECT 1 AS id",
    ],
    ids=["a newer version", "another program", "a view"],
)
def test_another_programs_tables_are_left_alone(
    whole: Path, tmp_path: Path, statement: str
) -> None:
    """It is not damage: the user decides what becomes of the file."""
    for number, (name, table, use, error) in enumerate(TABLES):
        root = tmp_path / str(number)
        shutil.copytree(whole, root)
        path = root / ".lmopt" / name
        with closing(sqlite3.connect(path)) as database:
            database.executescript(statement.format(table=table))
        said = opened(use, root, error)
        assert "is not ours; move the file away" in said or "may not be" in said, said
        assert not list(path.parent.glob("*.damaged*"))
        path.unlink()
        assert not opened(use, root, error).startswith("error")


def test_a_file_that_another_program_has_locked_is_left_alone(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a while: it may be a backup that copies it."""
    monkeypatch.setattr(sqlite_file, "BUSY_TIMEOUT_SECONDS", 0.05)
    root = tmp_path / "root"
    shutil.copytree(whole, root)
    with closing(sqlite3.connect(root / ".lmopt" / LEDGER, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert "locked" in opened(use_book, root, BookError)
    assert opened(use_book, root, BookError) == "used"


@pytest.mark.parametrize("content", [b"words" * 100, b"\x00" * 5000, b"SQLite format 3\x00" * 50])
def test_a_guard_that_holds_something_is_emptied(
    whole: Path, tmp_path: Path, content: bytes
) -> None:
    """It says nothing but who has the file beside it open."""
    root = tmp_path / "root"
    shutil.copytree(whole, root)
    (root / ".lmopt" / f"{LEDGER}.in-use").write_bytes(content)
    assert opened(use_book, root, BookError) == "used"


@pytest.mark.parametrize(
    "line",
    [
        '{"event": "calls left", "value": "many"}',
        '{"event": "calls left", "value": -5}',
        '{"event": "calls left", "value": 1e300}',
        '{"event": "calls left", "value": [1]}',
        '{"event": ["calls left"]}',
        "[" * 5000,
        "null",
        "\x00",
    ],
)
def test_a_journal_with_a_line_that_can_not_be_is_followed_up_to_it(
    whole: Path, tmp_path: Path, line: str
) -> None:
    """The search goes on by itself from there."""
    root = tmp_path / "root"
    shutil.copytree(whole, root)
    path = journal_path(root)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:5], line, *lines[6:]]))
    assert opened(use_journal, root, LmoptError).startswith("continued a search that was killed")
    path.write_text(lines[0].replace('"inputs": {', '"inputs": 5, "x": {'))
    assert "was not continued" in opened(use_journal, root, LmoptError)
