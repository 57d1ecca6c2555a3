"""The account book in one SQLite file.

A call is charged in one transaction that also checks every account it is charged to, so no two
processes can spend the same remainder. Calls at once share a transaction.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path

from pytest_lmopt.clock import SYSTEM, Clock
from pytest_lmopt.errors import BookError
from pytest_lmopt.lm.batches import Batches
from pytest_lmopt.lm.money.book_tables import (
    SCHEMA,
    Run,
    count,
    entries,
    lose_reserved,
    open_book,
    spent_by,
)
from pytest_lmopt.lm.money.charging import Charging, Reservation, Settlement, commit_all
from pytest_lmopt.lm.money.protocol import Amount, ChargeAll, Decide, Entry, Remarks, Spent
from pytest_lmopt.lm.processes import alive
from pytest_lmopt.lm.sqlite_file import told_as, transaction
from pytest_lmopt.lm.write_ahead_log import WriteAheadLog
from pytest_lmopt.wire import Remark

KEPT_ACCOUNTS = 1_000
"""Closed accounts kept for ``--lm-ledger``; older ones are forgotten with their charges."""


class SqliteBook:
    """One book, on file or, without a path, in memory; safe to use from several threads.

    A damaged file is set aside under another name and an empty book begun; ``notice`` then says so
    in a line, and is empty otherwise. Raises ``BookError`` where the file can't be used for another
    reason: locked, full disk, no permission.
    """

    def __init__(self, path: Path | None = None, *, clock: Clock = SYSTEM) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._path = path
        self.notice = ""
        if path is None:
            self._connection = sqlite3.connect(
                ":memory:", isolation_level=None, check_same_thread=False
            )
            self._connection.executescript(SCHEMA)
            self._file = self._log = None
        else:
            with self._usable():
                self._file = open_book(path)
                self._connection = self._file.connection
                self._log = WriteAheadLog(self._connection, path)
            aside = self._file.set_aside
            if aside is not None:
                self.notice = (
                    f"{path.name} was damaged and is set aside as {aside.name}: what was charged "
                    "before is forgotten, so budgets start afresh, also that of a "
                    "search that was killed"
                )
        self._batches: Batches[Charging] = Batches(self._commit, sync=self._sync, lock=self._lock)

    def open_account(
        self, *, owner: str, budget: str, purpose: str, session: str, holder: str, resume: bool
    ) -> tuple[int, int]:
        """As the protocol says."""
        with self._transaction() as run:
            mine = run(
                "SELECT id, earlier_calls FROM accounts WHERE session = ? AND owner = ?",
                (session, owner),
            ).fetchone()
            if mine is not None:
                return int(mine[0]), int(mine[1])
            left = run(
                "SELECT id, holder, calls FROM accounts WHERE is_open AND owner = ? AND budget = ?"
                " AND purpose = ? ORDER BY id DESC",
                (owner, budget, purpose),
            ).fetchall()
            for number, left_by, calls in left:
                if not resume or alive(str(left_by)):
                    continue
                lose_reserved(run, number)
                # also for suites that are not continued: nobody else would set it free
                run("DELETE FROM aside WHERE ? IN (payer, account)", (number,))
                run(
                    "UPDATE accounts SET session = ?, holder = ?, earlier_calls = calls,"
                    " earlier_seconds = earlier_seconds + ifnull(last_call - first_call, 0),"
                    " first_call = NULL, last_call = NULL WHERE id = ?",
                    (session, holder, number),
                )
                return int(number), int(calls)
            cursor = run(
                "INSERT INTO accounts (session, holder, owner, budget, purpose)"
                " VALUES (?, ?, ?, ?, ?)",
                (session, holder, owner, budget, purpose),
            )
            return int(cursor.lastrowid or 0), 0

    def spent(self, account: int) -> Spent:
        """As the protocol says."""
        with self._transaction(durable=False) as run:
            return spent_by(run, account, self._clock.time())

    @contextmanager
    def charging(self, accounts: Sequence[int]) -> Iterator[tuple[list[Spent], ChargeAll]]:
        """As the protocol says."""
        with self._transaction() as run:
            now = self._clock.time()

            def charge(calls: int, tokens: int, micro_usd: int) -> int:
                for account in accounts:
                    run(
                        "UPDATE accounts SET calls = calls + ?, tokens = tokens + ?,"
                        " micro_usd = micro_usd + ?, first_call = ifnull(first_call, ?),"
                        " last_call = ? WHERE id = ?",
                        (calls, tokens, micro_usd, now, now, account),
                    )
                payers = json.dumps(list(accounts))
                cursor = run(
                    "INSERT INTO charges (payer, accounts, calls, tokens, micro_usd)"
                    " VALUES (?, ?, ?, ?, ?)",
                    (accounts[0], payers, calls, tokens, micro_usd),
                )
                return int(cursor.lastrowid or 0)

            yield [spent_by(run, account, now) for account in accounts], charge

    def keep(self, accounts: Sequence[int], aside: Amount) -> None:
        """As the protocol says."""
        amounts = (aside.calls, aside.tokens, aside.micro_usd)
        with self._transaction() as run:
            run("DELETE FROM aside WHERE payer = ?", (accounts[0],))
            for account in accounts if any(amounts) else ():
                run("INSERT INTO aside VALUES (?, ?, ?, ?, ?)", (account, accounts[0], *amounts))

    async def reserve(self, accounts: Sequence[int], charge: Amount, decide: Decide) -> int:
        """As the protocol says."""
        work = Reservation(accounts, charge, decide)
        if self._file is None:
            self._batches.do(work)
            return work.outcome()
        try:
            await self._batches.soon(work)
        except BaseException:
            if work.committed:  # the call will not be made
                self._batches.later(Settlement(work.result, None))
            raise
        return work.outcome()

    def settle(
        self, charge: int, *, tokens: int, micro_usd: int, calls: int = 1, lost: int = 0
    ) -> None:
        """As the protocol says."""
        spent = Amount(calls=calls, tokens=tokens, micro_usd=micro_usd)
        self._do(Settlement(charge, spent, lost=lost))

    def lose(self, charge: int) -> None:
        """As the protocol says."""
        self._do(Settlement(charge, None))

    def end(self, charge: int, spent: Amount | None) -> None:
        """As the protocol says."""
        self._batches.later(Settlement(charge, spent))

    def remark(self, account: int, remarks: Remarks) -> None:
        """As the protocol says."""
        kind, found, reserved = remarks.first
        with self._transaction(durable=False) as run:
            run(
                "INSERT INTO remarks VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET calls = calls + excluded.calls",
                (account, remarks.model, kind, found, reserved, remarks.calls),
            )

    def remarks(self, account: int) -> list[Remarks]:
        """As the protocol says."""
        with self._transaction(durable=False) as run:
            rows = run(
                "SELECT model, kind, found, reserved, calls FROM remarks WHERE payer = ?"
                " ORDER BY model, kind",
                (account,),
            ).fetchall()
        return [
            Remarks(model=model, first=Remark(*first), calls=calls) for model, *first, calls in rows
        ]

    def unsettled(self, account: int) -> int:
        """As the protocol says."""
        with self._transaction(durable=False) as run:
            return count(run, account, "reserved") + count(run, account, "lost")

    def close_accounts(self, session: str) -> None:
        """As the protocol says."""
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
            for table in ("charges", "aside", "remarks"):
                run(f"DELETE FROM {table} WHERE payer NOT IN (SELECT id FROM accounts)")

    def entries(self, last: int) -> list[Entry]:
        """As the protocol says."""
        with self._transaction(durable=False) as run:
            return entries(run, last, self._clock.time())

    def close(self) -> None:
        """As the protocol says."""
        with suppress(BookError):  # what is not settled stays reserved
            self._batches.flush()
        with self._lock:
            if self._log is not None:
                self._log.close()
            self._connection.close()
            if self._file is not None:
                self._file.close()

    @contextmanager
    def _transaction(self, *, durable: bool = True) -> Iterator[Run]:
        """All or nothing; ``durable`` ones wait for the disk, the others are safe from a kill.

        Settlements that wait come first.
        """
        self._batches.flush()
        with self._lock, self._usable(), transaction(self._connection):
            yield self._connection.execute
        if durable:
            self._sync()

    def _do(self, work: Charging) -> None:
        self._batches.do(work)
        work.outcome()

    def _commit(self, works: Sequence[Charging]) -> None:
        with self._usable(), transaction(self._connection):
            commit_all(self._connection.execute, works, self._clock.time())

    def _sync(self) -> None:
        if self._log is not None:
            with self._usable():
                self._log.sync()

    def _usable(self) -> AbstractContextManager[None]:
        return nullcontext() if self._path is None else told_as(BookError, self._path)
