"""The account book: who may spend how much, and every call charged.

All processes of a session write to the same book. A charge is *reserved* while its call is under
way, then *settled* at what the call cost, or *lost* if no answer came. It may stand for several
calls, made on another machine. Times are seconds since the epoch, prices millionths of a dollar.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from pytest_lmopt.wire import Remark

ChargeAll = Callable[[int, int, int], int]
"""(calls, tokens, micro_usd) → number of the charge."""


@dataclass(frozen=True, kw_only=True)
class Amount:
    """Calls, tokens, and millionths of a dollar: what a call may cost, or a run took, say."""

    calls: int = 0
    tokens: int = 0
    micro_usd: int = 0

    def or_dearer(self, other: Amount) -> Amount:
        """The larger of the two, each kind for itself."""
        return Amount(
            calls=max(self.calls, other.calls),
            tokens=max(self.tokens, other.tokens),
            micro_usd=max(self.micro_usd, other.micro_usd),
        )


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What an account has been charged; ``seconds`` since its first call.

    ``aside`` is kept for later, and nobody may spend it yet. The time between a session that was
    killed and the one that continues it is left out.
    """

    calls: int
    tokens: int
    micro_usd: int
    seconds: float
    aside: Amount = field(default_factory=Amount)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An account as the book shows it: its calls by what became of them.

    ``first`` and ``last`` are when it was charged, ``first`` since it was ``continued`` if it was;
    None before the first charge.
    """

    owner: str
    budget: str
    is_open: bool
    spent: Spent
    settled: int
    lost: int
    reserved: int
    continued: bool
    first: float | None
    last: float | None


@dataclass(frozen=True, kw_only=True)
class Remarks:
    """Remarks of one kind on the usage that a model reported: the first, and how many ``calls``."""

    model: str
    first: Remark
    calls: int


Decide = Callable[[Sequence[Spent]], None]
"""Raises where accounts that have spent this can't pay for a call."""


class Book(Protocol):
    """The accounts of all sessions. An account is named by its number, and so is a charge.

    Raises ``BookError`` where it can't be used.
    """

    notice: str
    """What befell the book, in a line; empty mostly."""

    def open_account(
        self, *, owner: str, budget: str, purpose: str, session: str, holder: str, resume: bool
    ) -> tuple[int, int]:
        """Number of a session's account for ``owner``, and the calls charged to it before.

        ``holder`` is the token of the process that owns the session. With ``resume``, an account
        for the same purpose that a dead session left open is continued: what it has spent stays
        spent, what was set aside by it, or in it by any other, is free. So is that of a session
        whose process can't be seen from here: if it still runs, both keep to one budget.
        """

    def spent(self, account: int) -> Spent:
        """What an account has been charged so far."""

    def charging(
        self, accounts: Sequence[int]
    ) -> AbstractContextManager[tuple[list[Spent], ChargeAll]]:
        """A transaction for a charge: what each account has spent, and how to charge them all.

        No other process charges before the block ends, and the charge is durable then. Nothing is
        charged if the block raises.
        """

    async def reserve(self, accounts: Sequence[int], charge: Amount, decide: Decide) -> int:
        """Charge all accounts, unless ``decide`` raises; number of the charge, durable by then.

        Calls at once are charged together, each decided alone by what those before it have left.
        Where that fails, the error is raised for all of them. May be called on any event loop, and
        needs no other to go on.
        """

    def keep(self, accounts: Sequence[int], aside: Amount) -> None:
        """Set this aside in these accounts for the first of them, in place of what it had kept.

        ``Amount()`` sets it free again.
        """

    def settle(
        self, charge: int, *, tokens: int, micro_usd: int, calls: int = 1, lost: int = 0
    ) -> None:
        """Replace a reservation by what its calls cost, of which ``lost`` brought no answer."""

    def lose(self, charge: int) -> None:
        """Keep a reservation for good: its calls failed, but may have been billed."""

    def end(self, charge: int, spent: Amount | None) -> None:
        """Settle a call at what it cost, or keep its reservation where that is None.

        Does not wait for the file: the next reservation, from whatever process, comes after it, and
        so does what this book is asked next.
        """

    def remark(self, account: int, remarks: Remarks) -> None:
        """Note remarks on calls of which this account is the first payer."""

    def remarks(self, account: int) -> list[Remarks]:
        """The remarks on calls of which this account is the first payer, by model and kind."""

    def unsettled(self, account: int) -> int:
        """Calls of which this account is the first payer that were not settled."""

    def close_accounts(self, session: str) -> None:
        """End a session in order: its accounts are continued by none, what is reserved is lost.

        Accounts that were closed long ago may be forgotten, with their charges.
        """

    def entries(self, last: int) -> list[Entry]:
        """The ``last`` accounts, oldest first."""

    def close(self) -> None:
        """Let go of it."""
