"""Calls at once share transactions: settlements first, each reservation decided alone."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from pytest_lmopt import Budget, Completion, Prompt
from pytest_lmopt.errors import BookError, BudgetExhaustedError, LmoptError, RecordingsError
from pytest_lmopt.lm import write_ahead_log
from pytest_lmopt.lm.money.book import SqliteBook
from pytest_lmopt.lm.money.ledger import Account, Ledger
from pytest_lmopt.lm.money.metered import Metered
from pytest_lmopt.lm.money.protocol import Amount
from pytest_lmopt.lm.recordings.recorded import Recorded
from pytest_lmopt.lm.recordings.store import SqliteRecordings
from pytest_lmopt.lm.seam import LM, FunctionLM
from pytest_lmopt.lm.stack import suite_lm
from pytest_lmopt.lm.tracing import RunContext, running
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.wire import Message, Request, Usage

USED = Usage(calls=1, input_tokens=1, output_tokens=1)
MANY = 16


@pytest.fixture
def book(tmp_path: Path) -> Iterator[SqliteBook]:
    """A new book on file."""
    with closing(SqliteBook(tmp_path / "ledger.sqlite")) as book:
        yield book


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteRecordings]:
    """New recordings on file."""
    with closing(SqliteRecordings(tmp_path / "recordings.sqlite")) as store:
        yield store


def ledger_of(book: SqliteBook, budget: Budget) -> Ledger:
    """A ledger of one account."""
    return Ledger([Account(budget, owner="s", book=book)])


def request(number: int = 0) -> Request:
    """A question that differs by its number."""
    return Request(model="m", messages=(Message("user", f"{number}"),), params={"max_tokens": 5})


class Counting:
    """A model that counts its calls."""

    calls = 0

    async def complete(self, _: Request) -> Completion:
        """Answer at once."""
        self.calls += 1
        return Completion(text="ok", usage=USED)


def transactions(connection: sqlite3.Connection) -> list[str]:
    """The commits from now on."""
    seen: list[str] = []
    connection.set_trace_callback(lambda sql: seen.append(sql) if sql == "COMMIT" else None)
    return seen


def test_reservations_at_once_share_a_transaction_and_are_decided_alone(book: SqliteBook) -> None:
    """What one takes the next lacks; a refused one leaves what is left to those behind it."""
    ledger = ledger_of(book, Budget(tokens=100))
    seen = transactions(book._connection)

    async def reserve_all() -> list[int | BaseException]:
        wanted = (40, 50, 30, 10, 1)
        return await asyncio.gather(
            *(ledger.areserve(Amount(tokens=tokens)) for tokens in wanted), return_exceptions=True
        )

    granted = asyncio.run(reserve_all())

    assert [type(each) for each in granted] == [
        int, int, BudgetExhaustedError, int, BudgetExhaustedError,
    ]  # fmt: skip
    assert len(seen) == 1
    assert ledger.accounts[0].spent.tokens == 100
    assert (ledger.calls, ledger.wasted) == (3, 3)


def test_settlements_come_first(book: SqliteBook) -> None:
    """What a call did not use is there for those that come at the same time, even before it."""
    ledger = ledger_of(book, Budget(tokens=100))

    async def story() -> int:
        first = await ledger.areserve(Amount(tokens=90))
        second = asyncio.create_task(ledger.areserve(Amount(tokens=90)))
        await asyncio.sleep(0)  # it waits for the loop's next round, as the settlement does
        ledger.settle(first, USED)
        return await second

    seen = transactions(book._connection)
    assert asyncio.run(story()) > 0
    assert len(seen) == 2
    assert ledger.accounts[0].spent.tokens == 92


def test_a_settlement_is_seen_by_the_next_question(book: SqliteBook) -> None:
    """Whether or not a loop runs: its caller did not wait."""
    ledger = ledger_of(book, Budget(calls=1))

    async def story() -> int:
        ledger.settle(await ledger.areserve(Amount(tokens=90)), USED)
        return ledger.accounts[0].spent.tokens

    assert asyncio.run(story()) == 2
    ledger.lose(1)
    assert ledger.wasted == 1


def full(book: SqliteBook) -> Callable[[], object]:
    """The disk is full."""
    pages = book._connection.execute("PRAGMA page_count").fetchone()[0]
    book._connection.execute(f"PRAGMA max_page_count={pages}")
    return lambda: book._connection.execute("PRAGMA max_page_count=100000")


def locked(book: SqliteBook) -> Callable[[], object]:
    """Another process writes and does not end."""
    book._connection.execute("PRAGMA busy_timeout=1")
    other = sqlite3.connect(str(book._path), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    return other.close


@pytest.mark.parametrize("harm", [full, locked])
def test_where_the_commit_fails_no_request_of_the_batch_leaves(
    book: SqliteBook, harm: Callable[[SqliteBook], Callable[[], object]]
) -> None:
    """Each caller gets the error. What was to be settled is settled once the file can be used."""
    ledger, model = ledger_of(book, Budget()), Counting()
    lm = Metered(model, ledger)

    async def ask(count: int) -> list[Completion | BaseException]:
        asked = (lm.complete(request(n)) for n in range(count))
        return await asyncio.gather(*asked, return_exceptions=True)

    async def story() -> None:
        number = await ledger.areserve(Amount(tokens=90))
        mend = harm(book)
        ledger.settle(number, USED)
        assert {type(each) for each in await ask(500)} == {BookError}
        assert model.calls == 0
        mend()
        assert {type(each) for each in await ask(3)} == {Completion}

    asyncio.run(story())
    assert ledger.accounts[0].spent.tokens == 2 * model.calls + 2
    assert ledger.wasted == 0


def test_where_the_disk_fails_no_request_leaves(
    book: SqliteBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A charge that the machine may forget is not one."""

    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    ledger, model = ledger_of(book, Budget()), Counting()
    monkeypatch.setattr(write_ahead_log, "_written", fail)
    with pytest.raises(BookError, match="Input/output error"):
        asyncio.run(Metered(model, ledger).complete(request()))
    assert model.calls == 0


def test_charges_and_answers_are_on_disk_before_their_callers_go_on(
    book: SqliteBook, store: SqliteRecordings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their log is written out; a claim and a settlement need not wait for that."""
    ledger = ledger_of(book, Budget())
    written: list[tuple[int, int]] = []

    def note(number: int) -> None:
        found = os.fstat(number)
        written.append((found.st_dev, found.st_ino))

    monkeypatch.setattr(write_ahead_log, "_written", note)

    def log(path: Path | None) -> tuple[int, int]:
        found = os.stat(f"{path}-wal")
        return found.st_dev, found.st_ino

    async def story() -> None:
        number = await ledger.areserve(Amount(tokens=9))
        assert written == [log(book._path)]
        await store.aclaim(request().key)
        ledger.settle(number, USED)
        await asyncio.sleep(0)
        assert len(written) == 1
        await store.aput(request(), Completion(text="ok"))
        assert written[1:] == [log(store._path)]

    asyncio.run(story())
    store.put(request(1), Completion(text="ok"))
    assert len(written) == 3


def test_a_file_that_closes_is_on_disk(store: SqliteRecordings) -> None:
    """Also an answer whose caller still waits for that: the log is gone by then."""

    async def story() -> None:
        arriving = asyncio.create_task(store.aput(request(), Completion(text="ok")))
        while store.is_empty():
            await asyncio.sleep(0)
        store.close()
        await arriving

    asyncio.run(story())
    assert not Path(f"{store._path}-wal").exists()


@pytest.mark.parametrize("rounds", [0, 1, 2])
def test_a_caller_that_leaves_charges_nothing_that_is_not_lost(
    book: SqliteBook, rounds: int
) -> None:
    """Before the commit there is no charge; after it, a lost one."""
    ledger = ledger_of(book, Budget())

    async def story() -> None:
        leaving = asyncio.create_task(ledger.areserve(Amount(tokens=9)))
        await asyncio.sleep(0)
        for _ in range(rounds):
            await asyncio.sleep(0)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving

    asyncio.run(story())
    (entry,) = book.entries(1)
    assert (entry.reserved, entry.settled) == (0, 0)
    assert entry.lost == entry.spent.calls == (rounds > 0)
    assert not ledger.under_way


def test_answers_at_once_share_a_transaction(store: SqliteRecordings) -> None:
    """So do the claims before them."""
    model = Counting()
    lm = Recorded(model, store, mode="auto")
    seen = transactions(store._connection)

    async def story() -> None:
        await asyncio.gather(*(lm.complete(request(number)) for number in range(MANY)))

    asyncio.run(story())
    assert len(seen) <= 3  # 16 answers come in one round, or in two
    assert all(store.get(request(number).key) for number in range(MANY))


def test_an_answer_that_can_not_be_recorded_is_an_error(store: SqliteRecordings) -> None:
    """Of all whose answers came at once; their claims are given up once that is possible."""
    lm = Recorded(Counting(), store, mode="auto")

    async def story() -> list[Completion | BaseException]:
        return await asyncio.gather(
            *(lm.complete(request(number)) for number in range(3)), return_exceptions=True
        )

    store._connection.execute("PRAGMA query_only=1")
    assert {type(each) for each in asyncio.run(story())} == {RecordingsError}
    store._connection.execute("PRAGMA query_only=0")
    assert {type(each) for each in asyncio.run(story())} == {Completion}


def asking(lm: LM) -> tuple[Prompt, RunContext]:
    """A prompt, and a run that calls it; a call reserves 40 or 41 tokens, and uses 2."""
    ask = Prompt(name="ask", instruction="i", inputs=["a"], output="o", params={"max_tokens": 5})
    return ask, RunContext(lm=lm, candidate=Candidate(name="c", states={}), model="m")


def test_coroutines_that_each_call_a_sync_client_finish(
    book: SqliteBook, store: SqliteRecordings
) -> None:
    """Each blocks the loop of all others, whose calls may be under way."""
    ledger = ledger_of(book, Budget(calls=2 * MANY))
    ask, context = asking(
        suite_lm(FunctionLM(Counting().complete), ledger=ledger, store=store, mode="auto")
    )

    async def one(number: int) -> str:
        first = await ask.acall(a=f"{number}")
        return first.text + ask(a=f"{number} again").text

    async def story() -> list[str]:
        with running(context):
            return await asyncio.gather(*map(one, range(MANY)))

    assert asyncio.run(asyncio.wait_for(story(), 20)) == ["okok"] * MANY


def test_sync_calls_on_several_loops_wait_for_each_others_settlements(
    book: SqliteBook, store: SqliteRecordings
) -> None:
    """No three can be reserved together; each loop stands still while its call waits."""
    ledger = ledger_of(book, Budget(tokens=2 * 3 * MANY + 82))
    ask, context = asking(
        suite_lm(FunctionLM(Counting().complete), ledger=ledger, store=store, mode="auto")
    )

    async def one(number: int) -> str:
        return ask(a=f"{number}").text

    async def story(loop: int) -> list[str]:
        with running(context):
            return await asyncio.gather(*(one(MANY * loop + n) for n in range(MANY)))

    with ThreadPoolExecutor(3) as pool:
        found = [pool.submit(asyncio.run, story(loop)) for loop in range(3)]
        assert [each.result(20) for each in found] == [["ok"] * MANY] * 3
    assert ledger.accounts[0].spent.tokens == 2 * 3 * MANY


def test_loops_on_many_threads_share_one_book_and_one_call(
    book: SqliteBook, store: SqliteRecordings
) -> None:
    """Every loop asks the same questions at once; each is asked once."""
    ledger, model = ledger_of(book, Budget(calls=5)), Counting()
    lm = Recorded(Metered(model, ledger), store, mode="auto")
    start = threading.Barrier(4)

    async def ask() -> list[str]:
        start.wait(20)
        found = await asyncio.gather(*(lm.complete(request(number)) for number in range(5)))
        return [each.text for each in found]

    with ThreadPoolExecutor(4) as pool:
        found = [pool.submit(asyncio.run, ask()) for _ in range(4)]
        assert [each.result(20) for each in found] == [["ok"] * 5] * 4
    assert (model.calls, ledger.calls, ledger.accounts[0].spent.tokens) == (5, 5, 10)


def test_a_call_on_a_loop_that_stands_still_is_made_by_a_caller_elsewhere(
    store: SqliteRecordings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pipeline that began it runs its loop no more, and has cancelled nothing."""
    from pytest_lmopt.lm.recordings import flights

    monkeypatch.setattr(flights, "LOOK_AGAIN_SECONDS", 0.001)
    asked = 0

    async def answer(_: Request) -> str:
        nonlocal asked
        asked += 1
        if asked == 1:
            left.call_soon(left.stop)
            await asyncio.sleep(60)
        return "ok"

    lm = Recorded(FunctionLM(answer), store, mode="auto")
    left = asyncio.new_event_loop()
    abandoned = left.create_task(lm.complete(request()))
    left.run_forever()
    assert asyncio.run(lm.complete(request())).text == "ok"
    abandoned.cancel()
    left.run_until_complete(asyncio.gather(abandoned, return_exceptions=True))
    for task in asyncio.all_tasks(left):
        task.cancel()
    left.run_until_complete(asyncio.sleep(0))
    left.close()


def test_a_call_that_ends_with_its_loop_is_made_by_a_caller_elsewhere(
    store: SqliteRecordings,
) -> None:
    """It was cancelled there; here a caller waits for it."""
    first, joined = threading.Event(), threading.Event()
    asked = 0

    async def answer(_: Request) -> str:
        nonlocal asked
        asked += 1
        if asked == 1:
            first.set()
            await asyncio.to_thread(joined.wait, 20)
            raise asyncio.CancelledError
        return "ok"

    lm = Recorded(FunctionLM(answer), store, mode="auto")

    async def wait_here() -> Completion:
        await asyncio.to_thread(first.wait, 20)
        asyncio.get_running_loop().call_later(0.01, joined.set)
        return await lm.complete(request())

    with ThreadPoolExecutor(2) as pool:
        there = pool.submit(asyncio.run, lm.complete(request()))
        assert pool.submit(asyncio.run, wait_here()).result(20).text == "ok"
        with pytest.raises((asyncio.CancelledError, LmoptError)):
            there.result(20)
