"""The queue from which all lanes of a suite take blocks: one leads, the others help.

The interface, and what each word means, comes first; SQLite below it. Workers are named by the
session; a job and its result are text. What a lost worker held is taken by another.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

from pytest_lmopt.lm.session_file import SessionFile

MOST_LOSSES = 3
"""So many workers may be lost with one block, or leading one suite; then it is given up."""


class Part(StrEnum):
    """What a lane is to do for its suite."""

    LEAD = "lead"
    HELP = "help"
    NOTHING = "nothing"
    """The suite is finished."""
    GIVE_UP = "give up"
    """As ``LEAD``, only to say that too many workers were lost with it."""


class Result(NamedTuple):
    """What became of a block: its result, or None where only the leader can tell.

    ``losses`` counts the workers that were lost while they had it.
    """

    text: str | None
    losses: int


class Standing(NamedTuple):
    """Who leads a suite, or led it to its end; nobody if the leader was lost.

    ``left`` are the jobs that the leader lost last was at work on.
    """

    leader: str | None
    finished: bool
    left: tuple[str, ...] = ()


class Queue(Protocol):
    """Blocks of all suites of a session, shared by its processes."""

    def enter(self, suite: str, worker: str) -> Part:
        """What a worker that comes to a suite is to do; the first to come leads."""

    def publish(self, suite: str, jobs: Sequence[str]) -> list[int]:
        """Offer jobs; returns their numbers, which are also the order they are taken in.

        No number is given twice: a worker may still hold a job that was withdrawn.
        """

    def take(self, suite: str, worker: str, *, leaving: int = 0) -> tuple[int, str] | None:
        """A job for this worker, if more than ``leaving`` are open."""

    def hand_in(self, number: int, worker: str, result: str | None) -> None:
        """Settle a job that this worker holds; None leaves it to the leader."""

    def collect(self, numbers: Collection[int]) -> dict[int, Result]:
        """The settled ones among these jobs, which are then forgotten."""

    def withdraw(self, numbers: Collection[int]) -> None:
        """Take these jobs back: nobody needs their results."""

    def wanted(self, suite: str, numbers: Collection[int]) -> set[int] | None:
        """Which of these jobs are still wanted; None once nobody leads the suite any more."""

    def finish(self, suite: str, worker: str) -> None:
        """End a suite that this worker leads: lanes that come later have nothing to do."""

    def lose(self, worker: str) -> None:
        """What a worker that is gone had taken is open again; what it led, nobody leads."""

    def standing(self, suite: str) -> Standing | None:
        """How a suite stands; None if no lane has come to it yet."""


_SCHEMA = """
CREATE TABLE IF NOT EXISTS suites (name TEXT PRIMARY KEY, leader TEXT, losses INTEGER NOT NULL,
                                   finished INTEGER NOT NULL, left_jobs TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS jobs (number INTEGER PRIMARY KEY AUTOINCREMENT, suite TEXT NOT NULL,
                                 job TEXT NOT NULL, worker TEXT, losses INTEGER NOT NULL DEFAULT 0,
                                 settled INTEGER NOT NULL DEFAULT 0, result TEXT);
CREATE INDEX IF NOT EXISTS open_jobs ON jobs (suite, number) WHERE worker IS NULL;
"""


class SqliteQueue:
    """A queue in the session's file."""

    def __init__(self, file: SessionFile) -> None:
        self._file = file
        file.add(_SCHEMA)

    def enter(self, suite: str, worker: str) -> Part:
        """As the protocol says."""
        with self._file.transaction() as connection:
            run = connection.execute
            run("INSERT OR IGNORE INTO suites VALUES (?, ?, 0, 0, '[]')", (suite, worker))
            leader, losses, finished = run(
                "SELECT leader, losses, finished FROM suites WHERE name = ?", (suite,)
            ).fetchone()
            if finished:
                return Part.NOTHING
            if leader not in (worker, None):
                return Part.HELP
            run("DELETE FROM jobs WHERE suite = ?", (suite,))
            run("UPDATE suites SET leader = ? WHERE name = ?", (worker, suite))
            return Part.LEAD if losses < MOST_LOSSES else Part.GIVE_UP

    def publish(self, suite: str, jobs: Sequence[str]) -> list[int]:
        """As the protocol says."""
        with self._file.transaction() as connection:
            insert = "INSERT INTO jobs (suite, job) VALUES (?, ?)"
            cursors = [connection.execute(insert, (suite, job)) for job in jobs]
            return [cursor.lastrowid or 0 for cursor in cursors]

    def take(self, suite: str, worker: str, *, leaving: int = 0) -> tuple[int, str] | None:
        """As the protocol says."""
        query = (
            "SELECT number, job FROM jobs WHERE suite = ? AND worker IS NULL ORDER BY number"
            " LIMIT ?"
        )
        with self._file.statements() as connection:
            # most looks find nothing: they must not wait for others to write
            if connection.execute(query, (suite, 1)).fetchone() is None:
                return None
        with self._file.transaction() as connection:
            rows = connection.execute(query, (suite, leaving + 1)).fetchall()
            if len(rows) <= leaving:
                return None
            number, job = rows[0]
            connection.execute("UPDATE jobs SET worker = ? WHERE number = ?", (worker, number))
        return int(number), str(job)

    def hand_in(self, number: int, worker: str, result: str | None) -> None:
        """As the protocol says."""
        with self._file.statements() as connection:
            connection.execute(
                "UPDATE jobs SET settled = 1, result = ?"
                " WHERE number = ? AND worker = ? AND NOT settled",
                (result, number, worker),
            )

    def collect(self, numbers: Collection[int]) -> dict[int, Result]:
        """As the protocol says."""
        if not numbers:
            return {}
        some = f"number IN ({','.join(map(str, numbers))})"
        with self._file.statements() as connection:
            rows = connection.execute(
                f"SELECT number, result, losses FROM jobs WHERE {some}"
                f" AND (settled OR losses >= {MOST_LOSSES})"
            ).fetchall()
        found = {int(number): Result(result, losses) for number, result, losses in rows}
        if found:
            self.withdraw(found)
        return found

    def withdraw(self, numbers: Collection[int]) -> None:
        """As the protocol says."""
        with self._file.transaction() as connection:
            connection.executemany(
                "DELETE FROM jobs WHERE number = ?", [(number,) for number in numbers]
            )

    def wanted(self, suite: str, numbers: Collection[int]) -> set[int] | None:
        """As the protocol says."""
        standing = self.standing(suite)
        if standing is None or standing.finished or standing.leader is None:
            return None
        some = f"number IN ({','.join(map(str, numbers))})"
        with self._file.statements() as connection:
            rows = connection.execute(f"SELECT number FROM jobs WHERE {some}").fetchall()
        return {int(number) for (number,) in rows}

    def finish(self, suite: str, worker: str) -> None:
        """As the protocol says."""
        with self._file.statements() as connection:
            connection.execute(
                "UPDATE suites SET finished = 1 WHERE name = ? AND leader = ?", (suite, worker)
            )

    def lose(self, worker: str) -> None:
        """As the protocol says."""
        with self._file.transaction() as connection:
            run = connection.execute
            run(
                "UPDATE suites SET left_jobs = (SELECT json_group_array(job) FROM jobs"
                " WHERE suite = name AND worker = leader AND NOT settled) WHERE leader = ?",
                (worker,),
            )
            run(
                "UPDATE jobs SET worker = NULL, losses = losses + 1"
                " WHERE worker = ? AND NOT settled",
                (worker,),
            )
            run(
                "UPDATE suites SET leader = NULL, losses = losses + 1"
                " WHERE leader = ? AND NOT finished",
                (worker,),
            )

    def standing(self, suite: str) -> Standing | None:
        """As the protocol says."""
        with self._file.statements() as connection:
            row = connection.execute(
                "SELECT leader, finished, left_jobs FROM suites WHERE name = ?", (suite,)
            ).fetchone()
        return None if row is None else Standing(row[0], bool(row[1]), tuple(json.loads(row[2])))
