"""SQLite files are opened alike, and no damage to one costs more than what it hit."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from pytest_lmopt.lm import sqlite_file
from pytest_lmopt.lm.sqlite_file import open_database

SCHEMA = "CREATE TABLE IF NOT EXISTS words (word TEXT PRIMARY KEY, meaning TEXT NOT NULL);"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file lies, under a name that a URI must quote."""
    folder = tmp_path / "100% mine?"
    folder.mkdir()
    return folder / "words.sqlite"


def write(path: Path, *words: str) -> None:
    """Add words of some size."""
    with closing(open_database(path, SCHEMA)) as database:
        for word in words:
            database.connection.execute("INSERT INTO words VALUES (?, ?)", (word, "x" * 200))


def words(path: Path) -> set[str]:
    """The words in the file."""
    with closing(open_database(path, SCHEMA)) as database:
        return {word for (word,) in database.connection.execute("SELECT word FROM words")}


def many(count: int = 300) -> list[str]:
    """Words that fill several pages."""
    return [f"word-{number}" for number in range(count)]


def truncated(path: Path) -> None:
    """The second half is gone."""
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def overwritten(path: Path) -> None:
    """Pages in the middle hold something else."""
    with path.open("r+b") as file:
        file.seek(3 * 4096)
        file.write(b"\xff" * 4096 * 3)


def headless(path: Path) -> None:
    """The first bytes are garbage."""
    with path.open("r+b") as file:
        file.write(b"\x07garbage" * 12)


def no_database(path: Path) -> None:
    """The file is something else altogether."""
    path.write_bytes(b"not a database, but something else" * 100)


def foreign_log(path: Path) -> None:
    """The write-ahead log of another file lies beside it, whole and valid."""
    other = path.with_name("other.sqlite")
    with closing(open_database(other, SCHEMA)) as database:
        database.connection.execute("INSERT INTO words VALUES ('foreign', '')")
        shutil.copy(f"{other}-wal", f"{path}-wal")


def lost_but_for_the_log(path: Path) -> None:
    """The file is empty, while its last words are still in the log."""
    foreign_log(path)
    path.write_bytes(b"")


@pytest.mark.parametrize(
    "harm",
    [truncated, overwritten, headless, no_database, foreign_log, lost_but_for_the_log],
    ids=lambda harm: harm.__name__,
)
def test_a_damaged_file_is_set_aside_byte_by_byte(path: Path, harm: Callable[[Path], None]) -> None:
    """Nothing is deleted; a new file is begun, and stays good."""
    write(path, *many())
    harm(path)
    before = path.read_bytes()
    log = Path(f"{path}-wal")
    log_before = log.read_bytes() if log.exists() else b""

    with closing(open_database(path, SCHEMA)) as database:
        aside = database.set_aside
    write(path, "new")

    assert aside == path.with_name("words.sqlite.damaged-1")
    assert aside.read_bytes() == before
    if log_before:
        assert Path(f"{aside}-wal").read_bytes() == log_before
    assert words(path) == {"new"}
    assert not path.with_name("words.sqlite.damaged-2").exists()


def test_an_empty_file_is_filled(path: Path) -> None:
    """There is nothing to set aside."""
    path.touch()

    write(path, "one")

    assert words(path) == {"one"}
    assert not list(path.parent.glob("*damaged*"))


def test_files_set_aside_before_are_kept(path: Path) -> None:
    """Each gets a number of its own."""
    for number in (1, 2):
        path.write_bytes(b"broken %d" % number * 1000)
        write(path, "new")

    kept = [path.with_name(f"{path.name}.damaged-{number}").read_bytes() for number in (1, 2)]

    assert kept == [b"broken 1" * 1000, b"broken 2" * 1000]


def test_a_damaged_file_in_use_is_left_alone(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To move it would lead the other process's writes astray."""
    monkeypatch.setattr(sqlite_file, "IN_USE_SECONDS", 0.0)
    monkeypatch.setattr(sqlite_file, "ALONE_SECONDS", 0.0)
    write(path, *many())
    with closing(open_database(path, SCHEMA)):
        overwritten(path)
        before = path.read_bytes()
        with pytest.raises(sqlite3.OperationalError, match="another process still has it open"):
            open_database(path, SCHEMA)

    assert path.read_bytes() == before


def test_a_file_that_can_not_be_opened_is_not_damaged(tmp_path: Path) -> None:
    """A missing folder is an error of its own."""
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        open_database(tmp_path / "none/words.sqlite", SCHEMA)


def test_a_busy_file_is_not_damaged(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock held too long by another program must not cost what is in the file."""
    write(path, "kept")
    monkeypatch.setattr(sqlite_file, "BUSY_TIMEOUT_SECONDS", 0.05)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            open_database(path, SCHEMA)

    assert words(path) == {"kept"}
    assert not list(path.parent.glob("*damaged*"))
