"""What can still be read of a damaged store of recordings."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from pytest_lmopt.lm.recordings.answer import load_answer
from pytest_lmopt.lm.sqlite_file import read_only, within

_KEY = re.compile("[0-9a-f]{64}")
RESCUE_SECONDS = 20.0
"""How long a file is read: what is left then is lost."""
_FARTHEST = 2**40
"""No row number is higher; whatever seems so is damage."""

Row = tuple[str, str, str]
"""key, request, answer"""


def readable_rows(path: Path) -> Iterator[Row]:
    """The sound rows of a file, those of its write-ahead log first; one may come twice.

    The log may be what is wrong with the file, so it is also read without.
    """
    deadline = time.monotonic() + RESCUE_SECONDS
    for log in (True, False):
        with suppress(sqlite3.Error, MemoryError), closing(read_only(path, log=log)) as connection:
            connection.text_factory = bytes
            # otherwise a file that lacks its end is not read at all
            connection.execute("PRAGMA writable_schema=ON")
            with within(connection, deadline - time.monotonic()):
                for row in _rows(connection, deadline):
                    sound = _sound(row)
                    if sound is not None:
                        yield sound


def _rows(connection: sqlite3.Connection, deadline: float) -> Iterator[tuple[object, ...]]:
    """All rows in order of their number, with ever longer steps over what can't be read.

    Damage can lead back to rows that were there before: from there on nothing is new.
    """
    last, step = 0, 1
    while last < _FARTHEST and time.monotonic() < deadline:
        query = "SELECT rowid, key, request, answer FROM recordings WHERE rowid > ? ORDER BY rowid"
        try:
            for number, *row in connection.execute(query, (last,)):
                if number <= last:
                    break
                yield tuple(row)
                last, step = number, 1
            else:
                return
        except (sqlite3.Error, MemoryError):
            pass
        last, step = last + step, 2 * step


def _sound(row: tuple[object, ...]) -> Row | None:
    """The row as texts; None for one that can't be answered from."""
    try:
        key, request, answer = (cell.decode() for cell in row if isinstance(cell, bytes))
        sound = (
            _KEY.fullmatch(key) is not None
            and isinstance(json.loads(request), list)
            and load_answer(answer) is not None
        )
    except (ValueError, RecursionError):
        return None
    return (key, request, answer) if sound else None
