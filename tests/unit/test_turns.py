"""Turns are shared by all processes of a session: never too many, none lost, about equal parts."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from doubles.manual_clock import ManualClock

from pytest_lmopt.errors import ModelError, SessionFileError, TransientError
from pytest_lmopt.lm.faults.circuit import Circuit
from pytest_lmopt.lm.faults.concurrency import Gate, Gates
from pytest_lmopt.lm.processes import token_of
from pytest_lmopt.lm.session_file import SessionFile
from pytest_lmopt.lm.turns import WANTED_SECONDS, SharedTurns
from pytest_lmopt.stores.sqlite import SqliteShared
from pytest_lmopt.wire import Message, Request

MOST = 5


class Pair:
    """Two processes that live, this one and its parent, at one pool of ``MOST`` turns."""

    def __init__(self, file: SessionFile) -> None:
        self.clock = ManualClock()
        parent = token_of(os.getppid())
        self.one = SharedTurns(file, pool="pool", most=MOST)
        self.other = SharedTurns(file, pool="pool", most=MOST, holder=parent)
        self.out: Counter[SharedTurns] = Counter()

    def wants(self, turns: SharedTurns) -> bool:
        """Whether one of many callers gets a turn, a little later."""
        self.clock.advance(0.001)
        taken = turns.take(now=self.clock.now, more=True) == 0.0
        self.out[turns] += taken
        return taken

    def gives_back(self, turns: SharedTurns) -> None:
        """One turn."""
        turns.give_back()
        self.out[turns] -= 1


@pytest.fixture
def file(tmp_path: Path) -> Iterator[SessionFile]:
    """An empty file."""
    with closing(SessionFile(tmp_path / "turns.sqlite")) as file:
        yield file


@pytest.fixture
def pair(file: SessionFile) -> Pair:
    """Two processes."""
    return Pair(file)


def test_who_has_more_turns_makes_way(pair: Pair) -> None:
    """A process alone has all; once another wants some, turns that come free are its own, till
    both have about as many; then the two take turns at the odd one.
    """
    while pair.wants(pair.one):
        pass
    assert pair.out == {pair.one: MOST}
    assert not pair.wants(pair.other)
    odd = []
    for _ in range(8):
        most = max(pair.out, key=pair.out.__getitem__)
        pair.gives_back(most)
        got = [turns for turns in (most, pair.one, pair.other) if pair.wants(turns)]
        assert len(got) == 1
        odd += got
    assert odd[:2] == [pair.other, pair.other]
    assert odd[2:] == [pair.one, pair.other] * 3
    assert sorted(pair.out.values()) == [2, 3]


def test_who_wants_no_more_turns_holds_nobody_up(pair: Pair) -> None:
    """Having said so, or having said nothing for a while: its callers may have gone."""
    while pair.wants(pair.one):
        pass
    assert not pair.wants(pair.other)
    pair.gives_back(pair.one)
    assert not pair.wants(pair.one)
    pair.clock.advance(WANTED_SECONDS)
    assert pair.wants(pair.one)
    assert not pair.wants(pair.other)
    pair.gives_back(pair.one)
    assert pair.other.take(now=pair.clock.now, more=False) == 0.0
    pair.gives_back(pair.one)
    assert pair.wants(pair.one)


REQUEST = Request(model="openai/m", messages=(Message("user", "q"),))


@pytest.fixture
def clock() -> ManualClock:
    """The clock of all workers."""
    return ManualClock()


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[list[SqliteShared]]:
    """What two workers have opened of one file."""
    with ExitStack() as opened:
        path = tmp_path / "turns.sqlite"
        yield [opened.enter_context(closing(SqliteShared(path))) for _ in range(2)]


def test_a_rate_limit_seen_by_one_slows_all_down(workers: list[SqliteShared]) -> None:
    """Once for what was under way together, whoever asked; each one's answers speed all up."""
    one, other = (Gates(16, file).of(REQUEST) for file in workers)

    async def tell() -> None:
        cuts = await one.enter(), await other.enter()
        busy = TransientError("busy", request=REQUEST, rate_limited=True)
        one.failed(busy, cuts=cuts[0])
        other.failed(busy, cuts=cuts[1])
        for gate in (one, other):
            gate.leave()
        assert await one.enter() == await other.enter() == 1
        assert one.pace.limit == other.pace.limit == 8.0
        one.answered()
        other.answered()
        assert other.pace.limit == pytest.approx(8.25, abs=0.01)

    asyncio.run(tell())


def test_a_pause_asked_of_one_is_kept_by_all(
    workers: list[SqliteShared], clock: ManualClock
) -> None:
    """Those that wait already and those that come."""
    one, other = (Gates(1, file, clock=clock).of(REQUEST) for file in workers)

    async def tell() -> float:
        cuts = await one.enter()
        waiting = asyncio.create_task(other.enter())
        await asyncio.sleep(0)
        later = TransientError("later", request=REQUEST, retry_after=0.3)
        one.failed(later, cuts=cuts)
        failed = clock.now
        one.leave()
        await waiting
        return clock.now - failed

    assert 0.3 <= asyncio.run(tell()) < 0.32


def test_a_model_one_can_not_use_is_asked_by_none(workers: list[SqliteShared]) -> None:
    """With the same message; others are asked as ever."""
    one, other = map(Circuit, workers)
    one.note("openai/locked", ModelError("wrong key", model="openai/locked"))
    for circuit in (one, other):
        known = circuit.broken("openai/locked")
        assert known is not None
        assert (str(known), known.model) == ("wrong key", "openai/locked")
        assert circuit.broken("openai/open") is None


def test_a_file_that_fails_ends_the_waiting(file: SessionFile, clock: ManualClock) -> None:
    """With an error that names it, for those whose turn was to come by itself too."""
    gate = Gate(SharedTurns(file, pool="pool", most=1), clock)

    async def tell() -> None:
        await gate.enter()
        waiting = [asyncio.create_task(gate.enter()) for _ in range(2)]
        await asyncio.sleep(0)
        file.close()
        for error in await asyncio.gather(*waiting, return_exceptions=True):
            assert isinstance(error, SessionFileError)
        with pytest.raises(SessionFileError, match=r"turns.sqlite, .* can't be used: .*-n 0"):
            await gate.enter()

    asyncio.run(tell())
