"""The ledger: a call is paid for before it is made.

Reserve the most a call can cost, ask, settle with what it did cost. Nested budgets are several
accounts: a call is made only if all of them can pay. What is charged stands in the session's book,
which all its processes share.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

from pytest_lmopt.errors import BudgetExhaustedError, ModelError
from pytest_lmopt.lm.money.book import SqliteBook
from pytest_lmopt.lm.money.prices import price
from pytest_lmopt.lm.money.protocol import Book, Spent
from pytest_lmopt.lm.seam import LM, Completion, Request, Usage
from pytest_lmopt.suites.budget import Budget


@dataclass(frozen=True, kw_only=True)
class Charge:
    """What a call may cost: tokens, and millionths of a dollar where dollars are limited."""

    tokens: int
    micro_usd: int


@dataclass(frozen=True, kw_only=True)
class Sitting:
    """For which session, process and purpose accounts are opened.

    With ``resume``, accounts that a session killed earlier opened for the same purpose go on.
    """

    session: str
    pid: int
    purpose: str
    resume: bool


class Account:
    """One budget and what is charged to it; ``owner`` names it in messages.

    Without a book, on file with others, it stands in one of its own process. ``earlier`` counts
    the calls that a killed session had charged to it.
    """

    def __init__(
        self,
        budget: Budget,
        *,
        owner: str,
        book: Book | None = None,
        sitting: Sitting | None = None,
    ) -> None:
        self.budget = budget
        self.owner = owner
        self.book = book or _own_book()
        self.number, self.earlier = self.book.open_account(
            owner=owner,
            budget=str(budget),
            purpose=sitting.purpose if sitting else "",
            session=sitting.session if sitting else secrets.token_hex(8),
            pid=sitting.pid if sitting else 0,
            resume=sitting is not None and sitting.resume,
        )

    @property
    def spent(self) -> Spent:
        """What has been charged to it so far, by any process."""
        return self.book.spent(self.number)

    def refusal(self, spent: Spent, charge: Charge) -> BudgetExhaustedError | None:
        """Why one more call can't be paid for, or None if it can."""
        needs = (
            ("calls", spent.calls + spent.kept + 1, self.budget.calls),
            ("tokens", spent.tokens + charge.tokens, self.budget.tokens),
            ("usd", (spent.micro_usd + charge.micro_usd) / 1e6, self.budget.usd),
            ("seconds", spent.seconds, self.budget.seconds),
        )
        for limit, needed, allowed in needs:
            if allowed is not None and needed > allowed:
                aside = f", {spent.kept} calls being set aside" if spent.kept else ""
                before = (
                    f"; {self.earlier} calls were charged before this run continued a killed one "
                    "(--lm-resume=no starts afresh)"
                    if self.earlier
                    else ""
                )
                return BudgetExhaustedError(
                    f"the budget of {self.owner} ({self.budget}) is used up: the next call could "
                    f"bring it to {needed:g} {limit}{aside}{before}",
                    limit=limit,
                )
        return None


@lru_cache(maxsize=1)
def _own_book() -> Book:
    return SqliteBook()


class Ledger:
    """All accounts a suite's calls are charged to, the suite's own first; all in one book.

    ``calls`` counts the attempts charged through this ledger. Safe to use from several threads.
    """

    def __init__(self, accounts: Sequence[Account]) -> None:
        self.accounts = tuple(accounts)
        self.calls = 0

    @property
    def calls_left(self) -> int | None:
        """Calls that can still be paid for, whatever is set aside; None without a limit."""
        left = [
            account.budget.calls - account.spent.calls
            for account in self.accounts
            if account.budget.calls is not None
        ]
        return min(left, default=None)

    @property
    def granted(self) -> int | None:
        """Calls this ledger may make in all, those it has made included; None without a limit."""
        left = self.calls_left
        return None if left is None else left + self.accounts[0].spent.calls

    @property
    def wasted(self) -> int:
        """Calls charged that brought no answer."""
        account = self.accounts[0] if self.accounts else None
        return account.book.unsettled(account.number) if account else 0

    @property
    def limits_dollars(self) -> bool:
        """Whether any account has a limit in dollars, so that a call needs a price."""
        return any(account.budget.usd is not None for account in self.accounts)

    @contextmanager
    def keeping(self, calls: int) -> Iterator[None]:
        """Set ``calls`` aside: they can't be spent until the block ends."""
        numbers = [account.number for account in self.accounts]
        if not numbers:
            yield
            return
        self.accounts[0].book.keep(numbers, calls)
        try:
            yield
        finally:
            self.accounts[0].book.keep(numbers, 0)

    def reserve(self, charge: Charge) -> int:
        """Charge a call at its most to every account, or raise ``BudgetExhaustedError``.

        Returns the charge's number in the book.
        """
        number = 0
        if self.accounts:
            numbers = [account.number for account in self.accounts]
            with self.accounts[0].book.charging(numbers) as (spent, charge_all):
                for account, so_far in zip(self.accounts, spent, strict=True):
                    refusal = account.refusal(so_far, charge)
                    if refusal is not None:
                        raise refusal
                number = charge_all(1, charge.tokens, charge.micro_usd)
        self.calls += 1
        return number

    def settle(self, number: int, usage: Usage) -> None:
        """Replace a reserved charge by what the call cost."""
        if self.accounts:
            self.accounts[0].book.settle(
                number, tokens=usage.tokens, micro_usd=usage.micro_usd or 0
            )

    def lose(self, number: int) -> None:
        """Keep a charge as it was reserved: the call failed, but may have been billed."""
        if self.accounts:
            self.accounts[0].book.lose(number)


class Metered:
    """Pays for every attempt before it is made.

    A call that fails keeps its reservation: the provider may have billed it.
    """

    def __init__(self, lm: LM, ledger: Ledger) -> None:
        self._lm = lm
        self._ledger = ledger

    async def complete(self, request: Request) -> Completion:
        """Answer within the budget, or raise ``BudgetExhaustedError`` without asking."""
        number = self._ledger.reserve(self._most(request))
        try:
            completion = await self._lm.complete(request)
        except BaseException:
            self._ledger.lose(number)
            raise
        self._ledger.settle(number, completion.usage)
        return completion

    def _most(self, request: Request) -> Charge:
        priced: int | None = 0
        if self._ledger.limits_dollars:
            priced = price(request.model, request.input_bound, request.max_tokens)
        if priced is None:
            raise ModelError(
                f"model {request.model!r} has no price in litellm's table, so a dollar budget "
                "can't be kept; give it one in the ini value lm_prices, or limit calls or tokens",
                model=request.model,
            )
        return Charge(tokens=request.input_bound + request.max_tokens, micro_usd=priced)
