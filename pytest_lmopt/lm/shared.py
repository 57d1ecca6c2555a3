"""What the processes of a session tell each other while they run; none of it outlives them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from pytest_lmopt.lm.faults.pace import Pace


class Turns(Protocol):
    """Turns to be under way, as many at once as their pace allows.

    Those of a process that has ended come free. Used by one thread at a time.
    """

    pace: Pace
    """As last seen: by the last ``take``, where that took a turn."""

    def take(self, *, now: float, more: bool) -> float:
        """Take a turn and return 0.0, or return the seconds after which it may be worth another
        try; a turn given back here is always worth one.

        ``now`` is a ``Clock.monotonic`` time; ``more`` tells whether others wait behind this one.
        """

    def give_back(self) -> None:
        """Free a turn."""

    def change_pace(self, change: Callable[[Pace], Pace]) -> None:
        """Put another pace in place of the present one."""


class Shared(Protocol):
    """How much a session's providers take, and what can't be used, by all that it has learnt."""

    def turns(self, pool: str, *, most: int) -> Turns:
        """This process's view of a pool of turns, the same for all that name it: ``most`` at once,
        in about equal parts where several want some.
        """

    def note_unusable(self, model: str, problem: str) -> None:
        """A model can't be used; the first reason is kept."""

    def unusable(self, model: str) -> str | None:
        """Why a model can't be used, None if nothing is known against it."""
