"""Progress while suites run: workers tell it, and the session's owner shows it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest

from pytest_lmopt.clock import SYSTEM, Clock
from pytest_lmopt.plugin.options import in_ci
from pytest_lmopt.plugin.screen import Screen
from pytest_lmopt.plugin.session import LmSession, clock_key

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

    from pytest_lmopt.blocks.board import Board
    from pytest_lmopt.blocks.progress import Progress, Tracker
    from pytest_lmopt.stores.protocol import SharedStore, Stores

LOOK_SECONDS = 0.25
TELL_SECONDS = 0.5
"""How often a worker tells how far it is, if that has changed."""
PERIOD_SECONDS = 30.0
"""Between lines where the output is no terminal, or none that a line can be erased on."""
END_SECONDS = 5.0
"""The longest wait for a thread's end, should the ledger be locked just then."""
LOG_WIDTH = 300


class Every:
    """Does something again and again, on a thread of its own, until it fails or is ended."""

    def __init__(self, seconds: float, work: Callable[[], None], *, at_once: bool = False) -> None:
        self._pause = 0.0 if at_once else seconds
        self._seconds = seconds
        self._work = work
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lmopt-progress", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Do it no more."""
        self._ended.set()
        self._thread.join(END_SECONDS)

    def _run(self) -> None:
        while not self._ended.wait(self._pause):
            self._pause = self._seconds
            try:
                self._work()
            except Exception:
                return  # who can't be told about progress can do without


class Display:
    """Shows how far suites are: live on a terminal, elsewhere in a line now and then."""

    def __init__(self, screen: Screen, *, live: bool, clock: Clock = SYSTEM) -> None:
        self._clock = clock
        self._screen = screen
        self.live = live
        self._read: Callable[[], Sequence[Progress]] = list
        self._then: Callable[[], object] = list
        self._every: Every | None = None
        self._due = 0.0

    def begin(
        self,
        read: Callable[[], Sequence[Progress]],
        then: Callable[[], object] = list,
    ) -> None:
        """Show what ``read`` brings, and do something ``then``, at the end; no effect if begun."""
        if self._every is not None:
            return
        self._read, self._then = read, then
        self._due = self._due or self._clock.monotonic() + PERIOD_SECONDS
        self._screen.offer()
        self._every = Every(LOOK_SECONDS, self._look)

    def say(self, line: str) -> None:
        """Write a line that stays, past pytest's capturing."""
        from pytest_lmopt.safe_text import shown

        self._screen.tell(shown(line))

    def end(self) -> None:
        """Leave the screen as if there had been nothing."""
        if self._every is not None:
            self._every.end()
            self._every = None
            self._screen.give_back()
            self._then()

    def close(self) -> None:
        """Show nothing ever again."""
        self.end()
        self._screen.close()

    def _look(self) -> None:
        from pytest_lmopt.reports.progress_line import progress_line
        from pytest_lmopt.safe_text import without_commands

        if self.live:
            line = progress_line(self._read(), now=self._clock.time(), width=self._screen.width)
            self._screen.show(without_commands(line))
        elif self._clock.monotonic() >= self._due:
            self._due = self._clock.monotonic() + PERIOD_SECONDS
            for progress in self._read():
                line = progress_line([progress], now=self._clock.time(), width=LOG_WIDTH)
                self._screen.tell(without_commands(line))


display_key = pytest.StashKey[Display]()


def display(config: pytest.Config) -> Display | None:
    """The display for a session, put into its stash; None with ``-q``, or without pytest's own."""
    reporter: TerminalReporter | None = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or config.get_verbosity() < 0:
        return None
    isatty: Any = reporter.isatty  # no method before pytest 8.3
    live = (
        (isatty() if callable(isatty) else isatty)
        and os.name == "posix"
        and os.environ.get("TERM", "dumb") != "dumb"
        and config.getoption("capture") != "no"  # tests write where they like
        and not in_ci()
    )
    config.stash[display_key] = Display(
        Screen(reporter._tw), live=live, clock=config.stash.get(clock_key, SYSTEM)
    )
    return config.stash[display_key]


def say(config: pytest.Config, line: str) -> None:
    """Write a line on a session's display, if there is one."""
    found = config.stash.get(display_key, None)
    if found is not None:
        found.say(line)


class WorkersProgress:
    """What the workers of a session tell, once there is any."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._shared: SharedStore | None = None

    def read(self) -> Sequence[Progress]:
        """Of all suites under way."""
        if self._shared is None:
            if not self._stores.is_shared:
                return ()
            # not the one of the session, which only its main thread opens and closes
            self._shared = self._stores.open_shared()
        return self._shared.board.read()

    def close(self) -> None:
        """Let go of what the workers share."""
        if self._shared is not None:
            self._shared.close()


@contextmanager
def watched(config: pytest.Config, session: LmSession, tracker: Tracker) -> Iterator[None]:
    """Let a suite's progress be seen while it runs."""
    shown = config.stash.get(display_key, None)
    if session.is_worker and session.shared is not None and config.get_verbosity() >= 0:
        with _told(session.shared.board, session.worker, tracker):
            yield
    elif shown is not None:
        shown.begin(lambda: [tracker.now()])
        try:
            yield
        finally:
            shown.end()
    else:
        yield


@contextmanager
def _told(board: Board, worker: str, tracker: Tracker) -> Iterator[None]:
    from pytest_lmopt.errors import SessionFileError

    last: Progress | None = None

    def tell() -> None:
        nonlocal last
        if (now := tracker.now()) != last:
            board.put(worker, now)
            last = now

    every = Every(TELL_SECONDS, tell, at_once=True)
    try:
        yield
    finally:
        every.end()
        with suppress(SessionFileError):
            board.remove(worker)


def watch_workers(session: LmSession, shown: Display) -> None:
    """Show what the workers tell, from now to the display's end."""
    told = WorkersProgress(session.stores)
    shown.begin(told.read, then=told.close)
