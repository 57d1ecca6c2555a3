"""What can still be read of a damaged store of recordings."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from pytest_lmopt.lm.recordings.answer import load_answer
from pytest_lmopt.lm.sqlite_file import read_only

_KEY = re.compile("[0-9a-f]{64}")
_FARTHEST = 2**40
"""No row number is higher; whatever seems so is damage."""

Row = tuple[str, str, str]
"""key, request, answer"""


def readable_rows(path: Path) -> Iterator[Row]:
    """The sound rows of a file, those of its write-ahead log first; one may come twice.

    The log may be what is wrong with the file, so it is also read without.
    """
    for log in (True, False):
        with suppress(sqlite3.DatabaseError), closing(read_only(path, log=log)) as connection:
            # otherwise a file that lacks its end is not read at all
            connection.execute("PRAGMA writable_schema=ON")
            for row in _rows(connection):
                if _is_sound(row):
                    yield row


def _rows(connection: sqlite3.Connection) -> Iterator[Row]:
    """All rows in order of their number, with ever longer steps over what can't be read."""
    last, step = 0, 1
    while last < _FARTHEST:
        query = "SELECT rowid, key, request, answer FROM recordings WHERE rowid > ? ORDER BY rowid"
        try:
            for number, *row in connection.execute(query, (last,)):
                yield tuple(row)
                last, step = number, 1
            return
        except sqlite3.DatabaseError:
            last, step = last + step, 2 * step


def _is_sound(row: Row) -> bool:
    key, request, answer = row
    try:
        return (
            _KEY.fullmatch(key) is not None
            and isinstance(json.loads(request), list)
            and load_answer(answer) is not None
        )
    except (TypeError, ValueError, RecursionError):
        return False
