"""The ledger: a call is paid for before it is made. This one lives in a single process.

Reserve the most a call can cost, ask, settle with what it did cost. Nested budgets are several
accounts: a call is made only if all of them can pay.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from pytest_lmopt.errors import BudgetExhaustedError, ModelError
from pytest_lmopt.lm.providers import price
from pytest_lmopt.lm.seam import LM, Completion, Request, Usage
from pytest_lmopt.suites.budget import Budget


@dataclass(frozen=True, kw_only=True)
class Charge:
    """What a call may cost: tokens, and millionths of a dollar where dollars are limited."""

    tokens: int
    micro_usd: int


class Account:
    """What was reserved and spent against one budget; ``owner`` names it in messages."""

    def __init__(self, budget: Budget, *, owner: str) -> None:
        self.budget = budget
        self.owner = owner
        self.calls = 0
        self.tokens = 0
        self.micro_usd = 0
        self._started: float | None = None

    def refusal(self, charge: Charge, *, kept_calls: int) -> BudgetExhaustedError | None:
        """Why one more call can't be paid for, or None if it can."""
        now = time.monotonic()
        self._started = now if self._started is None else self._started
        needs = (
            ("calls", self.calls + kept_calls + 1, self.budget.calls),
            ("tokens", self.tokens + charge.tokens, self.budget.tokens),
            ("usd", (self.micro_usd + charge.micro_usd) / 1e6, self.budget.usd),
            ("seconds", now - self._started, self.budget.seconds),
        )
        for limit, needed, allowed in needs:
            if allowed is not None and needed > allowed:
                aside = f", {kept_calls} calls being set aside" if kept_calls else ""
                return BudgetExhaustedError(
                    f"the budget of {self.owner} ({self.budget}) is used up: the next call could "
                    f"bring it to {needed:g} {limit}{aside}",
                    limit=limit,
                )
        return None


class Ledger:
    """All accounts a suite's calls are charged to; safe to use from several threads.

    ``calls`` counts the attempts charged through this ledger.
    """

    _lock = threading.Lock()  # accounts are shared between ledgers, so the lock is too

    def __init__(self, accounts: Sequence[Account]) -> None:
        self.accounts = tuple(accounts)
        self.calls = 0
        self._kept_calls = 0

    @property
    def calls_left(self) -> int | None:
        """Calls that can still be paid for, whatever is set aside; None without a limit."""
        left = [
            account.budget.calls - account.calls
            for account in self.accounts
            if account.budget.calls is not None
        ]
        return min(left, default=None)

    @property
    def limits_dollars(self) -> bool:
        """Whether any account has a limit in dollars, so that a call needs a price."""
        return any(account.budget.usd is not None for account in self.accounts)

    @contextmanager
    def keeping(self, calls: int) -> Iterator[None]:
        """Set ``calls`` aside: they can't be spent until the block ends."""
        self._kept_calls += calls
        try:
            yield
        finally:
            self._kept_calls -= calls

    def reserve(self, charge: Charge) -> None:
        """Charge a call at its most to every account, or raise ``BudgetExhaustedError``."""
        with self._lock:
            for account in self.accounts:
                refusal = account.refusal(charge, kept_calls=self._kept_calls)
                if refusal is not None:
                    raise refusal
            self.calls += 1
            for account in self.accounts:
                account.calls += 1
                account.tokens += charge.tokens
                account.micro_usd += charge.micro_usd

    def settle(self, charge: Charge, usage: Usage) -> None:
        """Replace a reserved charge by what the call cost."""
        with self._lock:
            for account in self.accounts:
                account.tokens += usage.tokens - charge.tokens
                account.micro_usd += (usage.micro_usd or 0) - charge.micro_usd


class Metered:
    """Pays for every attempt before it is made.

    A call that fails keeps its reservation: the provider may have billed it.
    """

    def __init__(self, lm: LM, ledger: Ledger) -> None:
        self._lm = lm
        self._ledger = ledger

    async def complete(self, request: Request) -> Completion:
        """Answer within the budget, or raise ``BudgetExhaustedError`` without asking."""
        charge = self._most(request)
        self._ledger.reserve(charge)
        completion = await self._lm.complete(request)
        self._ledger.settle(charge, completion.usage)
        return completion

    def _most(self, request: Request) -> Charge:
        priced: int | None = 0
        if self._ledger.limits_dollars:
            priced = price(request.model, request.input_bound, request.max_tokens)
        if priced is None:
            raise ModelError(
                f"model {request.model!r} has no price in litellm's table, so a dollar budget "
                "can't be kept; limit calls or tokens instead",
                model=request.model,
            )
        return Charge(tokens=request.input_bound + request.max_tokens, micro_usd=priced)
