"""What a batch of calls writes to the recordings: answers first, then claims given up and made."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence

from pytest_lmopt.lm.batches import Work
from pytest_lmopt.lm.recordings.answer import dump_answer, dump_request
from pytest_lmopt.wire import Completion, Request


class Put(Work[None]):
    """An answer to record; it ends the claim on its request's key."""

    def __init__(self, request: Request, completion: Completion) -> None:
        super().__init__()
        self.key = request.key
        self.texts = dump_request(request), dump_answer(completion)
        self.result = None


class Claim(Work[bool]):
    """A claim that is made unless another process has it. It need not outlive the machine."""

    durable = False

    def __init__(self, key: str) -> None:
        super().__init__()
        self.key = key


class Release(Work[None]):
    """A claim given up."""

    durable = False
    kept = True

    def __init__(self, key: str) -> None:
        super().__init__()
        self.key = key
        self.result = None


Recording = Put | Claim | Release


def commit_all(
    connection: sqlite3.Connection,
    works: Sequence[Recording],
    *,
    holder: str,
    now: float,
    is_valid: Callable[[str, float], bool],
) -> None:
    """Write a batch within the transaction under way, ``now`` (``Clock.time``).

    ``is_valid`` says whether a claim found, of a holder since a time, keeps ``holder`` from asking.
    """
    puts = [work for work in works if isinstance(work, Put)]
    connection.executemany(
        "INSERT OR REPLACE INTO recordings VALUES (?, ?, ?, ?, ?)",
        [(work.key, *work.texts, now, now) for work in puts],
    )
    connection.executemany("DELETE FROM claims WHERE key = ?", [(work.key,) for work in puts])
    connection.executemany(
        "DELETE FROM claims WHERE key = ? AND holder = ?",
        [(work.key, holder) for work in works if isinstance(work, Release)],
    )
    claims = [work for work in works if isinstance(work, Claim)]
    if not claims:
        return
    found = connection.execute(
        "SELECT CAST(key AS TEXT), CAST(holder AS TEXT), CAST(since AS REAL) FROM claims"
        " WHERE key IN (SELECT value FROM json_each(?))",
        (json.dumps([work.key for work in claims]),),
    ).fetchall()
    taken = {
        key.decode(errors="replace")
        for key, other, since in found
        if is_valid(other.decode(errors="replace"), since)
    }
    for work in claims:
        work.result = work.key not in taken
    connection.executemany(
        "INSERT OR REPLACE INTO claims VALUES (?, ?, ?)",
        [(work.key, holder, now) for work in claims if work.result],
    )
