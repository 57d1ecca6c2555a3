"""Turns that all processes of a session share, never more at once than their pace allows.

Each process counts the turns it has out, so that those of a dead one are known and come free. Of
the processes that want a turn the one with the fewest goes first; of several, the one whose last
turn began first.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from dataclasses import replace

from pytest_lmopt.lm.clock import SYSTEM_CLOCK, Clock
from pytest_lmopt.lm.faults.pace import Pace
from pytest_lmopt.lm.processes import alive, own_token
from pytest_lmopt.lm.session_file import SessionFile

LOOK_AGAIN_SECONDS = (0.002, 0.006)
"""At random between these, so that processes don't look in step."""
WANTED_SECONDS = 0.1
"""How long others make way for a process that wanted a turn; then it may want none any more."""


class SharedTurns:
    """One pool of the session's turns, as seen by ``holder``, by default this process."""

    def __init__(
        self,
        file: SessionFile,
        *,
        pool: str,
        most: int,
        holder: str | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._clock = clock
        self.pace = Pace(most=most, limit=most)
        self._file = file
        self._me = pool, holder or own_token()
        self._asked = 0.0
        with file.transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO pools VALUES (?, ?, 0, 0, 0)", (pool, most))
            connection.execute("INSERT OR IGNORE INTO takers VALUES (?, ?, 0, 0, 0)", self._me)

    def take(self, *, more: bool) -> float:
        """As ``Turns`` says."""
        now = self._clock.now()
        if now - self._asked < WANTED_SECONDS / 2:  # the others know: there may be nothing to write
            with self._file.statements() as connection:
                wait = self._wait(connection, now)
            if wait:
                return wait
        with self._file.transaction() as connection:
            wait = self._wait(connection, now)
            if wait and self._free_dead(connection):
                wait = self._wait(connection, now)
            self._asked = now if wait or more else 0.0
            if wait:
                connection.execute(
                    "UPDATE takers SET asked = ? WHERE pool = ? AND holder = ?",
                    (self._asked, *self._me),
                )
            else:
                connection.execute(
                    "UPDATE takers SET out = out + 1, asked = ?, served = ?"
                    " WHERE pool = ? AND holder = ?",
                    (self._asked, now, *self._me),
                )
        return wait

    def give_back(self) -> None:
        """Free a turn."""
        with self._file.statements() as connection:
            connection.execute(
                "UPDATE takers SET out = out - 1 WHERE pool = ? AND holder = ?", self._me
            )

    def change_pace(self, change: Callable[[Pace], Pace]) -> None:
        """Put another pace in place of the present one, for the whole session."""
        with self._file.statements() as connection:
            self.pace = self._pace(connection)
        if change(self.pace) == self.pace:  # mostly: at full speed an answer is no news
            return
        with self._file.transaction() as connection:
            self.pace = pace = change(self._pace(connection))
            connection.execute(
                "UPDATE pools SET width = ?, cuts = ?, rest = ?, closed_until = ? WHERE name = ?",
                (pace.limit, pace.cuts, pace.rest, pace.closed_until, self._me[0]),
            )

    def _wait(self, connection: sqlite3.Connection, now: float) -> float:
        """0.0 if this process may take a turn, or else the seconds until it should look again."""
        self.pace = self._pace(connection)
        look_again = random.uniform(*LOOK_AGAIN_SECONDS)
        if self.pace.closed_until > now:
            return self.pace.closed_until - now + look_again
        takers = connection.execute(
            "SELECT holder, out, served, asked FROM takers WHERE pool = ?", self._me[:1]
        ).fetchall()
        mine = next(taker[1:3] for taker in takers if taker[0] == self._me[1])
        others_first = any(
            asked > now - WANTED_SECONDS and (out, served) < mine
            for _, out, served, asked in takers
        )
        free = int(self.pace.limit) - sum(out for _, out, _, _ in takers)
        return look_again if others_first or free <= 0 else 0.0

    def _pace(self, connection: sqlite3.Connection) -> Pace:
        limit, cuts, rest, closed_until = connection.execute(
            "SELECT width, cuts, rest, closed_until FROM pools WHERE name = ?", self._me[:1]
        ).fetchone()
        return replace(self.pace, limit=limit, cuts=cuts, rest=rest, closed_until=closed_until)

    def _free_dead(self, connection: sqlite3.Connection) -> bool:
        """Take back what processes hold that are no more; whether there was any."""
        takers = connection.execute("SELECT holder FROM takers WHERE pool = ?", self._me[:1])
        dead = [(holder,) for (holder,) in takers if alive(str(holder)) is False]
        connection.executemany("DELETE FROM takers WHERE holder = ?", dead)
        return bool(dead)
