"""A call is paid for before it is made, and never one more than the budget allows."""

from __future__ import annotations

import asyncio
import os
import re
import sqlite3
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from doubles.manual_clock import ManualClock

from pytest_lmopt import Budget, Completion, Example, Prompt
from pytest_lmopt.errors import BookError, BudgetExhaustedError, LMError, ModelError, RefusedError
from pytest_lmopt.lm.faults.retries import Retrying
from pytest_lmopt.lm.money.book import SqliteBook
from pytest_lmopt.lm.money.ledger import Account, Ledger, Sitting
from pytest_lmopt.lm.money.metered import Metered
from pytest_lmopt.lm.money.protocol import Amount
from pytest_lmopt.lm.processes import own_token
from pytest_lmopt.lm.seam import FunctionLM
from pytest_lmopt.runs.executor import InProcessExecutor
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.wire import Message, Request, Usage

CHARGE = Amount(tokens=10, micro_usd=1000)


def request(number: int = 0, *, model: str = "m", max_tokens: int = 10) -> Request:
    """A question that differs by its number."""
    return Request(
        model=model,
        messages=(Message("user", f"q{number}"),),
        params={"max_tokens": max_tokens},
    )


def ledger_of(*budgets: Budget) -> Ledger:
    """A ledger over fresh accounts."""
    return Ledger([Account(budget, owner=f"budget {n}") for n, budget in enumerate(budgets)])


class Counting:
    """A model that takes a moment, counts its calls by itself and fails where told to."""

    def __init__(self, *, usage: Usage | None = None, failing: bool = False) -> None:
        self.calls = 0
        self._usage = usage or Usage(calls=1, input_tokens=1, output_tokens=1)
        self._failing = failing

    async def complete(self, request: Request) -> Completion:
        """Answer after a moment, so that calls overlap."""
        self.calls += 1
        await asyncio.sleep(0)
        if self._failing:
            raise RefusedError("no", request=request)
        return Completion(text="ok", usage=self._usage)


async def ask_all(lm: Metered, count: int) -> list[Completion | BaseException]:
    """Ask ``count`` questions at once."""
    return await asyncio.gather(
        *(lm.complete(request(n)) for n in range(count)), return_exceptions=True
    )


def test_concurrent_calls_never_exceed_the_budget() -> None:
    """Of 64 calls at once under a budget of 20, exactly 20 reach the model."""
    model, ledger = Counting(), ledger_of(Budget(calls=20))

    answers = asyncio.run(ask_all(Metered(FunctionLM(model.complete), ledger), 64))

    refused = [answer for answer in answers if isinstance(answer, BudgetExhaustedError)]
    assert (model.calls, ledger.calls, ledger.calls_left) == (20, 20, 0)
    assert len(refused) == 44
    assert str(refused[0]) == (
        "the budget of budget 0 (20 calls) is used up: 20 calls so far; raise calls"
    )
    assert {error.limit for error in refused} == {"calls"}


def test_nested_budgets_pay_together_or_not_at_all() -> None:
    """A call the outer budget can't pay for is charged to neither."""
    inner, outer = Account(Budget(calls=10), owner="suite"), Account(Budget(calls=3), owner="class")
    ledger = Ledger([inner, outer])
    model = Counting()

    answers = asyncio.run(ask_all(Metered(model, ledger), 10))

    assert (model.calls, inner.spent.calls, outer.spent.calls, ledger.calls) == (3, 3, 3, 3)
    assert inner.spent.tokens == outer.spent.tokens == 3 * 2
    assert "the budget of class (3 calls)" in str(answers[-1])


def test_ledgers_share_an_account() -> None:
    """Two suites in a class spend the class's budget together."""
    shared = Account(Budget(calls=5), owner="class")
    one, two = Ledger([shared]), Ledger([shared])
    model = Counting()

    async def both() -> None:
        await asyncio.gather(ask_all(Metered(model, one), 8), ask_all(Metered(model, two), 8))

    asyncio.run(both())

    assert model.calls == shared.spent.calls == one.calls + two.calls == 5


def test_calls_left_is_what_the_tightest_budget_allows() -> None:
    """Budgets without a limit of calls do not count."""
    ledger = ledger_of(Budget(calls=9), Budget(tokens=5000), Budget(calls=4))
    assert ledger.calls_left == 4

    ledger.reserve(CHARGE)

    assert ledger.calls_left == 3
    assert ledger_of(Budget(tokens=5)).calls_left is None
    assert ledger_of().calls_left is None


def test_calls_set_aside_can_not_be_spent_meanwhile() -> None:
    """The search leaves the confirmation's calls alone, and gives them back at its end."""
    ledger = ledger_of(Budget(calls=3))

    with ledger.keeping(Amount(calls=2)):
        ledger.reserve(CHARGE)
        with pytest.raises(BudgetExhaustedError, match=r"^the 2 calls left .* set aside"):
            ledger.reserve(CHARGE)
        assert ledger.calls_left == 2

    ledger.reserve(CHARGE)
    ledger.reserve(CHARGE)
    assert ledger.calls_left == 0


@pytest.mark.parametrize(
    ("budget", "message"),
    [
        (
            Budget(tokens=25),
            "the next call may take up to 10 tokens, more than the 0 tokens left of budget 0's "
            "budget beside the 15 tokens set aside for later; raise tokens",
        ),
        (
            Budget(usd=0.0025),
            "the next call may cost up to $0.001, more than the $0 left of budget 0's budget "
            "beside the $0.0015 set aside for later; raise usd",
        ),
    ],
)
def test_tokens_and_dollars_are_set_aside_too(budget: Budget, message: str) -> None:
    """One call of at most 10 tokens, or a tenth of a cent, fits beside what is kept; not two."""
    ledger = ledger_of(budget)

    with ledger.keeping(Amount(tokens=15, micro_usd=1500)):
        ledger.reserve(CHARGE)
        with pytest.raises(BudgetExhaustedError, match=f"^{re.escape(message)}$"):
            ledger.reserve(CHARGE)

    ledger.reserve(CHARGE)


def test_a_call_waits_for_what_others_have_only_reserved() -> None:
    """Each may cost 29 tokens, and costs 2: twenty fit into 70, but no three at a time."""
    ledger = ledger_of(Budget(tokens=70))

    answers = asyncio.run(ask_all(Metered(Counting(), ledger, clock=ManualClock()), 20))

    assert [type(answer) for answer in answers] == [Completion] * 20
    assert ledger.accounts[0].spent.tokens == 40


def test_what_is_set_aside_comes_back_after_an_error_too() -> None:
    """A search that fails does not keep the calls for ever."""
    ledger = ledger_of(Budget(calls=1))

    with pytest.raises(ZeroDivisionError), ledger.keeping(Amount(calls=1)):
        raise ZeroDivisionError

    ledger.reserve(CHARGE)


@pytest.mark.parametrize(
    ("budget", "limit"), [(Budget(tokens=25), "tokens"), (Budget(usd=0.0025), "usd")]
)
def test_tokens_and_dollars_are_limited_by_what_a_call_could_cost(
    budget: Budget, limit: str
) -> None:
    """Two calls of at most 10 tokens or 0.001 dollars fit, a third might not."""
    ledger = ledger_of(budget)
    ledger.reserve(CHARGE)
    ledger.reserve(CHARGE)

    with pytest.raises(
        BudgetExhaustedError, match=f"more than the .* left of .*or raise {limit}$"
    ) as caught:
        ledger.reserve(CHARGE)

    assert caught.value.limit == limit
    assert ledger.calls == 2


def test_a_call_that_its_question_alone_makes_too_long_gets_no_advice_that_can_not_help() -> None:
    """With a single token as answer it would not fit, either."""
    asked = request(max_tokens=100)
    room = asked.input_bound
    for tokens, advised in ((room, False), (room + 1, True), (room + 99, True)):
        with pytest.raises(BudgetExhaustedError) as caught:
            asyncio.run(Metered(Counting(), ledger_of(Budget(tokens=tokens))).complete(asked))
        assert ("lower max_tokens" in str(caught.value)) == advised
        assert str(caught.value).endswith("raise tokens")


def test_of_nested_budgets_the_one_that_can_not_pay_is_named() -> None:
    """With what is left of it, whatever the others have."""
    ledger = ledger_of(Budget(usd=5.0), Budget(usd=0.0005))
    with pytest.raises(BudgetExhaustedError) as caught:
        ledger.reserve(Amount(tokens=10, micro_usd=688))
    assert str(caught.value) == (
        "the next call may cost up to $0.000688, more than the $0.0005 left of budget 1's "
        "budget; lower max_tokens or raise usd"
    )


def test_a_limit_may_be_reached_exactly() -> None:
    """The last token and the last micro-dollar can be spent."""
    ledger = ledger_of(Budget(tokens=20, usd=0.002, calls=2))

    ledger.reserve(CHARGE)
    ledger.reserve(CHARGE)

    assert [(a.spent.tokens, a.spent.micro_usd) for a in ledger.accounts] == [(20, 2000)]


def test_dollars_are_added_without_rounding() -> None:
    """0.1 and 0.2 dollars are 0.3, though not as floats."""
    ledger = ledger_of(Budget(usd=0.3))

    with ledger.keeping(Amount(micro_usd=200_000)):
        ledger.reserve(Amount(tokens=1, micro_usd=100_000))
        with pytest.raises(
            BudgetExhaustedError, match=r"\$0\.000001, more than the \$0 left .*\$0\.2 set"
        ):
            ledger.reserve(Amount(tokens=1, micro_usd=1))


def test_large_numbers_are_told_in_full() -> None:
    """As a budget is written, not as 1.5e+06."""
    ledger = ledger_of(Budget(tokens=1_500_000))

    with (
        ledger.keeping(Amount(tokens=1_234_567)),
        pytest.raises(
            BudgetExhaustedError,
            match=r"300,000 tokens, .* 265,433 tokens left .* 1,234,567 t",
        ),
    ):
        ledger.reserve(Amount(tokens=300_000, micro_usd=0))


def test_seconds_run_from_the_first_call() -> None:
    """Time before it costs nothing; after the limit no call is made."""
    clock = ManualClock()
    book = SqliteBook(clock=clock)
    ledger = Ledger([Account(Budget(seconds=0.2), owner="budget 0", book=book)])
    clock.advance(0.25)
    ledger.reserve(CHARGE)
    clock.advance(0.25)

    with pytest.raises(BudgetExhaustedError) as caught:
        ledger.reserve(CHARGE)

    assert caught.value.limit == "seconds"
    assert re.fullmatch(
        r"the budget of budget 0 \(0\.2 s\) is used up: 0\.\d seconds so far; raise seconds",
        str(caught.value),
    )


def test_settling_replaces_the_reservation_by_the_cost() -> None:
    """What a call did not use can be spent by the next."""
    ledger = ledger_of(Budget(tokens=1000))
    number = ledger.reserve(Amount(tokens=600, micro_usd=50))

    ledger.settle(number, Usage(calls=1, input_tokens=3, output_tokens=4, micro_usd=2))

    assert [(a.spent.calls, a.spent.tokens, a.spent.micro_usd) for a in ledger.accounts] == [
        (1, 7, 2)
    ]


def test_a_metered_call_reserves_the_most_and_keeps_the_real_cost() -> None:
    """During the call its upper bound is charged, after it what the provider counted."""
    account = Account(Budget(tokens=10_000), owner="suite")
    during: list[int] = []

    def answer(_: Request) -> Completion:
        during.append(account.spent.tokens)
        return Completion(text="ok", usage=Usage(calls=1, input_tokens=5, output_tokens=2))

    asyncio.run(Metered(FunctionLM(answer), Ledger([account])).complete(request(max_tokens=100)))

    assert during == [request().input_bound + 100]
    assert account.spent.tokens == 7


def test_a_failed_call_keeps_its_reservation() -> None:
    """The provider may have billed it."""
    ledger = ledger_of(Budget(calls=5))

    asyncio.run(ask_all(Metered(Counting(failing=True), ledger), 1))

    (account,) = ledger.accounts
    assert (account.spent.calls, account.spent.tokens) == (1, request().input_bound + 10)


def test_a_cancelled_call_keeps_its_reservation() -> None:
    """A request that was sent can't be unsent."""
    ledger = ledger_of(Budget(calls=5))

    async def cancelled() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(Metered(Stuck(), ledger).complete(request()), 0.01)

    class Stuck:
        async def complete(self, request: Request) -> Completion:
            """Never answer."""
            await asyncio.sleep(60)
            raise AssertionError(request)

    asyncio.run(cancelled())

    assert [(a.spent.calls, a.spent.tokens) for a in ledger.accounts] == [
        (1, request().input_bound + 10)
    ]


def test_every_attempt_of_a_retry_is_paid_for() -> None:
    """Four failing attempts under a budget of three: the model is asked three times."""
    from pytest_lmopt.errors import TransientError

    calls = 0

    def busy(request: Request) -> str:
        nonlocal calls
        calls += 1
        raise TransientError("busy", request=request)

    lm = Retrying(Metered(FunctionLM(busy), ledger_of(Budget(calls=3))), first_wait=0)

    with pytest.raises(BudgetExhaustedError):
        asyncio.run(lm.complete(request()))

    assert calls == 3


def test_the_bound_on_input_tokens_covers_any_script() -> None:
    """No token is shorter than a byte, so bytes bound tokens whatever the language."""
    asked = Request(model="m", messages=(Message("user", "日本語"), Message("user", "ab")))

    assert asked.input_bound >= len("日本語ab".encode())


def test_a_model_without_price_is_refused_under_a_dollar_budget() -> None:
    """A limit that can't be kept is an error before anything is spent."""
    model, ledger = Counting(), ledger_of(Budget(usd=1.0))

    with pytest.raises(ModelError, match="has no price in litellm's table") as caught:
        asyncio.run(Metered(model, ledger).complete(request(model="nobody/unknown")))

    assert caught.value.model == "nobody/unknown"
    assert (model.calls, ledger.calls) == (0, 0)


def test_a_model_without_price_is_fine_without_a_dollar_budget() -> None:
    """Calls and tokens need no price, and an unpriced usage counts as no dollars."""
    model = Counting(usage=Usage(calls=1, input_tokens=1, output_tokens=1, micro_usd=None))
    ledger = ledger_of(Budget(calls=1))

    asyncio.run(Metered(model, ledger).complete(request(model="nobody/unknown")))

    assert [account.spent.micro_usd for account in ledger.accounts] == [0]


def test_a_priced_model_is_reserved_at_its_price() -> None:
    """Prices come from litellm's table; a local model costs nothing."""
    dear, free = ledger_of(Budget(usd=0.000001)), ledger_of(Budget(usd=0.000001))

    with pytest.raises(BudgetExhaustedError) as caught:
        asyncio.run(Metered(Counting(), dear).complete(request(model="openai/gpt-4o")))
    asyncio.run(Metered(Counting(), free).complete(request(model="local")))

    assert caught.value.limit == "usd"
    assert (dear.calls, free.calls) == (0, 1)


def test_a_book_that_can_not_be_written_charges_nothing_and_is_named(tmp_path: Path) -> None:
    """The disk is full, or the file may only be read; once it can be written, all goes on."""
    path = tmp_path / "ledger.sqlite"
    book = SqliteBook(path)
    account = Account(Budget(), owner="s", book=book)

    def reserve_many() -> None:
        for _ in range(9_999):
            Ledger([account]).reserve(CHARGE)

    pages = book._connection.execute("PRAGMA page_count").fetchone()[0]
    for fault, mended, told in (
        (f"max_page_count={pages}", "max_page_count=100000", "database or disk is full"),
        ("query_only=1", "query_only=0", "attempt to write a readonly database"),
    ):
        before = account.spent.calls
        book._connection.execute(f"PRAGMA {fault}")
        with pytest.raises(BookError, match=f"^the account book {path} .*: {told}; ") as caught:
            reserve_many()
        assert caught.value.path == path
        book._connection.execute(f"PRAGMA {mended}")
        charged = account.spent.calls
        assert charged == book.unsettled(account.number) < before + 9_999
        Ledger([account]).reserve(CHARGE)
        assert account.spent.calls == charged + 1
    book.close()


def test_a_book_that_fails_can_not_be_hidden(tmp_path: Path) -> None:
    """It says nothing about the prompt: the block is broken, though the pipeline goes on."""
    book = SqliteBook(tmp_path / "ledger.sqlite")
    lm = Metered(Counting(), Ledger([Account(Budget(), owner="s", book=book)]))
    ask = Prompt(name="ask", instruction="i", inputs=["a"], output="o")

    def pipeline(_: Example) -> str:
        with suppress(Exception):
            return ask(a="1").text
        return "hidden"

    async def block() -> None:
        with InProcessExecutor(lm=lm, model="m") as executor:
            nobody = Candidate(name="incumbent", states={})
            await executor.run_block(pipeline, nobody, [Example(id="e", inputs={})])

    book._connection.execute("PRAGMA query_only=1")
    with pytest.raises(BookError, match="can't be used"):
        asyncio.run(block())
    book.close()


def test_errors_of_the_model_pass_through_unchanged() -> None:
    """Metering adds no error of its own to a failing call."""
    with pytest.raises(LMError, match=r"^no$"):
        asyncio.run(Metered(Counting(failing=True), ledger_of()).complete(request()))


def test_a_book_of_the_first_version_goes_on(tmp_path: Path) -> None:
    """Its charges stood for one call each."""
    path = tmp_path / "ledger.sqlite"
    account = Account(Budget(calls=3), owner="s", book=SqliteBook(path))
    Ledger([account]).reserve(CHARGE)
    account.book.close()
    with sqlite3.connect(path) as old:
        old.execute("ALTER TABLE charges DROP COLUMN calls")
    old.close()
    book = SqliteBook(path)
    assert book.unsettled(account.number) == 1
    assert book.spent(account.number).calls == 1
    book.close()


def test_a_book_that_knew_processes_by_number_goes_on(tmp_path: Path) -> None:
    """The number may be another process's by now, such as that of this one's parent."""
    path = tmp_path / "ledger.sqlite"
    budget = Budget(calls=3)
    before = Sitting(session="killed", holder="", purpose="p", resume=True)
    account = Account(budget, owner="s", book=SqliteBook(path), sitting=before)
    Ledger([account]).reserve(CHARGE)
    account.book.close()
    with closing(sqlite3.connect(path)) as old, old:
        old.execute("ALTER TABLE accounts RENAME COLUMN holder TO pid")
        old.execute("UPDATE accounts SET pid = ?", (os.getppid(),))
    with closing(SqliteBook(path)) as book:
        now = replace(before, session="today", holder=own_token())
        assert Account(budget, owner="s", book=book, sitting=now).earlier == 1
        later = replace(now, session="later")
        assert Account(budget, owner="s", book=book, sitting=later).earlier == 0
