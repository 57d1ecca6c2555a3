"""Keeping the store of recordings under a size: what was not used for longest goes first."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from pytest_lmopt.lm.recordings.protocol import Pruned
from pytest_lmopt.lm.recordings.store import open_recordings
from pytest_lmopt.lm.sqlite_file import transaction

_ROW_BYTES = 200
"""Of a row besides its texts: the key, twice, and the times."""


def prune(path: Path, limit: int, *, in_use_since: float) -> Pruned:
    """As ``Stores`` says, of the file at ``path``."""
    with closing(open_recordings(path)) as database:
        connection = database.connection
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        before = path.stat().st_size
        dropped = 0
        while path.stat().st_size > limit:
            now = _drop(connection, limit, in_use_since)
            dropped += now
            # without a moment in which nobody reads or writes, the space is used again later
            with suppress(sqlite3.OperationalError):
                connection.execute("VACUUM")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            if not now:
                break
        return Pruned(recordings=dropped, before=before, after=path.stat().st_size)


def _drop(connection: sqlite3.Connection, limit: int, in_use_since: float) -> int:
    size = f"length(CAST(request AS BLOB)) + length(CAST(answer AS BLOB)) + {_ROW_BYTES}"
    total = connection.execute(f"SELECT total({size}) FROM recordings").fetchone()[0]
    # a file is larger than what is in it, by a share that depends on the sizes of texts
    excess = total * (1.0 - limit / max(limit, _bytes_in_use(connection)))
    keys: list[tuple[str]] = []
    rows = connection.execute(
        f"SELECT key, {size} FROM recordings WHERE used < ? ORDER BY used, rowid", (in_use_since,)
    )
    for key, share in rows:
        if excess <= 0.0:
            break
        excess -= share
        keys.append((key,))
    with transaction(connection):
        connection.executemany("DELETE FROM recordings WHERE key = ?", keys)
        connection.execute("DELETE FROM places WHERE key NOT IN (SELECT key FROM recordings)")
    return len(keys)


def _bytes_in_use(connection: sqlite3.Connection) -> int:
    pages, free, size = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size
