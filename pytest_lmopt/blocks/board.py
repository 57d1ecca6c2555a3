"""Where workers tell how far the suites are that they lead, and the session's owner reads it."""

from __future__ import annotations

from typing import Protocol

from pytest_lmopt.blocks.progress import Progress
from pytest_lmopt.lm.session_file import SessionFile

_SCHEMA = "CREATE TABLE IF NOT EXISTS progress (worker TEXT PRIMARY KEY, told TEXT NOT NULL)"


class Board(Protocol):
    """The progress of the suites under way; each worker leads one at a time."""

    def put(self, worker: str, progress: Progress) -> None:
        """Tell in place of what this worker told before."""

    def remove(self, worker: str) -> None:
        """This worker leads no suite any more."""

    def read(self) -> list[Progress]:
        """All suites under way, longest first."""


class SqliteBoard:
    """A board in the session's file."""

    def __init__(self, file: SessionFile) -> None:
        self._file = file
        file.add(_SCHEMA)

    def put(self, worker: str, progress: Progress) -> None:
        """As the protocol says."""
        with self._file.statements() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO progress VALUES (?, ?)", (worker, progress.to_text())
            )

    def remove(self, worker: str) -> None:
        """As the protocol says."""
        with self._file.statements() as connection:
            connection.execute("DELETE FROM progress WHERE worker = ?", (worker,))

    def read(self) -> list[Progress]:
        """As the protocol says."""
        with self._file.statements() as connection:
            rows = connection.execute("SELECT told FROM progress").fetchall()
        return sorted((Progress.from_text(told) for (told,) in rows), key=lambda each: each.began)
