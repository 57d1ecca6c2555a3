"""Blocks run elsewhere: the ledger here is never overspent, and no answer is paid for twice."""

from __future__ import annotations

import asyncio
import datetime
import random
import sqlite3
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from doubles.loopback_cluster import LoopbackCluster

from pytest_lmopt import Budget, Completion, Example, Prompt, metrics
from pytest_lmopt.blocks.dask.known import KnownAnswers
from pytest_lmopt.blocks.dask.messages import Spec
from pytest_lmopt.blocks.dask.runner import DaskRunner
from pytest_lmopt.blocks.evaluator import Evaluator
from pytest_lmopt.blocks.runner import LocalRunner
from pytest_lmopt.errors import BudgetExhaustedError, LmoptError
from pytest_lmopt.lm.money.book import SqliteBook
from pytest_lmopt.lm.money.ledger import Account, Ledger
from pytest_lmopt.lm.money.prices import Price, give_prices
from pytest_lmopt.lm.money.protocol import Amount
from pytest_lmopt.lm.recordings.recorded import CacheMode
from pytest_lmopt.lm.recordings.store import SqliteRecordings
from pytest_lmopt.lm.stack import suite_lm
from pytest_lmopt.metrics.evaluation import Evaluation
from pytest_lmopt.runs.executor import InProcessExecutor
from pytest_lmopt.runs.outcomes import SessionEnded
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.dataset import load_dataset
from pytest_lmopt.suites.suite import Suite
from pytest_lmopt.wire import Request, Usage

shout = Prompt(
    name="shout", instruction="Shout.", inputs=["text"], output="loud", params={"max_tokens": 20}
)
INCUMBENT = Candidate(name="incumbent", states={})
EXAMPLES = 24


class Model:
    """Answers in capitals, and counts who asked what; calls ``full`` once it holds eight calls."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.full: Callable[[], object] | None = None

    async def complete(self, request: Request) -> Completion:
        """Answer after a moment, so that calls overlap."""
        text = request.messages[-1].content
        self.asked[text] += 1
        if self.full is None:
            await asyncio.sleep(0)
        else:
            if self.asked.total() == 8:
                self.full()
            await asyncio.Event().wait()
        usage = Usage(calls=1, input_tokens=5, output_tokens=5, micro_usd=10)
        return Completion(text=text.upper(), usage=usage)


def _suite(*, calls_each: int = 1) -> Suite:
    async def pipeline(example: object) -> str:
        text = example.inputs["text"]  # type: ignore[attr-defined]
        for number in range(calls_each):
            answer = await shout.acall(text=f"{text} {number}")
        return answer.text.split()[0]

    rows = [
        {"id": f"e{i}", "inputs": {"text": f"t{i}"}, "expected": f"T{i}"} for i in range(EXAMPLES)
    ]
    return Suite(
        name="s",
        pipeline=pipeline,
        dataset=load_dataset(rows, beside=Path()),
        metric=metrics.exact_match,
        model="openai/simulated",
    )


class World:
    """A suite, its book and store, and a model."""

    def __init__(self, folder: Path, *, budget: Budget, calls_each: int = 1) -> None:
        self.suite = _suite(calls_each=calls_each)
        self.model = Model()
        self.book = SqliteBook(folder / "ledger.sqlite")
        self._folder = folder
        self.ledger = Ledger([Account(budget, owner="s", book=self.book)])
        self.store = SqliteRecordings(folder / "recordings.sqlite")

    @property
    def calls(self) -> int:
        """Calls the model has seen."""
        return self.model.asked.total()

    @property
    def charged(self) -> int:
        """Calls charged, by account and by charges, which must agree."""
        with sqlite3.connect(self._folder / "ledger.sqlite") as book:
            (account,) = book.execute("SELECT sum(calls) FROM accounts").fetchone()
            (charges,) = book.execute("SELECT sum(calls) FROM charges").fetchone()
            (tokens,) = book.execute(
                "SELECT sum(a.tokens) - (SELECT sum(tokens) FROM charges) FROM accounts a"
            ).fetchone()
        book.close()
        assert (account, tokens) == (charges, 0)
        return int(account)

    def evaluate(
        self,
        *,
        is_lost: Callable[[int], bool] = lambda _: False,
        mode: CacheMode = "auto",
        afar: bool = True,
        candidate: Candidate = INCUMBENT,
        is_open: bool = True,
        is_silent: bool = False,
        seconds: float | None = None,
        until_full: bool = False,
    ) -> Evaluation:
        """Evaluate all examples, on the cluster or, unless ``afar``, here.

        Raises ``TimeoutError`` where it is stopped after some ``seconds``, or once the model holds
        a block's calls.
        """
        store = self.store if mode != "off" else None
        lm = suite_lm(self.model, ledger=self.ledger, store=store, mode=mode)

        async def evaluated() -> Evaluation:
            with (
                InProcessExecutor(lm=lm, model=self.suite.model) as executor,
                LoopbackCluster(self.suite, self.model, is_lost=is_lost) as cluster,
            ):
                if not is_open:
                    cluster.is_open.clear()
                cluster.is_silent = is_silent
                local = LocalRunner(self.suite, executor)
                known = KnownAnswers("s", store, mode=mode, committed={}, since=0.0)
                runner = DaskRunner(
                    _spec(self.suite),
                    local,
                    cluster=cluster,
                    ledger=self.ledger,
                    known=known,
                    mode=mode,
                    notice=lambda _: None,
                )
                evaluator = Evaluator(self.suite, runner if afar else local)
                async with asyncio.timeout(seconds) as limit:
                    if until_full:
                        loop = asyncio.get_running_loop()
                        self.model.full = lambda: loop.call_soon_threadsafe(limit.reschedule, 0.0)
                    return await evaluator.evaluate(candidate, tuple(self.suite.dataset))

        return asyncio.run(evaluated())


def _spec(suite: Suite) -> Spec:
    return Spec(
        session="session", suite=suite.name, root="/", inifile=None, folder=".", paths=(), args=(),
        model=None, dataset=suite.dataset.digest, metric=suite.metric_digest,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("calls_each", [1, 3])
def test_never_a_call_more_than_the_budget_whatever_is_lost(
    tmp_path: Path, seed: int, calls_each: int
) -> None:
    """Finished or not, the model saw no more calls than were charged, nor these than the limit."""
    dice = random.Random(seed)
    limit = calls_each * EXAMPLES + dice.randrange(2 * EXAMPLES)
    world = World(tmp_path, budget=Budget(calls=limit), calls_each=calls_each)
    try:
        found = world.evaluate(is_lost=lambda _: dice.random() < 0.2)
        assert found.mean == 1.0
    except LmoptError:
        pass
    assert 0 < world.calls <= world.charged <= limit


def test_a_budget_that_just_suffices_does(tmp_path: Path) -> None:
    """What allowances leave unspent comes back to the blocks that need it."""
    world = World(tmp_path, budget=Budget(calls=EXAMPLES))
    assert world.evaluate().mean == 1.0
    assert world.calls == world.charged == EXAMPLES


def test_one_call_less_is_a_budget_exhausted(tmp_path: Path) -> None:
    """As here, and all that could be paid for is recorded."""
    world = World(tmp_path, budget=Budget(calls=EXAMPLES - 1))
    with pytest.raises(BudgetExhaustedError, match=f"{EXAMPLES - 1} calls"):
        world.evaluate()
    assert world.calls == world.charged == EXAMPLES - 1


def test_an_allowance_that_was_too_small_is_made_up_for(tmp_path: Path) -> None:
    """Nine calls a run, where nobody knew: each is asked for once."""
    world = World(tmp_path, budget=Budget(calls=9 * EXAMPLES), calls_each=9)
    assert world.evaluate().mean == 1.0
    assert set(world.model.asked.values()) == {1}
    assert world.calls == world.charged


@pytest.mark.parametrize(
    "budget", [Budget(tokens=10 * EXAMPLES + 60), Budget(usd=(10 * EXAMPLES + 70) / 1e6)]
)
def test_tokens_and_dollars_are_kept_to_as_well(tmp_path: Path, budget: Budget) -> None:
    """A little more than what the calls cost in the end is enough, and less is not."""
    give_prices({"openai/simulated": Price(input=1.0, output=1.0)})
    try:
        assert World(tmp_path, budget=budget).evaluate().mean == 1.0
        (tmp_path / "half").mkdir()
        half = Budget(
            tokens=budget.tokens and budget.tokens // 2, usd=budget.usd and budget.usd / 2
        )
        world = World(tmp_path / "half", budget=half)
        with pytest.raises(BudgetExhaustedError):
            world.evaluate()
        assert 0 < world.calls <= EXAMPLES // 2 + 3
    finally:
        give_prices({})


def test_a_limit_that_is_used_up_to_the_last_token_ends_it(tmp_path: Path) -> None:
    """Nothing is granted of nothing."""
    world = World(tmp_path, budget=Budget(tokens=100))
    world.ledger.settle(
        world.ledger.reserve(Amount(tokens=100, micro_usd=0)), Usage(output_tokens=100)
    )
    with pytest.raises(BudgetExhaustedError):
        world.evaluate()
    assert world.calls == 0


@pytest.mark.parametrize("afar", [True, False])
def test_what_is_recorded_is_not_asked_again(tmp_path: Path, afar: bool) -> None:
    """Whether it was recorded there or here, and in a replay too."""
    world = World(tmp_path, budget=Budget(calls=200), calls_each=2)
    world.evaluate(afar=afar)
    assert world.calls == 2 * EXAMPLES
    assert world.evaluate().usage == world.evaluate(mode="replay").usage
    assert world.calls == world.charged == 2 * EXAMPLES


def test_without_recordings_a_lost_block_is_asked_again(tmp_path: Path) -> None:
    """And paid for again, of what the budget has left."""
    world = World(tmp_path, budget=Budget(calls=200))
    assert world.evaluate(mode="off", is_lost=lambda number: number == 2).mean == 1.0
    assert EXAMPLES < world.calls <= world.charged <= 200


def test_a_replay_that_lacks_answers_names_them(tmp_path: Path) -> None:
    """It asks nobody."""
    world = World(tmp_path, budget=Budget(calls=200))
    with pytest.raises(LmoptError, match=f"{EXAMPLES} requests are not recorded"):
        world.evaluate(mode="replay")
    assert world.calls == 0


def test_an_allowance_that_nobody_has_claimed_is_given_back(tmp_path: Path) -> None:
    """An evaluation that is stopped before any worker took its blocks has cost nothing."""
    world = World(tmp_path, budget=Budget(calls=200))
    with pytest.raises(TimeoutError):
        world.evaluate(is_open=False, seconds=0.01)
    assert world.calls == world.charged == 0
    assert world.evaluate().mean == 1.0


@pytest.mark.parametrize("is_silent", [True, False])
def test_an_evaluation_that_is_stopped_charges_what_was_under_way(
    tmp_path: Path, is_silent: bool
) -> None:
    """A block that says what it has spent costs that, one that falls silent its allowance."""
    world = World(tmp_path, budget=Budget(calls=400))
    with pytest.raises(TimeoutError):
        world.evaluate(until_full=True, is_silent=is_silent)
    assert 0 < world.calls <= world.charged <= 400
    assert (world.calls == world.charged) is not is_silent


def test_values_that_json_lacks_are_run_here(tmp_path: Path) -> None:
    """A candidate that can't be sent as it is, is not sent."""
    world = World(tmp_path, budget=Budget(calls=200))
    demo = {"text": datetime.date(2024, 2, 29), "loud": "X"}
    state = replace(shout.state, demos=(demo,))
    found = world.evaluate(candidate=Candidate(name="odd", states={shout.key: state}))
    assert found.mean == 1.0
    assert world.calls == world.charged == EXAMPLES


def test_a_session_that_ends_there_ends_here(tmp_path: Path) -> None:
    """Though the leader would not meet it: it is raised once, and what was spent is charged."""
    world = World(tmp_path, budget=Budget(calls=100))
    pipeline = world.suite.pipeline
    ended: list[str] = []

    async def ending(example: Example) -> object:
        if example.id == "e7" and not ended:
            ended.append(example.id)
            pytest.exit("quota used up", returncode=7)
        return await pipeline(example)

    world.suite = replace(world.suite, pipeline=ending)
    with pytest.raises(SessionEnded) as error:
        world.evaluate()
    assert (error.value.reason, error.value.returncode) == ("quota used up", 7)
    assert world.calls <= world.charged <= 100


@pytest.mark.parametrize(("concurrency", "most"), [(1, 8), (10, 8), (60, 16)])
def test_the_suites_concurrency_bounds_the_blocks_sent(
    tmp_path: Path, concurrency: int, most: int
) -> None:
    """A lane bounds its own examples; of blocks of eight, no more are sent than may run at once."""
    world = World(tmp_path, budget=Budget(calls=100))
    pipeline, seen = world.suite.pipeline, [0]
    inside: set[str] = set()

    async def counted(example: Example) -> object:
        inside.add(example.id)
        seen.append(len(inside))
        try:
            return await pipeline(example)
        finally:
            inside.discard(example.id)

    world.suite = replace(world.suite, pipeline=counted, concurrency=concurrency)
    assert world.evaluate().mean == 1.0
    assert max(seen) <= most
