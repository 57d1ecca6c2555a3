"""What the processes of a session tell each other while they run, in one SQLite file.

Nothing in it outlives the session, so no write waits for the disk.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from pytest_lmopt.errors import SessionFileError
from pytest_lmopt.lm.sqlite_file import open_database, refuse_other_tables, told_as, transaction

_SCHEMA = """
CREATE TABLE IF NOT EXISTS pools
    (name TEXT PRIMARY KEY, width REAL NOT NULL, cuts INTEGER NOT NULL, rest REAL NOT NULL,
     closed_until REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS takers
    (pool TEXT NOT NULL, holder TEXT NOT NULL, out INTEGER NOT NULL, asked REAL NOT NULL,
     served REAL NOT NULL, PRIMARY KEY (pool, holder)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS unusable_models (model TEXT PRIMARY KEY, problem TEXT NOT NULL);
"""


class SessionFile:
    """The file, opened or created; may be used by several threads.

    Raises ``SessionFileError`` where it can't be used.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._path = path
        with self._usable():
            self._database = open_database(path, _SCHEMA)
        try:
            self.add(_SCHEMA)
            with self.statements() as connection:
                connection.execute("PRAGMA synchronous=OFF")
        except BaseException:
            self._database.close()
            raise

    def add(self, schema: str) -> None:
        """Add the tables of a schema where they are missing."""
        with self.statements() as connection:
            connection.executescript(schema)
            refuse_other_tables(connection, schema)

    @contextmanager
    def statements(self) -> Iterator[sqlite3.Connection]:
        """For single statements, each on its own."""
        with self._lock, self._usable():
            yield self._database.connection

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """For several: all or nothing, with no other process writing between."""
        with self._lock, self._usable(), transaction(self._database.connection):
            yield self._database.connection

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()

    def _usable(self) -> AbstractContextManager[None]:
        return told_as(SessionFileError, self._path)
