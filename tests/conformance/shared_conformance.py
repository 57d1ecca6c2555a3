"""What processes of a session must tell each other. A store's test class inherits this."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from conformance.processes import OTHER, OWN, ended

from pytest_lmopt.lm.shared import Turns
from pytest_lmopt.stores.protocol import SharedStore

SharedOf = Callable[[str], SharedStore]


NOW = 1_000.0
"""When the stories begin, in seconds of ``Clock.monotonic``."""


def take(turns: Turns) -> float:
    """The seconds after which to look again; 0.0 with a turn."""
    return turns.take(now=NOW, more=False)


def takes(turns: Turns, *, within: float = 5.0) -> bool:
    """Whether a turn comes free before so many seconds have passed."""
    now = NOW
    while wait := turns.take(now=now, more=False):
        now += wait
        if now > NOW + within:
            return False
    return True


class SharedConformance:
    """Inherit, and give a fixture ``shared_of``: opens one session's shared store, empty at first,
    as the process with that token.
    """

    @pytest.fixture
    def shared(self, shared_of: SharedOf) -> Iterator[tuple[SharedStore, SharedStore]]:
        """What two processes have opened."""
        with closing(shared_of(OWN)) as one, closing(shared_of(OTHER)) as other:
            yield one, other

    def test_there_are_so_many_turns_for_all(self, shared: tuple[SharedStore, SharedStore]) -> None:
        """A turn that is given back is another's; other pools are not concerned."""
        one, other = (each.turns("pool", most=3) for each in shared)
        assert [take(one), take(one), take(other)] == [0.0] * 3
        assert take(one) > 0.0
        assert take(other) > 0.0
        assert take(shared[1].turns("another", most=1)) == 0.0
        one.give_back()
        assert takes(other)
        assert take(one) > 0.0

    def test_turns_end_with_their_process(self, shared_of: SharedOf) -> None:
        """Whoever wants one has it at once."""
        with closing(shared_of(ended())) as gone, closing(shared_of(OWN)) as one:
            assert takes(gone.turns("pool", most=1))
            assert takes(one.turns("pool", most=1))

    def test_the_pace_is_the_sessions(self, shared: tuple[SharedStore, SharedStore]) -> None:
        """Whoever changes it; while it is closed nobody has a turn."""
        one, other = (each.turns("pool", most=4) for each in shared)
        one.change_pace(lambda pace: replace(pace, limit=2.0, cuts=1))
        assert takes(other)
        assert (other.pace.limit, other.pace.cuts) == (2.0, 1)
        other.change_pace(lambda pace: replace(pace, cuts=pace.cuts + 1))
        assert takes(one)
        assert one.pace.cuts == 2
        assert take(other) > 0.0
        one.give_back()
        other.change_pace(lambda pace: replace(pace, closed_until=NOW + 0.3))
        assert not takes(one, within=0.29)
        assert takes(one)

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
