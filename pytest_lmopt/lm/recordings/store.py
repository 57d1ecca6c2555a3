"""The recordings in one SQLite file: answers by their request's key."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, closing, suppress
from pathlib import Path
from typing import Any

from pytest_lmopt.clock import SYSTEM, Clock
from pytest_lmopt.errors import RecordingsError
from pytest_lmopt.lm.batches import Batches
from pytest_lmopt.lm.processes import alive, own_token
from pytest_lmopt.lm.recordings.answer import (
    load_answer,
    load_request,
    storable,
)
from pytest_lmopt.lm.recordings.closest import COMPARED
from pytest_lmopt.lm.recordings.recording import Claim, Put, Recording, Release, commit_all
from pytest_lmopt.lm.recordings.rescue import readable_rows
from pytest_lmopt.lm.sqlite_file import (
    Database,
    columns_of,
    if_alone,
    named_holders,
    open_versions,
    told_as,
    transaction,
)
from pytest_lmopt.lm.write_ahead_log import WriteAheadLog
from pytest_lmopt.wire import Completion, Request

CLAIM_SECONDS = 900.0
"""A claim older than any call with all its retries is void, though its holder still runs."""

UNSEEN_SECONDS = 150.0
"""A claim is void so soon if its holder can't be seen: one attempt takes less, with its retries it
may be asked twice.
"""

LANDING_SECONDS = 3.0

_LOOKED_AT = 5_000
"""Recordings among which those of one model are looked for."""
_MOST_BYTES = 10_000_000
"""Size of the requests to compare with; one with an image may have a million."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS recordings
    (key TEXT PRIMARY KEY, request TEXT NOT NULL, answer TEXT NOT NULL,
     made REAL NOT NULL DEFAULT 0, used REAL NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS claims (key TEXT PRIMARY KEY, holder TEXT NOT NULL, since REAL NOT NULL);
CREATE TABLE IF NOT EXISTS places (place TEXT, key TEXT, PRIMARY KEY (place, key)) WITHOUT ROWID;
"""


def open_recordings(path: Path) -> Database:
    """The store's file; see ``open_versions``."""
    return open_versions(path, _SCHEMA, _add_times, named_holders("claims"))


def _add_times(connection: sqlite3.Connection) -> None:
    """Give a table of the first version its columns ``made`` and ``used``."""
    if [*dict(columns_of(connection, "recordings"))] == ["key", "request", "answer"]:
        for name in ("made", "used"):
            connection.execute(f"ALTER TABLE recordings ADD COLUMN {name} REAL NOT NULL DEFAULT 0")


class SqliteRecordings:
    """Answers in a file; what is claimed is claimed by ``holder``, by default this process.

    A damaged file is set aside under another name and begun anew with the answers that can still
    be read; ``notice`` then says so in a line, and is empty otherwise. Raises ``RecordingsError``
    where the file can't be used for another reason: locked, no folder, no permission.
    """

    def __init__(self, path: Path, *, holder: str | None = None, clock: Clock = SYSTEM) -> None:
        self._lock = threading.Lock()
        self._landed = threading.Condition(self._lock)
        self._clock = clock
        self._path = path
        self._given_holder = holder
        self._used: set[str] = set()
        self._claims: set[str] = set()
        with self._usable():
            self._database = open_recordings(path)
        self._connection = self._database.connection
        self._log = WriteAheadLog(self._connection, path)
        self._batches: Batches[Recording] = Batches(self._commit, sync=self._sync, lock=self._lock)
        # what is no UTF-8 must not keep a row from being fetched
        self._connection.text_factory = bytes
        try:
            with self._usable():
                self.notice = self._begin(path)
        except BaseException:
            self._database.close()
            raise

    def _begin(self, path: Path) -> str:
        """Put in order what others left; the notice to give."""
        with if_alone(self._database) as alone:
            if alone:  # then no process is left that could bring an answer
                self._connection.execute("DELETE FROM claims")
        aside = self._database.set_aside
        if aside is None:
            return ""
        return (
            f"{path.name} was damaged and is set aside as {aside.name}; "
            f"{self._take_over(aside)} of its answers were still readable and are kept"
        )

    @property
    def _holder(self) -> str:
        return self._given_holder or own_token()  # asked each time: the process may have forked

    def get(self, key: str, *, since: float = 0.0) -> Completion | None:
        """As the protocol says."""
        with self._lock, self._usable():
            row = self._connection.execute(
                "SELECT answer FROM recordings WHERE key = ? AND made >= ?", (key, since)
            ).fetchone()
            if row is None:
                return None
            self._used.add(key)
        return load_answer(row[0])

    def recent(self, model: str | None) -> Sequence[Request]:
        """As the protocol says: of the newest in all."""
        begin = "" if model is None else f"{storable([model])[:-1]},"
        texts: list[bytes] = []
        query = (
            "SELECT request FROM (SELECT request FROM recordings ORDER BY rowid DESC LIMIT ?)"
            " WHERE substr(request, 1, ?) = ? LIMIT ?"
        )
        values = _LOOKED_AT, len(begin), begin, COMPARED
        with (
            self._lock,
            self._usable(),
            closing(self._connection.execute(query, values)) as rows,
        ):
            for (text,) in rows:
                texts.append(text)
                if sum(map(len, texts)) > _MOST_BYTES:
                    break
        return [request for text in texts if (request := load_request(text)) is not None]

    def put(self, request: Request, completion: Completion) -> None:
        """As the protocol says."""
        self._do(Put(request, completion))

    async def aput(self, request: Request, completion: Completion) -> None:
        """As the protocol says."""
        await self._soon(Put(request, completion))

    def claim(self, key: str) -> bool:
        """As the protocol says."""
        return bool(self._do(Claim(key)))

    async def aclaim(self, key: str) -> bool:
        """As the protocol says."""
        work = Claim(key)
        try:
            return bool(await self._soon(work))
        except BaseException:
            if work.committed and work.result:
                self.end_claim(key)
            raise

    def release(self, key: str) -> None:
        """As the protocol says."""
        self._do(Release(key))

    def end_claim(self, key: str) -> None:
        """As the protocol says."""
        if key in self._claims:  # else an answer has ended it
            self._batches.later(Release(key))

    def note_places(self, keys: Iterable[tuple[str, str]]) -> None:
        """As the protocol says."""
        with self._lock, self._usable(), transaction(self._connection):
            self._connection.executemany("INSERT OR IGNORE INTO places VALUES (?, ?)", keys)

    def keys_at(self, place: str) -> list[str]:
        """As the protocol says."""
        with self._lock, self._usable():
            rows = self._connection.execute(
                "SELECT CAST(key AS TEXT) FROM places WHERE place = ?", (place,)
            )
            return [key.decode(errors="replace") for (key,) in rows]

    def is_empty(self) -> bool:
        """As the protocol says."""
        with self._lock, self._usable():
            found = self._connection.execute("SELECT 1 FROM recordings LIMIT 1").fetchone()
        return found is None

    def note_use(self) -> None:
        """As the protocol says."""
        if not self._used:
            return
        with self._lock, self._usable(), transaction(self._connection):
            now = self._clock.time()
            self._connection.executemany(
                "UPDATE recordings SET used = ? WHERE key = ?", [(now, key) for key in self._used]
            )
            self._used.clear()

    def close(self) -> None:
        """As the protocol says."""
        with suppress(RecordingsError):  # a full disk: claims end when all have closed the file
            self._batches.flush()
        with self._landed:
            self._landed.wait_for(lambda: not self._claims, LANDING_SECONDS)
            try:
                with suppress(sqlite3.Error):
                    if self._claims:
                        query = "DELETE FROM claims WHERE holder = ?"
                        self._connection.execute(query, (self._holder,))
            finally:
                self._log.close()
                self._database.close()

    def _usable(self) -> AbstractContextManager[None]:
        return told_as(RecordingsError, self._path)

    def _do(self, work: Recording) -> Any:
        self._batches.do(work)
        return work.outcome()

    async def _soon(self, work: Recording) -> Any:
        await self._batches.soon(work)
        return work.outcome()

    def _commit(self, works: Sequence[Recording]) -> None:
        with self._usable(), transaction(self._connection):
            commit_all(
                self._connection,
                works,
                holder=self._holder,
                now=self._clock.time(),
                is_valid=self._is_valid,
            )
        for work in works:
            if not isinstance(work, Claim):
                self._claims.discard(work.key)
            elif work.result:
                self._claims.add(work.key)
        self._landed.notify_all()

    def _sync(self) -> None:
        with self._usable():
            self._log.sync()

    def _is_valid(self, holder: str, since: float) -> bool:
        """Whether a claim keeps this process from asking."""
        age = self._clock.time() - since
        if holder == self._holder or abs(age) >= CLAIM_SECONDS:
            return False
        runs = alive(holder)
        return age < UNSEEN_SECONDS if runs is None else runs

    def _take_over(self, aside: Path) -> int:
        now = self._clock.time()
        with transaction(self._connection):
            return sum(
                self._connection.execute(
                    "INSERT OR IGNORE INTO recordings VALUES (?, ?, ?, 0, ?)", (*row, now)
                ).rowcount
                for row in readable_rows(aside)
            )
