"""What processes of a session must tell each other. A store's test class inherits this."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from conformance.processes import OTHER, OWN, ended
from doubles.jumping_clock import JumpingClock

from pytest_lmopt.lm.shared import Turns
from pytest_lmopt.stores.protocol import SharedStore

SharedOf = Callable[[str], SharedStore]


def takes(turns: Turns, clock: JumpingClock) -> bool:
    """Whether a turn comes free, soon."""
    deadline = clock.now() + 5.0
    while wait := turns.take(more=False):
        if clock.now() > deadline:
            return False
        clock.advance(min(wait, 0.05))
    return True


class SharedConformance:
    """Inherit, and give the fixtures ``shared_of``, which opens one session's shared store, empty
    at first, as the process with that token; and ``clock``, which is theirs.
    """

    @pytest.fixture
    def shared(self, shared_of: SharedOf) -> Iterator[tuple[SharedStore, SharedStore]]:
        """What two processes have opened."""
        with closing(shared_of(OWN)) as one, closing(shared_of(OTHER)) as other:
            yield one, other

    def test_there_are_so_many_turns_for_all(
        self, shared: tuple[SharedStore, SharedStore], clock: JumpingClock
    ) -> None:
        """A turn that is given back is another's; other pools are not concerned."""
        one, other = (each.turns("pool", most=3) for each in shared)
        assert [one.take(more=False), one.take(more=False), other.take(more=False)] == [0.0] * 3
        assert one.take(more=False) > 0.0
        assert other.take(more=False) > 0.0
        assert shared[1].turns("another", most=1).take(more=False) == 0.0
        one.give_back()
        assert takes(other, clock)
        assert one.take(more=False) > 0.0

    def test_turns_end_with_their_process(self, shared_of: SharedOf, clock: JumpingClock) -> None:
        """Whoever wants one has it at once."""
        with closing(shared_of(ended())) as gone, closing(shared_of(OWN)) as one:
            assert takes(gone.turns("pool", most=1), clock)
            assert takes(one.turns("pool", most=1), clock)

    def test_the_pace_is_the_sessions(
        self, shared: tuple[SharedStore, SharedStore], clock: JumpingClock
    ) -> None:
        """Whoever changes it; while it is closed nobody has a turn."""
        one, other = (each.turns("pool", most=4) for each in shared)
        one.change_pace(lambda pace: replace(pace, limit=2.0, cuts=1))
        assert takes(other, clock)
        assert (other.pace.limit, other.pace.cuts) == (2.0, 1)
        other.change_pace(lambda pace: replace(pace, cuts=pace.cuts + 1))
        assert takes(one, clock)
        assert one.pace.cuts == 2
        assert other.take(more=False) > 0.0
        one.give_back()
        until = clock.now() + 0.3
        other.change_pace(lambda pace: replace(pace, closed_until=until))
        assert one.take(more=False) > 0.0
        assert takes(one, clock)
        assert clock.now() >= until

    def test_what_one_found_unusable_all_know(
        self, shared: tuple[SharedStore, SharedStore]
    ) -> None:
        """By the first reason that was given."""
        one, other = shared
        assert other.unusable("openai/m") is None
        one.note_unusable("openai/m", "wrong key")
        other.note_unusable("openai/m", "too late")
        assert one.unusable("openai/m") == other.unusable("openai/m") == "wrong key"
        assert other.unusable("openai/other") is None
