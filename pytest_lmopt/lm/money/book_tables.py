"""The account book's tables, and what is read from them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from pytest_lmopt.lm.money.protocol import Amount, Entry, Spent
from pytest_lmopt.lm.sqlite_file import (
    Database,
    Kinds,
    columns_of,
    named_holders,
    open_versions,
    wrong_cell,
)

Run = Callable[..., sqlite3.Cursor]
"""Executes one statement of the transaction under way."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS accounts (
    id INTEGER PRIMARY KEY,
    session TEXT NOT NULL,
    holder TEXT NOT NULL,
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
    micro_usd INTEGER NOT NULL,
    calls INTEGER NOT NULL DEFAULT 1
);
CREATE TABLE IF NOT EXISTS aside (
    account INTEGER NOT NULL,
    payer INTEGER NOT NULL,
    calls INTEGER NOT NULL,
    tokens INTEGER NOT NULL,
    micro_usd INTEGER NOT NULL,
    PRIMARY KEY (account, payer)
);
CREATE TABLE IF NOT EXISTS remarks (
    payer INTEGER NOT NULL,
    model TEXT NOT NULL,
    kind TEXT NOT NULL,
    found TEXT NOT NULL,
    reserved INTEGER NOT NULL,
    calls INTEGER NOT NULL,
    PRIMARY KEY (payer, model, kind)
);
CREATE INDEX IF NOT EXISTS charges_by_payer ON charges (payer, state);
"""


_NUMBER, _TEXT, _TIME = ("integer",), ("text",), ("null", "real", "integer")
_KINDS: Kinds = {
    "accounts": {
        **dict.fromkeys(("session", "owner", "budget", "purpose"), _TEXT),
        **dict.fromkeys(("is_open", "calls", "tokens", "micro_usd", "earlier_calls"), _NUMBER),
        "earlier_seconds": ("real", "integer"),
        **dict.fromkeys(("first_call", "last_call"), _TIME),
    },
    "charges": {
        **dict.fromkeys(("accounts", "state"), _TEXT),
        **dict.fromkeys(("payer", "calls", "tokens", "micro_usd"), _NUMBER),
    },
    "aside": dict.fromkeys(("account", "payer", "calls", "tokens", "micro_usd"), _NUMBER),
    "remarks": {
        **dict.fromkeys(("model", "kind", "found"), _TEXT),
        **dict.fromkeys(("payer", "reserved", "calls"), _NUMBER),
    },
}


def open_book(path: Path) -> Database:
    """The book's file; see ``open_versions``."""
    return open_versions(path, SCHEMA, _add_calls, named_holders("accounts"), check=_check)


def _check(connection: sqlite3.Connection) -> str:
    """What is wrong with a book's cells, empty if nothing is."""
    problem = wrong_cell(connection, _KINDS)
    if not problem and "accounts" in dict(columns_of(connection, "charges")):
        query = (
            "SELECT 1 FROM charges WHERE NOT json_valid(accounts)"
            " OR EXISTS (SELECT 1 FROM json_each(charges.accounts) AS each"
            " WHERE each.type != 'integer') OR json_type(accounts) != 'array' LIMIT 1"
        )
        if connection.execute(query).fetchone() is not None:
            return "charges.accounts: expected a list of numbers"
    return problem


def _add_calls(connection: sqlite3.Connection) -> None:
    """Give a book of the first version the charges' column ``calls``."""
    if "calls" not in dict(columns_of(connection, "charges")):
        connection.execute("ALTER TABLE charges ADD COLUMN calls INTEGER NOT NULL DEFAULT 1")


def spent_by(run: Run, account: int, now: float) -> Spent:
    """Sum what an account has been charged so far, ``now`` (as ``Clock.date`` counts)."""
    calls, tokens, micro_usd, earlier, first = run(
        "SELECT calls, tokens, micro_usd, earlier_seconds, first_call FROM accounts WHERE id = ?",
        (account,),
    ).fetchone()
    seconds = max(0.0, earlier + (now - first if first is not None else 0.0))
    aside = run(
        "SELECT ifnull(sum(calls), 0), ifnull(sum(tokens), 0), ifnull(sum(micro_usd), 0)"
        " FROM aside WHERE account = ?",
        (account,),
    ).fetchone()
    return Spent(
        # an earlier version charged what a provider reported, be it negative
        calls=max(0, calls),
        tokens=max(0, tokens),
        micro_usd=max(0, micro_usd),
        seconds=seconds,
        aside=Amount(calls=aside[0], tokens=aside[1], micro_usd=aside[2]),
    )


def count(run: Run, account: int, state: str) -> int:
    """Calls charged to an account, as first payer, in one state."""
    query = "SELECT ifnull(sum(calls), 0) FROM charges WHERE payer = ? AND state = ?"
    return int(run(query, (account, state)).fetchone()[0])


def counts(run: Run) -> dict[tuple[int, str], int]:
    """Calls charged to each account, whoever paid first, by their state."""
    rows = run(
        "SELECT each.value, state, sum(calls) FROM charges, json_each(charges.accounts) AS each"
        " GROUP BY each.value, state"
    ).fetchall()
    return {(int(account), state): int(calls) for account, state, calls in rows}


def lose_reserved(run: Run, account: int) -> None:
    """Give up the calls that a dead process had under way."""
    run("UPDATE charges SET state = 'lost' WHERE payer = ? AND state = 'reserved'", (account,))


def entries(run: Run, last: int, now: float) -> list[Entry]:
    """List the ``last`` accounts, oldest first, as they stand ``now``."""
    rows = run(
        "SELECT id, owner, budget, is_open, earlier_calls, first_call, last_call FROM accounts"
        " ORDER BY id DESC LIMIT ?",
        (last,),
    ).fetchall()
    calls = counts(run)
    return [
        Entry(
            owner=owner,
            budget=budget,
            is_open=bool(is_open),
            spent=spent_by(run, number, now),
            settled=calls.get((number, "settled"), 0),
            lost=calls.get((number, "lost"), 0),
            reserved=calls.get((number, "reserved"), 0),
            continued=earlier > 0,
            first=first_call,
            last=last_call,
        )
        for number, owner, budget, is_open, earlier, first_call, last_call in reversed(rows)
    ]
