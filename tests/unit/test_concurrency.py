"""How many calls go to a provider at once, and when none does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from doubles.manual_clock import ManualClock

from pytest_lmopt import Budget
from pytest_lmopt.errors import LmoptError, RefusedError, TransientError
from pytest_lmopt.lm.faults.concurrency import Gated, Gates, Ways
from pytest_lmopt.lm.money.ledger import Account, Ledger
from pytest_lmopt.lm.money.metered import Metered
from pytest_lmopt.lm.seam import FunctionLM
from pytest_lmopt.stores.sqlite import SqliteShared
from pytest_lmopt.wire import Message, Request


def asking(model: str = "openai/m", **params: str) -> Request:
    """A request."""
    return Request(model=model, messages=(Message("user", "q"),), params=params)


BUSY = TransientError("busy", request=asking(), rate_limited=True)


class Provider:
    """Answers once told to, or raises; knows how many calls it holds."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.asked_at: list[float] = []
        self.under_way = 0
        self.most = 0
        self.calls = 0
        self.error: LmoptError | None = None
        self.open = asyncio.Event()

    async def answer(self, _: Request) -> str:
        """Hold the call until open."""
        self.calls += 1
        self.asked_at.append(self._clock.now)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await self.open.wait()
        finally:
            self.under_way -= 1
        if self.error is not None:
            raise self.error
        return "x"


NewGates = Callable[[int], Gates]


@pytest.fixture
def clock() -> ManualClock:
    """The clock of the gates."""
    return ManualClock()


@pytest.fixture(params=["own", "shared"])
def new_gates(
    request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock
) -> Iterator[NewGates]:
    """Makes gates of one process alone, or gates that others could share."""
    if request.param == "own":
        yield lambda most: Gates(most, clock=clock)
        return
    with closing(SqliteShared(tmp_path / "turns.sqlite")) as shared:
        yield lambda most: Gates(most, shared, clock)


def story(
    tell: Callable[[Provider, Gates], Awaitable[None]],
    gates: Gates,
    clock: ManualClock | None = None,
) -> None:
    """Play a story on a loop of its own."""

    async def play() -> None:
        await tell(Provider(clock or ManualClock()), gates)

    asyncio.run(play())


async def settle() -> None:
    """Let all tasks go as far as they can."""
    for _ in range(10):
        await asyncio.sleep(0)


def test_no_more_than_the_limit_are_under_way(new_gates: NewGates) -> None:
    """The others come through in the order they came, as turns get free."""
    order: list[int] = []

    async def tell(provider: Provider, gates: Gates) -> None:
        lm = Gated(FunctionLM(provider.answer), gates)

        async def call(number: int) -> None:
            await lm.complete(asking())
            order.append(number)

        calls = [asyncio.create_task(call(number)) for number in range(10)]
        await settle()
        assert provider.under_way == 4
        provider.open.set()
        await asyncio.gather(*calls)
        assert provider.most == 4
        assert order == list(range(10))

    story(tell, new_gates(4))


def test_each_provider_and_endpoint_has_a_gate_of_its_own(new_gates: NewGates) -> None:
    """A provider that is slow or refuses does not hold up another."""
    gates = new_gates(4)
    assert gates.of(asking("openai/a")) is gates.of(asking("openai/b"))
    others = [
        asking("openai/a"),
        asking("anthropic/a"),
        asking("openai/a", api_base="http://127.0.0.1:1"),
        asking("openai/a", endpoint="0123456789abcdef"),
        asking("openai/a", endpoint="fedcba9876543210"),
        asking("local"),
        asking("local:/models/a.gguf"),
        asking("local:/models/b.gguf"),
    ]
    assert len({id(gates.of(request)) for request in others}) == len(others)


def test_a_rate_limit_halves_the_limit_once_for_calls_under_way_together(
    new_gates: NewGates,
) -> None:
    """A burst of refusals is one piece of news; the next one is another, down to 1."""

    async def tell(provider: Provider, gates: Gates) -> None:
        lm, gate = Gated(FunctionLM(provider.answer), gates), gates.of(asking())
        provider.error = BUSY
        limits = []
        for _ in range(5):
            provider.open.clear()
            together = range(int(gate.pace.limit))
            calls = [asyncio.create_task(lm.complete(asking())) for _ in together]
            await settle()
            provider.open.set()
            await asyncio.gather(*calls, return_exceptions=True)
            limits.append(gate.pace.limit)
        assert limits == [8.0, 4.0, 2.0, 1.0, 1.0]

    story(tell, new_gates(16))


def test_a_round_of_answers_raises_the_limit_by_one_up_to_the_most(new_gates: NewGates) -> None:
    """Slowly, as what was too much will be too much again."""
    gate = new_gates(6).of(asking())
    gate.failed(BUSY, cuts=0)
    assert gate.pace.limit == 3.0
    for _ in range(4):
        gate.answered()
    assert gate.pace.limit == pytest.approx(4.0, abs=0.2)
    for _ in range(99):
        gate.answered()
    assert gate.pace.limit == 6


def test_where_one_at_a_time_is_too_much_the_gate_rests(
    new_gates: NewGates, clock: ManualClock
) -> None:
    """Twice as long each time, until an answer comes: or the calls would use up their attempts."""
    gate = new_gates(1).of(asking())
    rests = []
    for cuts in range(3):
        gate.failed(BUSY, cuts=cuts)
        rests.append(gate.pace.closed_until - clock.now)
        clock.now = gate.pace.closed_until
    gate.answered()
    gate.failed(BUSY, cuts=3)
    rests.append(gate.pace.closed_until - clock.now)
    assert rests == pytest.approx([0.1, 0.2, 0.4, 0.1])


@pytest.mark.parametrize(
    "error",
    [TransientError("500", request=asking()), RefusedError("too long", request=asking())],
)
def test_other_errors_leave_the_limit_as_it_is(new_gates: NewGates, error: LmoptError) -> None:
    """They say nothing about how much is too much, and give their turn back."""

    async def tell(provider: Provider, gates: Gates) -> None:
        lm = Gated(FunctionLM(provider.answer), gates)
        provider.error = error
        provider.open.set()
        calls = (lm.complete(asking()) for _ in range(9))
        assert await asyncio.gather(*calls, return_exceptions=True) == [error] * 9
        assert gates.of(asking()).pace.limit == 4.0

    story(tell, new_gates(4))


def test_nothing_is_asked_while_the_provider_wants_a_pause(
    new_gates: NewGates, clock: ManualClock
) -> None:
    """Neither what waits already nor what comes; afterwards all goes on."""

    async def tell(provider: Provider, gates: Gates) -> None:
        lm = Gated(FunctionLM(provider.answer), gates)
        provider.open.set()
        provider.error = TransientError("later", request=asking(), retry_after=0.2)
        began = clock.now
        with pytest.raises(TransientError):
            await lm.complete(asking())
        provider.error = None
        calls = [asyncio.create_task(lm.complete(asking())) for _ in range(6)]
        await asyncio.gather(*calls)
        assert provider.calls == len(provider.asked_at) == 7
        assert min(provider.asked_at[1:]) >= began + 0.2

    story(tell, new_gates(4), clock)


def test_a_pause_is_bounded(new_gates: NewGates, clock: ManualClock) -> None:
    """A provider that asks for an hour is asked again in a minute."""

    async def tell(provider: Provider, gates: Gates) -> None:
        provider.open.set()
        hour = TransientError("later", request=asking(), retry_after=3600.0)
        gates.of(asking()).failed(hour, cuts=0)
        began = clock.now
        await Gated(FunctionLM(provider.answer), gates).complete(asking())
        assert 60.0 <= clock.now - began < 61.0

    story(tell, new_gates(4), clock)


def test_a_call_that_waits_has_reserved_nothing(new_gates: NewGates) -> None:
    """Or a run that is cut short would have paid for what it never asked."""
    ledger = Ledger([Account(Budget(calls=100), owner="suite")])

    async def tell(provider: Provider, gates: Gates) -> None:
        lm = Gated(Metered(FunctionLM(provider.answer), ledger), gates)
        calls = [asyncio.create_task(lm.complete(asking())) for _ in range(10)]
        await settle()
        assert ledger.calls == 4
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        assert ledger.calls == 4

    story(tell, new_gates(4))


def test_calls_that_are_cancelled_give_their_turn_back(new_gates: NewGates) -> None:
    """Those under way, those waiting, and those let through in the same moment."""

    async def tell(provider: Provider, gates: Gates) -> None:
        lm = Gated(FunctionLM(provider.answer), gates)
        calls = [asyncio.create_task(lm.complete(asking())) for _ in range(10)]
        await settle()
        calls[0].cancel()  # frees a turn for call 4, which is cancelled before it can take it
        await asyncio.sleep(0)
        calls[4].cancel()
        calls[9].cancel()
        await settle()
        provider.open.set()
        await asyncio.gather(*calls, return_exceptions=True)
        provider.open.clear()
        again = [asyncio.create_task(lm.complete(asking())) for _ in range(9)]
        await settle()
        assert provider.under_way == 4
        provider.open.set()
        await asyncio.gather(*again)

    story(tell, new_gates(4))


def test_several_loops_share_the_turns(new_gates: NewGates) -> None:
    """Each on a thread of its own: never too many, and none waits for ever."""
    gate = new_gates(2).of(asking())
    under_way: list[int] = []
    most: list[int] = []

    async def call(number: int) -> None:
        async with gate:
            under_way.append(number)
            most.append(len(under_way))
            await asyncio.sleep(0)
            under_way.remove(number)

    async def several(first: int) -> None:
        await asyncio.gather(*(call(first + number) for number in range(20)))

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda first: asyncio.run(several(first)), (0, 20, 40)))
    assert len(most) == 60
    assert max(most) <= 2


def test_a_turn_goes_to_no_caller_that_has_left() -> None:
    """Its loop was closed while it waited, or it was cancelled on another thread."""
    gate = Gates(1).of(asking())
    closed = asyncio.new_event_loop()

    async def wait() -> None:
        await asyncio.wait([asyncio.ensure_future(gate.enter())], timeout=0)

    async def play() -> None:
        await gate.enter()
        await asyncio.to_thread(closed.run_until_complete, wait())
        await asyncio.to_thread(asyncio.run, wait())  # which cancels what it leaves behind
        closed.close()
        last = asyncio.ensure_future(gate.enter())
        await settle()
        assert not last.done()
        gate.leave()
        await last

    asyncio.run(play())


def test_several_ways_in_are_taken_one_after_the_other() -> None:
    """A caller that is cancelled before the last one frees those it had taken."""

    async def play() -> None:
        outer, inner = asyncio.Semaphore(2), asyncio.Semaphore(1)
        ways = Ways(outer, inner)
        async with ways:
            waiting = asyncio.ensure_future(ways.__aenter__())
            await settle()
            assert outer.locked()
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            assert not outer.locked()
            assert inner.locked()
        assert not inner.locked()

    asyncio.run(play())
