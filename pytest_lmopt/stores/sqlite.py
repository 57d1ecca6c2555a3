"""Stores in SQLite files under the state folder, for the processes of one machine."""

from __future__ import annotations

from pathlib import Path

from pytest_lmopt.blocks.board import SqliteBoard
from pytest_lmopt.blocks.queue import SqliteQueue
from pytest_lmopt.errors import BookError, RecordingsError, SessionFileError
from pytest_lmopt.lm.clock import SYSTEM_CLOCK, Clock
from pytest_lmopt.lm.money.book import SqliteBook
from pytest_lmopt.lm.recordings.protocol import Pruned
from pytest_lmopt.lm.recordings.pruning import prune
from pytest_lmopt.lm.recordings.store import SqliteRecordings
from pytest_lmopt.lm.session_file import SessionFile
from pytest_lmopt.lm.sqlite_file import told_as
from pytest_lmopt.lm.turns import SharedTurns
from pytest_lmopt.stores.folder import StateFolder

LEDGER = "ledger.sqlite"
RECORDINGS = "recordings.sqlite"
SHARED = "shared.sqlite"


class SqliteShared:
    """What lasts as long as a session, in one file of its folder."""

    def __init__(
        self, path: Path, *, holder: str | None = None, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self._clock = clock
        self._file = SessionFile(path)
        self._holder = holder
        try:
            self.queue = SqliteQueue(self._file)
            self.board = SqliteBoard(self._file)
        except BaseException:
            self._file.close()
            raise

    def turns(self, pool: str, *, most: int) -> SharedTurns:
        """As the protocol says."""
        return SharedTurns(self._file, pool=pool, most=most, holder=self._holder, clock=self._clock)

    def note_unusable(self, model: str, problem: str) -> None:
        """As the protocol says."""
        with self._file.statements() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO unusable_models VALUES (?, ?)", (model, problem)
            )

    def unusable(self, model: str) -> str | None:
        """As the protocol says."""
        with self._file.statements() as connection:
            row = connection.execute(
                "SELECT problem FROM unusable_models WHERE model = ?", (model,)
            ).fetchone()
        return None if row is None else str(row[0])

    def close(self) -> None:
        """As the protocol says."""
        self._file.close()


class SqliteStores:
    """A file for each. Claims and turns are those of ``holder``, by default this process."""

    def __init__(
        self, folder: StateFolder, *, holder: str | None = None, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self._clock = clock
        self._folder = folder
        self._holder = holder

    def open_recordings(self) -> SqliteRecordings:
        """As the protocol says."""
        with told_as(RecordingsError, self._folder.path / RECORDINGS):
            path = self._folder.made() / RECORDINGS
        return SqliteRecordings(path, holder=self._holder, clock=self._clock)

    def recordings_size(self) -> int:
        """As the protocol says."""
        path = self._folder.path / RECORDINGS
        log = path.with_name(f"{path.name}-wal")
        return sum(file.stat().st_size for file in (path, log) if file.exists())

    def prune_recordings(self, limit: int, *, in_use_since: float) -> Pruned:
        """As the protocol says."""
        with told_as(RecordingsError, self._folder.path / RECORDINGS):
            return prune(self._folder.made() / RECORDINGS, limit, in_use_since=in_use_since)

    @property
    def has_book(self) -> bool:
        """As the protocol says."""
        return (self._folder.path / LEDGER).exists()

    def open_book(self) -> SqliteBook:
        """As the protocol says."""
        with told_as(BookError, self._folder.path / LEDGER):
            path = self._folder.made() / LEDGER
        return SqliteBook(path, clock=self._clock)

    def open_passing_book(self) -> SqliteBook:
        """As the protocol says."""
        with told_as(BookError, self._folder.session_path / LEDGER):
            path = self._folder.made_for_session() / LEDGER
        return SqliteBook(path, clock=self._clock)

    @property
    def is_shared(self) -> bool:
        """As the protocol says."""
        return (self._folder.session_path / SHARED).exists()

    def open_shared(self) -> SqliteShared:
        """As the protocol says."""
        with told_as(SessionFileError, self._folder.session_path / SHARED):
            path = self._folder.made_for_session() / SHARED
        return SqliteShared(path, holder=self._holder, clock=self._clock)
