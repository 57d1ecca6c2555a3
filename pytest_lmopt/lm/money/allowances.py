"""Allowances: what a ledger lets another machine spend, charged here in one sum before it starts.

There it is a ledger of its own; what comes back unspent is given back.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from pytest_lmopt.errors import BudgetExhaustedError
from pytest_lmopt.lm.money.book import SqliteBook
from pytest_lmopt.lm.money.ledger import Account, Ledger
from pytest_lmopt.lm.money.protocol import Amount, Remarks, Spent
from pytest_lmopt.suites.budget import Budget

FIRST_CALLS = 4
"""Calls granted per example before any example has told how many it needs."""

SLACK = 1.25
"""Calls granted per call expected: some are asked for again."""

_TOO_MUCH = 2**62
NEXT_TO_NOTHING = 1e-9
"""Dollars that pay for free calls only."""


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """Limits of what may be spent elsewhere; None for what has no limit. Calls always have one."""

    calls: int
    tokens: int | None = None
    micro_usd: int | None = None
    seconds: float | None = None

    def ledger(self, owner: str) -> SpendingLedger:
        """The ledger that keeps to it; ``owner`` names it in messages."""
        usd = None
        if self.micro_usd is not None:
            usd = self.micro_usd / 1e6 or NEXT_TO_NOTHING
        budget = Budget(calls=self.calls, tokens=self.tokens, usd=usd, seconds=self.seconds)
        return SpendingLedger([Account(budget, owner=owner, book=SqliteBook())])


@dataclass(frozen=True, kw_only=True)
class Spending:
    """What became of an allowance: ``lost`` of the calls brought no answer.

    ``dearest`` is the most that any one call was, or would have been, reserved at; ``remarks`` are
    those on the usage that providers reported.
    """

    calls: int
    lost: int
    tokens: int
    micro_usd: int
    dearest: Amount
    remarks: tuple[Remarks, ...] = ()

    @property
    def is_sound(self) -> bool:
        """Whether it can be charged: a worker's message is data from another machine."""
        counts = (self.calls, self.lost, self.tokens, self.micro_usd)
        return all(type(count) is int and 0 <= count < _TOO_MUCH for count in counts)


NOTHING = Spending(calls=0, lost=0, tokens=0, micro_usd=0, dearest=Amount())


class SpendingLedger(Ledger):
    """A ledger over an allowance, which says what became of it and then allows no more calls."""

    def __init__(self, accounts: Sequence[Account]) -> None:
        super().__init__(accounts)
        self._ended = False

    def _check(
        self, spent: Sequence[Spent], charge: Amount, least: Callable[[], Amount] | None
    ) -> None:
        """Raise ``BudgetExhaustedError`` after the end, too.

        Runs that were cancelled may have left calls behind that are still to be made.
        """
        if self._ended:
            raise BudgetExhaustedError("the allowance is settled", limit="calls")
        super()._check(spent, charge, least)

    def end(self) -> Spending:
        """End the allowance and say what was spent; calls still under way count as lost."""
        self._ended = True
        spent = self.accounts[0].spent  # what is charged meanwhile is in it, or refused
        return Spending(
            calls=spent.calls,
            lost=self.wasted,
            tokens=spent.tokens,
            micro_usd=spent.micro_usd,
            dearest=self.dearest,
            remarks=tuple(self.accounts[0].book.remarks(self.accounts[0].number)),
        )


@dataclass(frozen=True, kw_only=True)
class Grant:
    """An allowance as it is charged, by the charge's number in the book."""

    number: int
    allowance: Allowance


class Purse:
    """Grants allowances from a ledger, and takes back what is unspent.

    While others are out, one that can't be had in full waits for what they will bring back. Used
    on one event loop.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._out = 0
        self._back = asyncio.Event()
        self._calls_per_example = 0
        self._dearest: Amount | None = None

    def learn(self, calls: int) -> None:
        """Note how many calls a run and its scoring made."""
        self._calls_per_example = max(self._calls_per_example, calls)

    async def grant(self, examples: int, *, tries: int, least: Amount) -> Grant:
        """An allowance for so many examples, larger with each try that did not suffice.

        Raises ``BudgetExhaustedError`` where not even a call of ``least`` can be paid for.
        """
        expected = self._calls_per_example * SLACK or FIRST_CALLS
        calls = math.ceil(examples * expected * 2**tries)
        least = replace(least, tokens=max(1, least.tokens))  # there is no call without a token
        while (granted := self._charge(calls, least)) is None:
            self._back.clear()
            await self._back.wait()
        self._out += 1
        return granted

    def settle(self, grant: Grant, spending: Spending | None) -> None:
        """Charge what was spent in place of the allowance; all of it where nobody can tell."""
        account = self._ledger.accounts[0]
        book = account.book
        if spending is not None and not spending.is_sound:
            spending = None
        if spending is None:
            book.lose(grant.number)
        else:
            book.settle(
                grant.number,
                calls=spending.calls,
                lost=spending.lost,
                tokens=spending.tokens,
                micro_usd=spending.micro_usd,
            )
            for remarks in spending.remarks:
                book.remark(account.number, remarks)
            if spending.dearest.tokens:
                self._dearest = spending.dearest.or_dearer(self._dearest or Amount())
        self._ledger.calls += spending.calls if spending else grant.allowance.calls
        self._out -= 1
        self._back.set()

    def _charge(self, calls: int, least: Amount) -> Grant | None:
        """Charge every account, or None if it would be too little as long as others are out."""
        accounts = self._ledger.accounts
        with accounts[0].book.charging([each.number for each in accounts]) as (spent, charge):
            for account, so_far in zip(accounts, spent, strict=True):
                refusal = account.refusal(so_far, least)
                if refusal is not None and self._out and refusal.limit != "seconds":
                    return None
                if refusal is not None:
                    raise refusal
            left = _left(accounts, spent)
            dearest = self._dearest
            wanted = Allowance(
                calls=calls,
                tokens=calls * dearest.tokens if dearest else None,
                micro_usd=calls * dearest.micro_usd if dearest else None,
            )
            allowance = Allowance(
                calls=calls if left.calls is None else min(calls, left.calls),
                tokens=_share(wanted.tokens, left.tokens),
                micro_usd=_share(wanted.micro_usd, left.micro_usd),
                seconds=left.seconds,
            )
            is_short = (
                allowance.calls < calls
                or (left.tokens is not None and allowance.tokens != wanted.tokens)
                or (left.micro_usd is not None and allowance.micro_usd != wanted.micro_usd)
            )
            if is_short and self._out:
                return None
            number = charge(allowance.calls, allowance.tokens or 0, allowance.micro_usd or 0)
        return Grant(number=number, allowance=allowance)


class _Left(NamedTuple):
    """What all accounts can still pay for; None without a limit."""

    calls: int | None
    tokens: int | None
    micro_usd: int | None
    seconds: float | None


def _left(accounts: Sequence[Account], spent: Sequence[Spent]) -> _Left:
    pairs = [(account.budget, so_far) for account, so_far in zip(accounts, spent, strict=True)]
    calls = [b.calls - s.calls - s.aside.calls for b, s in pairs if b.calls is not None]
    tokens = [b.tokens - s.tokens - s.aside.tokens for b, s in pairs if b.tokens is not None]
    dollars = [
        b.micro_usd - s.micro_usd - s.aside.micro_usd for b, s in pairs if b.micro_usd is not None
    ]
    seconds = [b.seconds - s.seconds for b, s in pairs if b.seconds is not None]
    return _Left(
        min(calls, default=None),
        min(tokens, default=None),
        min(dollars, default=None),
        min(seconds, default=None),
    )


def _share(wanted: int | None, left: int | None) -> int | None:
    """What is granted of a kind: all that is left as long as nobody knows what is wanted."""
    if left is None:
        return None
    return left if wanted is None else min(wanted, left)
