"""How far a suite has come, for whoever watches it; it does nothing for those who don't."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import NamedTuple

from pytest_lmopt.clock import SYSTEM, Clock
from pytest_lmopt.lm.money.ledger import Account
from pytest_lmopt.stats.running import RunningMean


class Best(NamedTuple):
    """The best so far, by name: a score, or a ``gain`` over the incumbent, and its interval."""

    name: str
    value: float
    low: float
    high: float
    gain: bool


class Spending(NamedTuple):
    """Spent so far of one kind (``calls``, ``tokens``, ``usd``, ``seconds``), and the limit."""

    kind: str
    spent: float
    limit: float | None


class Running(NamedTuple):
    """An example whose run has not ended, and the Unix time at which it began."""

    example: str
    began: float


@dataclass(frozen=True, kw_only=True)
class Progress:
    """One suite at one moment; moments are Unix times.

    ``done`` of ``of`` runs are complete in this phase, the last at ``done_at``; ``of`` may yet
    grow. ``longest`` is the run that has taken longest of those under way.
    """

    suite: str
    began: float
    phase: str = ""
    phase_began: float = 0.0
    done: int = 0
    done_at: float = 0.0
    of: int = 0
    best: Best | None = None
    spending: tuple[Spending, ...] = ()
    longest: Running | None = None

    def to_text(self) -> str:
        """For another process."""
        return json.dumps(asdict(self))

    @staticmethod
    def from_text(text: str) -> Progress:
        """What ``to_text`` wrote."""
        plain = json.loads(text)
        best = Best(*plain.pop("best")) if plain["best"] else plain.pop("best")
        longest = Running(*plain.pop("longest")) if plain["longest"] else plain.pop("longest")
        spending = tuple(Spending(*each) for each in plain.pop("spending"))
        return Progress(**plain, best=best, spending=spending, longest=longest)


class Tracker:
    """Follows one suite; what it is told costs nothing until somebody asks for ``now``.

    Told by one thread, asked by any. ``longest`` finds the run that has taken longest.
    """

    def __init__(
        self,
        suite: str,
        accounts: Sequence[Account] = (),
        clock: Clock = SYSTEM,
        *,
        longest: Callable[[], tuple[str, float] | None] = lambda: None,
    ) -> None:
        self._clock = clock
        self._longest = longest
        self._accounts = accounts
        self._progress = Progress(suite=suite, began=self._clock.time())
        self._scores: RunningMean | None = None

    def begin(self, phase: str, *, of: int = 0, scored: bool = False) -> None:
        """Begin a phase of at least ``of`` runs; whether the mean of its scores is the best."""
        self._scores = RunningMean() if scored else None
        self._progress = replace(
            self._progress, phase=phase, phase_began=self._clock.time(), done=0, of=of
        )

    def expect(self, runs: int) -> None:
        """So many runs come next."""
        progress = self._progress
        self._progress = replace(progress, of=max(progress.of, progress.done + runs))

    def add(self, runs: int, scores: Sequence[float]) -> None:
        """So many runs are complete, and with them the examples that have these scores."""
        if self._scores is not None:
            self._scores = self._scores.of_more(scores)
        done = self._progress.done + runs
        self._progress = replace(self._progress, done=done, done_at=self._clock.time())

    def lead(self, best: Best) -> None:
        """Something is the best so far."""
        self._progress = replace(self._progress, best=best)

    def now(self) -> Progress:
        """How far it has come."""
        progress, scores = self._progress, self._scores
        if scores is not None and scores.n:
            best = Best("score", scores.mean, *scores.interval, gain=False)
            progress = replace(progress, best=best)
        found = self._longest()
        return replace(
            progress,
            spending=tuple(spending(self._accounts)),
            longest=Running(*found) if found else None,
        )


def spending(accounts: Sequence[Account]) -> list[Spending]:
    """What was spent, of each kind by the account closest to its limit.

    Of kinds without a limit, calls and dollars are the first account's.
    """
    charged = [(account.budget, account.spent) for account in accounts]
    amounts: dict[str, Callable[[int], float]] = {
        "calls": lambda place: charged[place][1].calls,
        "tokens": lambda place: charged[place][1].tokens,
        "usd": lambda place: charged[place][1].micro_usd / 1e6,
        "seconds": lambda place: charged[place][1].seconds,
    }
    found = []
    for kind, amount in amounts.items():
        limited = [
            Spending(kind, amount(place), limit)
            for place, (budget, _) in enumerate(charged)
            if (limit := getattr(budget, kind)) is not None
        ]
        if limited:
            found.append(max(limited, key=lambda each: each.spent / (each.limit or 1)))
        elif charged and kind in ("calls", "usd") and amount(0):
            found.append(Spending(kind, amount(0), None))
    return found
