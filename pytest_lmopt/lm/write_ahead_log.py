"""The write-ahead log of an SQLite file: written to disk after a commit, not within.

SQLite's ``synchronous=FULL`` keeps all other processes from writing while it waits for the disk.
With ``NORMAL`` a commit only gives the log to the system; a caller that needs it on disk then waits
for that here.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_written: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)


class WriteAheadLog:
    """The log of an open file. Commits no longer wait for the disk.

    Where an open log can't be removed (Windows), they still do.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._path = path.with_name(f"{path.name}-wal")
        self._lock = threading.Lock()
        self._file: int | None = None
        self._is_closed = False
        self._apart = os.name == "posix"
        if self._apart:
            connection.execute("PRAGMA synchronous=NORMAL")

    def sync(self) -> None:
        """Wait until all that was committed is on disk; raises ``OSError``."""
        if not self._apart:
            return
        with self._lock:
            if self._is_closed:  # which has waited for the disk
                return
            if self._file is None:
                self._file = os.open(self._path, os.O_RDONLY)
            number = os.dup(self._file)  # the file may be closed meanwhile
        try:
            _written(number)
        finally:
            os.close(number)

    def close(self) -> None:
        """Wait for the disk a last time, and close the file; the connection is still open."""
        with suppress(OSError):  # a caller that waits for the disk gets the error itself
            self.sync()
            self._is_closed = True
        with self._lock:
            if self._file is not None:
                os.close(self._file)
                self._file = None
