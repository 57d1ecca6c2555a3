"""The account book: who may spend how much, and every call charged, in one SQLite file.

All processes of a session write to the same book. A call is charged in one transaction that also
checks every account it is charged to, so no two processes can spend the same remainder. Times are
seconds since the epoch, prices millionths of a dollar.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_lmopt.lm.processes import alive
from pytest_lmopt.lm.sqlite_file import open_database

KEPT_ACCOUNTS = 1_000
"""Closed accounts kept for ``--lm-ledger``; older ones are forgotten with their charges."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS accounts (
    id INTEGER PRIMARY KEY,
    session TEXT NOT NULL,
    pid INTEGER NOT NULL,
    owner TEXT NOT NULL,
    budget TEXT NOT NULL,
    purpose TEXT NOT NULL,
    is_open INTEGER NOT NULL DEFAULT 1,
    calls INTEGER NOT NULL DEFAULT 0,
    tokens INTEGER NOT NULL DEFAULT 0,
    micro_usd INTEGER NOT NULL DEFAULT 0,
    earlier_calls INTEGER NOT NULL DEFAULT 0,
    earlier_seconds REAL NOT NULL DEFAULT 0,
    first_call REAL,
    last_call REAL
);
CREATE TABLE IF NOT EXISTS charges (
    id INTEGER PRIMARY KEY,
    payer INTEGER NOT NULL,
    accounts TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'reserved',
    tokens INTEGER NOT NULL,
    micro_usd INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS charges_by_payer ON charges (payer, state);
"""


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What an account has been charged; ``seconds`` since its first call.

    The time between a session that was killed and the one that continues it is left out.
    """

    calls: int
    tokens: int
    micro_usd: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An account as the book shows it: its charges by what became of them."""

    owner: str
    budget: str
    is_open: bool
    spent: Spent
    settled: int
    lost: int
    reserved: int


class Book:
    """One book, on file or, without a path, in memory; safe to use from several threads."""

    def __init__(self, path: Path | None = None) -> None:
        self._lock = threading.Lock()
        if path is None:
            self._connection = sqlite3.connect(
                ":memory:", isolation_level=None, check_same_thread=False
            )
            self._connection.executescript(_SCHEMA)
            self._file = None
        else:
            self._file = open_database(path, _SCHEMA)
            self._connection = self._file.connection

    def open_account(
        self, *, owner: str, budget: str, purpose: str, session: str, pid: int, resume: bool
    ) -> tuple[int, int]:
        """Number of a session's account for ``owner``, and the calls charged to it before.

        With ``resume``, an account for the same purpose that a dead session left open is
        continued: what it has spent stays spent.
        """
        with self._transaction() as run:
            mine = run(
                "SELECT id, earlier_calls FROM accounts WHERE session = ? AND owner = ?",
                (session, owner),
            ).fetchone()
            if mine is not None:
                return int(mine[0]), int(mine[1])
            left = run(
                "SELECT id, pid, calls FROM accounts WHERE is_open AND owner = ? AND budget = ?"
                " AND purpose = ? ORDER BY id DESC",
                (owner, budget, purpose),
            ).fetchall()
            for number, holder, calls in left:
                if not resume or alive(holder):
                    continue
                _lose_reserved(run, number)
                run(
                    "UPDATE accounts SET session = ?, pid = ?, earlier_calls = calls,"
                    " earlier_seconds = earlier_seconds + ifnull(last_call - first_call, 0),"
                    " first_call = NULL, last_call = NULL WHERE id = ?",
                    (session, pid, number),
                )
                return int(number), int(calls)
            cursor = run(
                "INSERT INTO accounts (session, pid, owner, budget, purpose)"
                " VALUES (?, ?, ?, ?, ?)",
                (session, pid, owner, budget, purpose),
            )
            return int(cursor.lastrowid or 0), 0

    def spent(self, account: int) -> Spent:
        """What an account has been charged so far."""
        with self._transaction() as run:
            return _spent(run, account)

    @contextmanager
    def charging(self, accounts: Sequence[int]) -> Iterator[tuple[list[Spent], Any]]:
        """A transaction for one call: what each account has spent, and how to charge them all.

        The second value is a function (tokens, micro_usd) → number of the charge. Nothing is
        charged if the block raises.
        """
        with self._transaction() as run:
            now = time.time()

            def charge(tokens: int, micro_usd: int) -> int:
                for account in accounts:
                    run(
                        "UPDATE accounts SET calls = calls + 1, tokens = tokens + ?,"
                        " micro_usd = micro_usd + ?, first_call = ifnull(first_call, ?),"
                        " last_call = ? WHERE id = ?",
                        (tokens, micro_usd, now, now, account),
                    )
                cursor = run(
                    "INSERT INTO charges (payer, accounts, tokens, micro_usd) VALUES (?, ?, ?, ?)",
                    (accounts[0], json.dumps(list(accounts)), tokens, micro_usd),
                )
                return int(cursor.lastrowid or 0)

            yield [_spent(run, account) for account in accounts], charge

    def settle(self, charge: int, *, tokens: int, micro_usd: int) -> None:
        """Replace a reservation by what the call cost."""
        with self._transaction() as run:
            accounts, old_tokens, old_price = run(
                "SELECT accounts, tokens, micro_usd FROM charges WHERE id = ?", (charge,)
            ).fetchone()
            for account in json.loads(accounts):
                run(
                    "UPDATE accounts SET tokens = tokens + ?, micro_usd = micro_usd + ?,"
                    " last_call = ? WHERE id = ?",
                    (tokens - old_tokens, micro_usd - old_price, time.time(), account),
                )
            run(
                "UPDATE charges SET state = 'settled', tokens = ?, micro_usd = ? WHERE id = ?",
                (tokens, micro_usd, charge),
            )

    def lose(self, charge: int) -> None:
        """Keep a reservation for good: the call failed, but may have been billed."""
        with self._transaction() as run:
            run("UPDATE charges SET state = 'lost' WHERE id = ?", (charge,))

    def unsettled(self, account: int) -> int:
        """Charges of which this account is the first payer that were not settled."""
        with self._transaction() as run:
            return _count(run, account, "reserved") + _count(run, account, "lost")

    def close_accounts(self, session: str) -> None:
        """End a session in order: its accounts are continued by none, what is reserved is lost."""
        with self._transaction() as run:
            run("UPDATE accounts SET is_open = 0 WHERE session = ?", (session,))
            run(
                "UPDATE charges SET state = 'lost' WHERE state = 'reserved' AND payer IN"
                " (SELECT id FROM accounts WHERE session = ?)",
                (session,),
            )
            run(
                "DELETE FROM accounts WHERE NOT is_open"
                " AND id <= (SELECT max(id) FROM accounts) - ?",
                (KEPT_ACCOUNTS,),
            )
            run("DELETE FROM charges WHERE payer NOT IN (SELECT id FROM accounts)")

    def entries(self, last: int) -> list[Entry]:
        """The ``last`` accounts, oldest first."""
        with self._transaction() as run:
            rows = run(
                "SELECT id, owner, budget, is_open FROM accounts ORDER BY id DESC LIMIT ?", (last,)
            ).fetchall()
            return [
                Entry(
                    owner=owner,
                    budget=budget,
                    is_open=bool(is_open),
                    spent=_spent(run, number),
                    settled=_count(run, number, "settled"),
                    lost=_count(run, number, "lost"),
                    reserved=_count(run, number, "reserved"),
                )
                for number, owner, budget, is_open in reversed(rows)
            ]

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()
            if self._file is not None:
                self._file.close()

    @contextmanager
    def _transaction(self) -> Iterator[Any]:
        with self._lock:
            run = self._connection.execute
            run("BEGIN IMMEDIATE")
            try:
                yield run
            except BaseException:
                run("ROLLBACK")
                raise
            run("COMMIT")


def _spent(run: Any, account: int) -> Spent:
    calls, tokens, micro_usd, earlier, first = run(
        "SELECT calls, tokens, micro_usd, earlier_seconds, first_call FROM accounts WHERE id = ?",
        (account,),
    ).fetchone()
    seconds = earlier + (time.time() - first if first is not None else 0.0)
    return Spent(calls=calls, tokens=tokens, micro_usd=micro_usd, seconds=seconds)


def _count(run: Any, account: int, state: str) -> int:
    return int(
        run(
            "SELECT count(*) FROM charges WHERE payer = ? AND state = ?", (account, state)
        ).fetchone()[0]
    )


def _lose_reserved(run: Any, account: int) -> None:
    run("UPDATE charges SET state = 'lost' WHERE payer = ? AND state = 'reserved'", (account,))
