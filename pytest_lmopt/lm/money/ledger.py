"""The ledger: a call is paid for before it is made.

Reserve the most a call can cost, ask, settle with what it did cost. Nested budgets are several
accounts: a call is made only if all of them can pay. What is charged stands in the session's book,
which all its processes share.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

from pytest_lmopt.errors import BudgetExhaustedError
from pytest_lmopt.lm.money.book import SqliteBook
from pytest_lmopt.lm.money.protocol import Amount, Book, Remarks, Spent
from pytest_lmopt.lm.processes import own_token
from pytest_lmopt.suites.budget import Budget, plain
from pytest_lmopt.wire import Remark, Usage


@dataclass(frozen=True, kw_only=True)
class Sitting:
    """For which session, process (by its token) and purpose accounts are opened.

    With ``resume``, accounts that a session killed earlier opened for the same purpose go on.
    """

    session: str
    holder: str
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
        self.book = book or process_book()
        self.number, self.earlier = self.book.open_account(
            owner=owner,
            budget=str(budget),
            purpose=sitting.purpose if sitting else "",
            session=sitting.session if sitting else secrets.token_hex(8),
            holder=sitting.holder if sitting else own_token(),
            resume=sitting is not None and sitting.resume,
        )

    @property
    def spent(self) -> Spent:
        """What has been charged to it so far, by any process."""
        return self.book.spent(self.number)

    def refusal(
        self, spent: Spent, charge: Amount, least: Callable[[], Amount] | None = None
    ) -> BudgetExhaustedError | None:
        """Why one more call can't be paid for, or None if it can.

        ``least`` is what it would cost if its answer might have a single token.
        """
        kept, budget = spent.aside, self.budget
        pairs = (
            ("calls", spent.calls, 1, kept.calls, budget.calls),
            ("tokens", spent.tokens, charge.tokens, kept.tokens, budget.tokens),
            ("usd", spent.micro_usd, charge.micro_usd, kept.micro_usd, budget.micro_usd),
            ("seconds", spent.seconds, 0, 0, budget.seconds),
        )
        for limit, so_far, more, later, allowed in pairs:
            if allowed is None or so_far + more + later <= allowed:
                continue
            left = max(0, allowed - so_far - later)
            if limit in ("tokens", "usd"):
                smallest = getattr(least(), _FIELDS[limit]) if least is not None else 1
                problem = self._too_much(limit, more, left, later, shorter_helps=smallest <= left)
            elif later and so_far < allowed:
                problem = (
                    f"the {_shown(limit, allowed - so_far)} left of {self.owner}'s budget "
                    f"({self.budget}) are set aside for later; raise {limit}"
                )
            else:
                problem = (
                    f"the budget of {self.owner} ({self.budget}) is used up: "
                    f"{_shown(limit, so_far)} so far; raise {limit}"
                )
            before = (
                f"; {self.earlier} calls were charged before this run continued a killed one "
                "(--lm-resume=no starts afresh)"
                if self.earlier
                else ""
            )
            return BudgetExhaustedError(f"{problem}{before}", limit=limit)
        return None

    def _too_much(
        self, limit: str, more: float, left: float, later: float, *, shorter_helps: bool
    ) -> str:
        aside = f" beside the {_shown(limit, later)} set aside for later" if later else ""
        advice = "lower max_tokens or " if shorter_helps else ""
        verb = "cost" if limit == "usd" else "take"
        return (
            f"the next call may {verb} up to {_shown(limit, more)}, more than the "
            f"{_shown(limit, left)} left of {self.owner}'s budget{aside}; "
            f"{advice}raise {limit}"
        )


def _line(remarks: Remarks) -> str:
    _, found, reserved = remarks.first
    many = remarks.calls > 1
    calls = f"{remarks.calls:,} calls (the first: " if many else "a call ("
    what, charged = {
        "above": ("more than was reserved", "reported"),
        "not believed": ("a usage that can't be right", "reserved"),
    }[remarks.first.kind]
    return (
        f"{remarks.model} reported {what} for {calls}{found}, {reserved:,} tokens reserved); "
        f"charged as {charged}"
    )


_FIELDS = {"tokens": "tokens", "usd": "micro_usd"}


def _shown(limit: str, amount: float) -> str:
    """An amount of that kind, dollars given in millionths."""
    if limit == "usd":
        return f"${plain(amount / 1e6)}"
    shown = f"{amount:,.1f}" if limit == "seconds" else f"{amount:,}"
    return f"{shown} {limit.removesuffix('s') if amount == 1 else limit}"


@lru_cache(maxsize=1)
def process_book() -> Book:
    """The book of this process alone, in memory."""
    return SqliteBook()


class Ledger:
    """All accounts a suite's calls are charged to, the suite's own first; all in one book.

    ``calls`` counts the attempts charged through this ledger, ``dearest`` is the most that any of
    them was, or would have been, reserved at, and ``ended`` counts those settled or lost. Safe to
    use from several threads and event loops.
    """

    def __init__(self, accounts: Sequence[Account]) -> None:
        self.accounts = tuple(accounts)
        self.calls = 0
        self.dearest = Amount()
        self.ended = 0
        self._lock = threading.RLock()  # a call that is collected meanwhile is lost
        self._granted = 0
        self._under_way: set[int] = set()

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

    @property
    def under_way(self) -> bool:
        """Whether a call is reserved that may turn out cheaper."""
        return bool(self._under_way or self._granted)

    @property
    def remarks(self) -> list[str]:
        """A line for each kind of remark on the usage that providers reported."""
        account = self.accounts[0] if self.accounts else None
        return [_line(each) for each in account.book.remarks(account.number)] if account else []

    def keep(self, aside: Amount) -> None:
        """Set this aside, in place of what was before; ``keeping`` sets it free."""
        if self.accounts:
            self.accounts[0].book.keep([account.number for account in self.accounts], aside)

    @contextmanager
    def keeping(self, aside: Amount) -> Iterator[None]:
        """Set this aside: it can't be spent until the block ends."""
        self.keep(aside)
        try:
            yield
        finally:
            self.keep(Amount())

    def reserve(self, charge: Amount, least: Callable[[], Amount] | None = None) -> int:
        """Charge a call at its most to every account, or raise ``BudgetExhaustedError``.

        ``least`` is as in ``Account.refusal``. Returns the charge's number in the book.
        """
        number = 0
        self._note(charge)
        if self.accounts:
            numbers = [account.number for account in self.accounts]
            with self.accounts[0].book.charging(numbers) as (spent, charge_all):
                self._check(spent, charge, least)
                number = charge_all(1, charge.tokens, charge.micro_usd)
        self._begun(number)
        return number

    async def areserve(self, charge: Amount, least: Callable[[], Amount] | None = None) -> int:
        """Reserve as ``reserve`` does, in one transaction with the calls that come at once."""
        self._note(charge)
        if not self.accounts:
            self._begun(0)
            return 0
        granted = False

        def decide(spent: Sequence[Spent]) -> None:
            nonlocal granted
            self._check(spent, charge, least)
            with self._lock:
                granted = True
                self._granted += 1

        numbers = [account.number for account in self.accounts]
        call = Amount(calls=1, tokens=charge.tokens, micro_usd=charge.micro_usd)
        try:
            number = await self.accounts[0].book.reserve(numbers, call, decide)
            self._begun(number)
        finally:
            if granted:
                with self._lock:
                    self._granted -= 1
        return number

    def settle(self, number: int, usage: Usage) -> None:
        """Replace a reserved charge by what the call cost, without waiting for the file."""
        self._end(number, Amount(calls=1, tokens=usage.tokens, micro_usd=usage.micro_usd or 0))

    def remark(self, model: str, remark: Remark) -> None:
        """Note what there was to remark on the usage reported of a call."""
        if self.accounts:
            account = self.accounts[0]
            account.book.remark(account.number, Remarks(model=model, first=remark, calls=1))

    def lose(self, number: int) -> None:
        """Keep a charge as it was reserved: the call failed, but may have been billed."""
        self._end(number, None)

    def _check(
        self, spent: Sequence[Spent], charge: Amount, least: Callable[[], Amount] | None
    ) -> None:
        """Raise where an account can't pay."""
        for account, so_far in zip(self.accounts, spent, strict=True):
            refusal = account.refusal(so_far, charge, least)
            if refusal is not None:
                raise refusal

    def _note(self, charge: Amount) -> None:
        with self._lock:
            self.dearest = self.dearest.or_dearer(charge)

    def _begun(self, number: int) -> None:
        with self._lock:
            self.calls += 1
            self._under_way.add(number)

    def _end(self, number: int, spent: Amount | None) -> None:
        if self.accounts:
            self.accounts[0].book.end(number, spent)
        with self._lock:
            self._under_way.discard(number)
            self.ended += 1
