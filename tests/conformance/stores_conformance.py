"""What a backend must do: all contracts of its parts, and what holds of them together.

A backend's test class inherits ``StoresConformance`` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from conformance.book_conformance import BookConformance, account, charge
from conformance.processes import OTHER, OWN
from conformance.queue_conformance import QueueConformance
from conformance.recordings_conformance import (
    ASKED,
    USAGE,
    RecordingsConformance,
    RecordingsOf,
)
from conformance.shared_conformance import SharedConformance, SharedOf
from doubles.manual_clock import ManualClock

from pytest_lmopt import Completion
from pytest_lmopt.blocks.progress import Progress
from pytest_lmopt.blocks.queue import Queue
from pytest_lmopt.lm.money.protocol import Book
from pytest_lmopt.stores.protocol import SharedStore, Stores

StoresOf = Callable[[str], Stores]
QUESTIONS = [replace(ASKED, repeat=number) for number in range(300)]


def kept(stores: Stores) -> list[int]:
    """Which of the questions have an answer."""
    with closing(stores.open_recordings()) as recordings:
        return [asked.repeat for asked in QUESTIONS if recordings.get(asked.key) is not None]


class StoresConformance(
    RecordingsConformance, BookConformance, QueueConformance, SharedConformance
):
    """Inherit, and give the fixtures ``stores_of``: one project's stores, empty at first, for one
    session, as the process with that token has them; and ``impatient``, as recordings want it.
    """

    @pytest.fixture
    def clock(self) -> ManualClock:
        """The stores' clock."""
        return ManualClock()

    @pytest.fixture
    def stores(self, stores_of: StoresOf) -> Stores:
        """As this process has them."""
        return stores_of(OWN)

    @pytest.fixture
    def recordings_of(self, stores_of: StoresOf) -> RecordingsOf:
        """The stores' recordings."""
        return lambda holder: stores_of(holder).open_recordings()

    @pytest.fixture
    def shared_of(self, stores_of: StoresOf) -> SharedOf:
        """The stores' shared one."""
        return lambda holder: stores_of(holder).open_shared()

    @pytest.fixture
    def queues(self, shared: tuple[SharedStore, SharedStore]) -> tuple[Queue, Queue]:
        """The shared stores' queue."""
        return shared[0].queue, shared[1].queue

    @pytest.fixture
    def books(self, stores_of: StoresOf) -> Iterator[tuple[Book, Book]]:
        """The stores' book."""
        with closing(stores_of(OWN).open_book()) as one, closing(stores_of(OTHER).open_book()) as b:
            yield one, b

    def test_nothing_is_begun_by_asking_for_it(self, stores_of: StoresOf) -> None:
        """But all see what another process has begun."""
        one, other = stores_of(OWN), stores_of(OTHER)
        for stores in (one, other):
            assert not stores.has_book
            assert not stores.is_shared
            assert stores.recordings_size() == 0
        with closing(one.open_book()) as book, closing(one.open_shared()):
            assert other.has_book
            assert other.is_shared
            assert account(book)[1] == 0
        assert other.has_book

    def test_a_passing_book_is_the_sessions_and_no_other_is_begun_by_it(
        self, stores_of: StoresOf
    ) -> None:
        """All processes of the session charge the same accounts."""
        one, other = stores_of(OWN), stores_of(OTHER)
        with closing(one.open_passing_book()) as book, closing(other.open_passing_book()) as same:
            number, _ = account(book)
            charge(book, number)
            assert account(same) == (number, 0)
            assert same.spent(number).calls == 1
        assert not one.has_book

    def test_pruning_drops_what_was_not_used_for_longest(
        self, stores: Stores, clock: ManualClock
    ) -> None:
        """Reading counts as use, once it is noted; what is left fits the limit."""
        with closing(stores.open_recordings()) as recordings:
            for asked in QUESTIONS:
                recordings.put(asked, Completion(text="x" * 200, usage=USAGE))
                clock.advance(0.001)
            for asked in QUESTIONS[:50]:
                recordings.get(asked.key)
            recordings.note_use()
        clock.advance(0.001)
        before = stores.recordings_size()

        pruned = stores.prune_recordings(before // 2, in_use_since=clock.now)

        left = kept(stores)
        assert pruned.before == before
        assert before // 4 < pruned.after == stores.recordings_size() <= before // 2
        assert pruned.recordings == len(QUESTIONS) - len(left)
        assert left == [*range(50), *range(len(QUESTIONS) - len(left) + 50, len(QUESTIONS))]

        again = stores.prune_recordings(before, in_use_since=clock.now)

        assert (again.recordings, again.before) == (0, again.after)
        assert kept(stores) == left

    def test_pruning_never_drops_what_is_in_use(self, stores: Stores, clock: ManualClock) -> None:
        """Even where that alone exceeds the limit."""
        with closing(stores.open_recordings()) as recordings:
            for asked in QUESTIONS[:100]:
                recordings.put(asked, Completion(text="x", usage=USAGE))
            clock.advance(0.001)
            started = clock.now
            for asked in QUESTIONS[:50]:
                recordings.get(asked.key)
            recordings.put(QUESTIONS[100], Completion(text="x", usage=USAGE))
            recordings.note_use()
            pruned = stores.prune_recordings(0, in_use_since=started)
        assert pruned.recordings == 50
        assert kept(stores) == [*range(50), 100]

    def test_what_a_worker_tells_stands_until_it_tells_anew_or_leads_no_more(
        self, stores_of: StoresOf
    ) -> None:
        """All see it, the suite that began first standing first."""
        one, other = (stores_of(holder).open_shared() for holder in (OWN, OTHER))
        first, second = Progress(suite="a", began=1.0), Progress(suite="b", began=2.0)
        one.board.put("gw1", second)
        one.board.put("gw0", replace(first, done=1))
        one.board.put("gw0", first)
        assert other.board.read() == [first, second]
        other.board.remove("gw1")
        assert one.board.read() == [first]
        one.close()
        other.close()
