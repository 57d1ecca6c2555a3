"""Recordings: every answer kept under its request's key, so that none is paid for twice."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from pytest_lmopt.errors import MissingAnswerError
from pytest_lmopt.lm.seam import LM, Completion, Request, Usage, WholeCompletion
from pytest_lmopt.lm.tracing import may_land
from pytest_lmopt.suites.canonical import canonical_json

CacheMode = Literal["auto", "replay", "refresh", "off"]

_BUSY_TIMEOUT_SECONDS = 60.0


class RecordingStore:
    """A SQLite table of answers. A damaged file is set aside under another name and rebuilt."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        try:
            self._database = self._open(path)
        except sqlite3.OperationalError:
            raise  # locked, no folder, no permission: the file itself is not damaged
        except sqlite3.DatabaseError:
            number = 1
            while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
                number += 1
            path.rename(aside)
            self._database = self._open(path)

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
        except sqlite3.DatabaseError:
            database.close()
            raise
        return database

    def get(self, key: str) -> Completion | None:
        """The recorded answer, marked as replayed, or None."""
        with self._lock, closing(self._database.cursor()) as cursor:
            cursor.execute("SELECT answer FROM recordings WHERE key = ?", (key,))
            row = cursor.fetchone()
        if row is None:
            return None
        answer = json.loads(row[0])
        text, usage = answer["text"], Usage(**answer["usage"]).as_replayed
        if "whole" in answer:
            return WholeCompletion(text=text, usage=usage, whole=answer["whole"])
        return Completion(text=text, usage=usage)

    def put(self, request: Request, completion: Completion) -> None:
        """Record an answer, replacing an older one; durable when this returns."""
        asked = canonical_json([request.model, request.messages, dict(request.params)])
        parts = {"text": completion.text, "usage": vars(completion.usage)}
        if isinstance(completion, WholeCompletion):
            parts["whole"] = completion.whole
        answer = canonical_json(parts)
        with self._lock, self._database:
            self._database.execute(
                "INSERT OR REPLACE INTO recordings VALUES (?, ?, ?)", (request.key, asked, answer)
            )

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()


@dataclass(kw_only=True)
class _Flight:
    """A call under way, and how many wait for it."""

    work: asyncio.Future[Completion]
    waiting: int = 0


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
        self._in_flight: dict[str, _Flight] = {}

    async def complete(self, request: Request) -> Completion:
        """A recorded or new answer; in ``replay`` mode an unknown request is missing."""
        key = request.key
        if key in self._in_flight:
            shared = await self._landing(key, self._in_flight[key])
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
        flight = self._in_flight[key] = _Flight(work=work)
        work.add_done_callback(lambda done: self._landed(key, done))
        return await self._landing(key, flight)

    async def _landing(self, key: str, flight: _Flight) -> Completion:
        flight.waiting += 1
        try:
            # shielded: the answer is paid for and may be shared, even if who asked first has gone
            return await asyncio.shield(flight.work)
        except asyncio.CancelledError:
            if flight.waiting == 1 and not may_land():
                self._in_flight.pop(key, None)
                flight.work.cancel()
            raise
        finally:
            flight.waiting -= 1

    def _landed(self, key: str, work: asyncio.Future[Completion]) -> None:
        flight = self._in_flight.get(key)
        if flight is not None and flight.work is work:
            del self._in_flight[key]
        if not work.cancelled():
            work.exception()  # marks it as seen where everybody who waited was cancelled

    async def _ask(self, request: Request, key: str) -> Completion:
        completion = await self._lm.complete(request)
        self._store.put(request, completion)
        self._fresh.add(key)
        return completion
