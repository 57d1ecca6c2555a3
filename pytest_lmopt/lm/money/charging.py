"""What a batch of calls writes to the account book: settlements first, then reservations."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from pytest_lmopt.lm.batches import Work
from pytest_lmopt.lm.money.book_tables import Run, spent_by
from pytest_lmopt.lm.money.protocol import Amount, Decide, Spent


class Reservation(Work[int]):
    """A call to be charged to ``accounts``, unless ``decide`` says why not."""

    def __init__(self, accounts: Sequence[int], charge: Amount, decide: Decide) -> None:
        super().__init__()
        self.accounts = tuple(accounts)
        self.charge = charge
        self.decide = decide


class Settlement(Work[None]):
    """What the calls of a charge cost, or None if they failed and keep their reservation."""

    durable = False  # lost with the machine, it leaves its reservation: that is the safe side
    kept = True

    def __init__(self, charge: int, spent: Amount | None, *, lost: int = 0) -> None:
        super().__init__()
        self.charge = charge
        self.spent = spent
        self.lost = lost
        self.result = None


Charging = Reservation | Settlement


def commit_all(run: Run, works: Iterable[Charging], now: float) -> None:
    """Write a batch within the transaction under way, ``now`` (``Clock.time``)."""
    settlements = [work for work in works if isinstance(work, Settlement)]
    reservations = [work for work in works if isinstance(work, Reservation)]
    if settlements:
        _settle(run, settlements, now)
    if reservations:
        _reserve(run, reservations, now)


def _settle(run: Run, settlements: Sequence[Settlement], now: float) -> None:
    found = run(
        "SELECT id, payer, accounts, calls, tokens, micro_usd FROM charges"
        " WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps([work.charge for work in settlements]),),
    ).fetchall()
    charges = {number: fields for number, *fields in found}
    changes: dict[int, list[int]] = defaultdict(lambda: [0, 0, 0])
    for work in settlements:
        if work.charge not in charges:  # forgotten, with its account
            continue
        payer, accounts, *reserved = charges[work.charge]
        if work.spent is None:
            run("UPDATE charges SET state = 'lost' WHERE id = ?", (work.charge,))
            continue
        spent = [work.spent.calls, work.spent.tokens, work.spent.micro_usd]
        for account in json.loads(accounts):
            for place, (new, old) in enumerate(zip(spent, reserved, strict=True)):
                changes[account][place] += new - old
        charges[work.charge][2:] = spent
        run(
            "UPDATE charges SET state = 'settled', calls = ?, tokens = ?, micro_usd = ?"
            " WHERE id = ?",
            (spent[0] - work.lost, *spent[1:], work.charge),
        )
        if work.lost:
            run(
                "INSERT INTO charges (payer, accounts, state, calls, tokens, micro_usd)"
                " VALUES (?, ?, 'lost', ?, 0, 0)",
                (payer, accounts, work.lost),
            )
    for account, change in changes.items():
        run(
            "UPDATE accounts SET calls = calls + ?, tokens = tokens + ?,"
            " micro_usd = micro_usd + ?, last_call = ? WHERE id = ?",
            (*change, now, account),
        )


def _reserve(run: Run, reservations: Sequence[Reservation], now: float) -> None:
    """Decide each alone, by what those before it have left."""
    spent: dict[int, Spent] = {}
    rows: list[tuple[object, ...]] = []
    (last,) = run("SELECT ifnull(max(id), 0) FROM charges").fetchone()
    before: dict[int, Spent] = {}
    for work in reservations:
        for account in work.accounts:
            if account not in spent:
                spent[account] = before[account] = spent_by(run, account, now)
        try:
            work.decide([spent[account] for account in work.accounts])
        except Exception as error:
            work.error = error
            continue
        charge = work.charge
        for account in work.accounts:
            spent[account] = _plus(spent[account], charge)
        work.result = last = last + 1
        amounts = charge.calls, charge.tokens, charge.micro_usd
        rows.append((last, work.accounts[0], json.dumps(work.accounts), *amounts))
    for account, total in spent.items():
        if total is before[account]:
            continue
        run(
            "UPDATE accounts SET calls = calls + ?, tokens = tokens + ?,"
            " micro_usd = micro_usd + ?, first_call = ifnull(first_call, ?),"
            " last_call = ? WHERE id = ?",
            (*_difference(total, before[account]), now, now, account),
        )
    for row in rows:
        run(
            "INSERT INTO charges (id, payer, accounts, calls, tokens, micro_usd)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            row,
        )


def _plus(spent: Spent, charge: Amount) -> Spent:
    return replace(
        spent,
        calls=spent.calls + charge.calls,
        tokens=spent.tokens + charge.tokens,
        micro_usd=spent.micro_usd + charge.micro_usd,
    )


def _difference(spent: Spent, before: Spent) -> tuple[int, int, int]:
    return (
        spent.calls - before.calls,
        spent.tokens - before.tokens,
        spent.micro_usd - before.micro_usd,
    )
