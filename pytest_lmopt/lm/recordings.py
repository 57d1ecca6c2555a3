"""Recordings: every answer kept under its request's key, so that none is paid for twice."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import threading
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Literal

from pytest_lmopt.errors import MissingAnswerError, RecordingsError
from pytest_lmopt.lm.seam import LM, Completion, Request, Usage
from pytest_lmopt.suites.canonical import canonical_json

CacheMode = Literal["auto", "replay", "refresh", "off"]

_BUSY_TIMEOUT_SECONDS = 60.0
_COLUMNS = [("key", 1), ("request", 0), ("answer", 0)]
"""Names, and place in the primary key."""

_SURROUNDINGS = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_INTERRUPT,
    }
)


class RecordingStore:
    """A SQLite table of answers. A damaged file is set aside under another name and rebuilt.

    Raises ``RecordingsError`` where the file can't be used for another reason: locked, no folder,
    no permission.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._path = path
        try:
            try:
                self._database = self._open(path)
            except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
                if not _is_damage(error, path):
                    raise
                _set_aside(path)
                self._database = self._open(path)
        except (sqlite3.Error, OSError) as error:
            raise RecordingsError(str(error), path=path) from error

    @staticmethod
    def _open(path: Path) -> sqlite3.Connection:
        database = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_SECONDS, check_same_thread=False)
        try:
            database.execute("PRAGMA journal_mode=WAL")
            # an answer is paid for: it must survive a crash right after it arrived
            database.execute("PRAGMA synchronous=FULL")
            database.execute(
                "CREATE TABLE IF NOT EXISTS recordings"
                " (key TEXT PRIMARY KEY, request TEXT NOT NULL, answer TEXT NOT NULL)"
            )
            if database.execute("PRAGMA quick_check").fetchone() != ("ok",):
                raise sqlite3.DatabaseError("quick_check failed")
            columns = database.execute("PRAGMA table_info(recordings)").fetchall()
            if [(name, key) for _, name, _, _, _, key in columns] != _COLUMNS:
                raise sqlite3.DatabaseError("its table is not ours")
            # what is no UTF-8 must not keep a row from being fetched
            database.text_factory = bytes
        except (sqlite3.DatabaseError, UnicodeDecodeError):
            database.close()
            raise
        return database

    def get(self, key: str) -> Completion | None:
        """The recorded answer, marked as replayed, or None; what can't be read is not recorded."""
        try:
            with self._lock, closing(self._database.cursor()) as cursor:
                cursor.execute("SELECT answer FROM recordings WHERE key = ?", (key,))
                row = cursor.fetchone()
        except sqlite3.Error as error:
            raise RecordingsError(str(error), path=self._path) from error
        try:
            answer = json.loads(row[0]) if row is not None else None
            if answer is None or not isinstance(answer["text"], str):
                return None
            return Completion(text=answer["text"], usage=_usage(answer["usage"]).as_replayed)
        except (ValueError, TypeError, KeyError, RecursionError):
            return None

    def put(self, request: Request, completion: Completion) -> None:
        """Record an answer, replacing an older one; durable when this returns."""
        asked = _storable([request.model, request.messages, dict(request.params)])
        answer = _storable({"text": completion.text, "usage": vars(completion.usage)})
        try:
            with self._lock, self._database:
                self._database.execute(
                    "INSERT OR REPLACE INTO recordings VALUES (?, ?, ?)",
                    (request.key, asked, answer),
                )
        except sqlite3.Error as error:
            raise RecordingsError(str(error), path=self._path) from error

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()


def _storable(value: object) -> str:
    """JSON that any file can hold: half a surrogate pair, as a cut answer may end in, escaped."""
    return canonical_json(value).encode("utf-8", "backslashreplace").decode()


def _usage(fields: object) -> Usage:
    if not isinstance(fields, dict):
        raise ValueError(f"usage is {fields!r}")
    for name, value in fields.items():
        unpriced = name == "micro_usd" and value is None
        if not unpriced and (not isinstance(value, int) or value < 0):
            raise ValueError(f"usage {name} is {value!r}")
    return Usage(**fields)


def _is_damage(error: sqlite3.DatabaseError | UnicodeDecodeError, path: Path) -> bool:
    """Whether the file's content is at fault, not its surroundings."""
    code = getattr(error, "sqlite_errorcode", None)  # ours have none, nor has a message of garbage
    if code is None:
        return True
    if code & 0xFF == sqlite3.SQLITE_READONLY:  # said of a file from the future, too
        return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    return code & 0xFF not in _SURROUNDINGS


def _set_aside(path: Path) -> None:
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    path.rename(aside)
    for end in ("-wal", "-shm"):  # parts of the old file, not to be taken for the new one's
        with suppress(FileNotFoundError):
            path.with_name(path.name + end).rename(aside.with_name(aside.name + end))


class Recorded:
    """Answers from the recordings where it can; identical requests in flight make one call.

    ``auto`` asks for what is missing; ``replay`` never asks; ``refresh`` asks once per session for
    everything.
    """

    def __init__(self, lm: LM, store: RecordingStore, *, mode: CacheMode) -> None:
        self._lm = lm
        self._store = store
        self._mode = mode
        self._fresh: set[str] = set()
        self._in_flight: dict[str, asyncio.Future[Completion]] = {}

    async def complete(self, request: Request) -> Completion:
        """A recorded or new answer; in ``replay`` mode an unknown request is missing."""
        key = request.key
        if key in self._in_flight:
            shared = await asyncio.shield(self._in_flight[key])
            return replace(shared, usage=shared.usage.as_replayed)
        if self._mode != "refresh" or key in self._fresh:
            recorded = self._store.get(key)
            if recorded is not None:
                return recorded
        if self._mode == "replay":
            raise MissingAnswerError(
                f"not recorded (--lm-cache=replay): {request.model}, "
                f"{request.messages[-1].content[:200]!r}, key {key[:12]}",
                request=request,
            )
        work = asyncio.ensure_future(self._ask(request, key))
        self._in_flight[key] = work
        work.add_done_callback(lambda done: self._landed(key, done))
        # shielded: the answer is paid for and may be shared, even if who asked first has gone
        return await asyncio.shield(work)

    def _landed(self, key: str, work: asyncio.Future[Completion]) -> None:
        self._in_flight.pop(key, None)
        if not work.cancelled():
            work.exception()  # marks it as seen where everybody who waited was cancelled

    async def _ask(self, request: Request, key: str) -> Completion:
        completion = await self._lm.complete(request)
        self._store.put(request, completion)
        self._fresh.add(key)
        return completion
