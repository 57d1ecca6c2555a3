"""All that a backend has to bring: whoever writes one implements ``Stores`` and what it opens.

``Recordings``, ``Book``, ``Queue``, ``Turns`` and ``Shared`` each say what their words mean; none
knows where it is kept. ``StoresConformance`` in ``tests/conformance`` tries them all.
"""

from __future__ import annotations

from typing import Protocol

from pytest_lmopt.blocks.board import Board
from pytest_lmopt.blocks.queue import Queue
from pytest_lmopt.lm.money.protocol import Book
from pytest_lmopt.lm.recordings.protocol import Pruned, Recordings
from pytest_lmopt.lm.shared import Shared


class SharedStore(Shared, Protocol):
    """What lasts as long as a session: turns, unusable models, its suites' blocks and progress.

    Raises ``SessionFileError`` where it can't be used.
    """

    @property
    def queue(self) -> Queue:
        """The queue that lanes take blocks from."""

    @property
    def board(self) -> Board:
        """Where workers tell how far they are."""

    def close(self) -> None:
        """Let go of it; the session's other processes still have it."""


class Stores(Protocol):
    """A project's stores, as one process of a session has them.

    All processes that open the same stores see the same content, at once. Several threads may use
    what is opened. A store that is damaged is begun anew, with a ``notice`` that says so.
    """

    def open_recordings(self) -> Recordings:
        """The recorded answers, none yet at first."""

    def recordings_size(self) -> int:
        """The bytes that they take; 0 where there are none."""

    def prune_recordings(self, limit: int, *, in_use_since: float) -> Pruned:
        """Drop the recordings not used for longest until they take at most ``limit`` bytes.

        What was used since ``in_use_since`` (``Clock.time`` seconds) stays, whatever its size.
        """

    @property
    def has_book(self) -> bool:
        """Whether there is a book already: asking does not begin one."""

    def open_book(self) -> Book:
        """The account book, begun where there is none yet."""

    def open_passing_book(self) -> Book:
        """A book that ends with the session, for all its processes."""

    @property
    def is_shared(self) -> bool:
        """Whether a process of this session has opened its shared store."""

    def open_shared(self) -> SharedStore:
        """The session's shared store, begun where there is none yet."""
