"""SQLite files and recordings that several real processes use at once."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from pytest_lmopt.lm.sqlite_file import open_database

SCHEMA = "CREATE TABLE IF NOT EXISTS words (word TEXT PRIMARY KEY, meaning TEXT NOT NULL);"

WRITING = f"""
import os, sys
from pathlib import Path
from pytest_lmopt.lm.sqlite_file import open_database
database = open_database(Path(sys.argv[1]), {SCHEMA!r})
for word in sys.argv[2:]:
    database.connection.execute("INSERT INTO words VALUES (?, ?)", (word, "x" * 200))
"""

ASKING = """
import asyncio, os
from pathlib import Path
from pytest_lmopt.lm.recordings.recorded import Recorded
from pytest_lmopt.lm.recordings.store import SqliteRecordings
from pytest_lmopt.lm.seam import FunctionLM
from pytest_lmopt.wire import Message, Request

async def answer(asked):
    with open("calls", "a") as log:
        log.write("x")
    while len(list(Path().glob("begun-*"))) < 3:
        await asyncio.sleep(0.01)
    return "said once"

async def main():
    lm = Recorded(FunctionLM(answer), SqliteRecordings(Path("r.sqlite")), mode="auto")
    asked = [Request(model="m", messages=(Message("user", f"word {n}"),)) for n in (1, 2)]
    Path(f"begun-{os.getpid()}").touch()
    answers = await asyncio.gather(*map(lm.complete, asked))
    assert {each.text for each in answers} == {"said once"}

asyncio.run(main())
"""


def started(program: str, folder: Path, *given: str) -> subprocess.Popen[bytes]:
    """A process that runs a program in a folder."""
    return subprocess.Popen([sys.executable, "-c", program, *given], cwd=folder)


def words(path: Path) -> set[str]:
    """The words in the file."""
    with closing(open_database(path, SCHEMA)) as database:
        return {word for (word,) in database.connection.execute("SELECT word FROM words")}


def test_what_a_killed_process_wrote_is_there(tmp_path: Path) -> None:
    """A commit is durable, although the log was never copied into the file."""
    path = tmp_path / "words.sqlite"
    assert started(f"{WRITING}os._exit(9)", tmp_path, str(path), "kept").wait(60) == 9

    assert Path(f"{path}-wal").stat().st_size
    assert words(path) == {"kept"}
    assert not list(tmp_path.glob("*damaged*"))


@pytest.mark.parametrize("damaged", [False, True])
def test_processes_that_open_it_at_once_share_one_file(tmp_path: Path, damaged: bool) -> None:
    """One makes it, or sets the damaged one aside; no word of the others is lost."""
    path = tmp_path / "words.sqlite"
    if damaged:
        with closing(open_database(path, SCHEMA)) as database:
            rows = [(f"word-{number}", "x" * 200) for number in range(300)]
            database.connection.executemany("INSERT INTO words VALUES (?, ?)", rows)
        with path.open("r+b") as file:
            file.write(b"\x07garbage" * 12)
    processes = [
        started(f"{WRITING}database.close()", tmp_path, str(path), *(f"{p}-{n}" for n in range(20)))
        for p in range(4)
    ]

    assert [process.wait(60) for process in processes] == [0, 0, 0, 0]
    assert len(words(path)) == 80
    assert len(list(tmp_path.glob("*.damaged-?"))) == damaged


def test_processes_that_need_the_same_answer_make_one_call(tmp_path: Path) -> None:
    """One asks; the others wait for its answer."""
    processes = [started(ASKING, tmp_path) for _ in range(3)]

    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert (tmp_path / "calls").read_text() == "xx"
