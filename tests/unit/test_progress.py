"""Progress: what a suite tells of itself, and the line that is made of it."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from pytest_lmopt import Budget
from pytest_lmopt.blocks.progress import Best, Progress, Running, Spending, Tracker
from pytest_lmopt.lm.money.ledger import Account, Ledger
from pytest_lmopt.lm.money.protocol import Amount
from pytest_lmopt.reports.progress_line import progress_line
from pytest_lmopt.reports.text import columns
from pytest_lmopt.stats.intervals import mean_interval
from pytest_lmopt.stats.running import RunningMean

HALF_WAY = Progress(
    suite="test_a.py::test_it",
    began=1000.0,
    phase="evaluation",
    phase_began=1010.0,
    done=25,
    of=100,
    done_at=1020.0,
    best=Best("score", 0.92, 0.75, 0.98, gain=False),
    spending=(Spending("calls", 1250, 6000), Spending("usd", 0.0125, 0.5)),
)


def test_the_line_says_how_far_how_good_how_dear_and_how_long() -> None:
    """25 runs took 10 seconds, 5 seconds ago."""
    assert progress_line([HALF_WAY], now=1025.0, width=200) == (
        "test_a.py::test_it evaluation 25/100, score 0.920 [0.75, 0.98], 1,250/6,000 calls, "
        "$0.0125/$0.5, 25 s, about 25 s left"
    )


def test_a_search_shows_its_best_candidates_gain() -> None:
    """Hours and minutes where there are any; no limit where there is none; others counted.

    Nothing was done for long, so what is left takes longer than it seemed.
    """
    searching = replace(
        HALF_WAY,
        phase="race, rung 2 of 3",
        best=Best("bootstrap-4", 0.40625, 0.121, 0.559, gain=True),
        spending=(Spending("calls", 233, None), Spending("seconds", 90.0, 7200.0)),
    )
    assert progress_line([searching, HALF_WAY], now=1000.0 + 3725, width=200) == (
        "test_a.py::test_it race, rung 2 of 3 25/100, best bootstrap-4 +0.406 [+0.12, +0.56], "
        "233 calls, 90/7,200 s, 1 h 2 min, about 3 h 5 min left, and 1 more"
    )


def test_an_example_without_an_end_is_named() -> None:
    """After a minute; others have an end of their own."""
    stuck = replace(HALF_WAY, longest=Running("e7", 963.0))
    assert "example e7" not in progress_line([stuck], now=1022.0, width=200)
    assert " 25/100, example e7 has been running for 62 s, score" in progress_line(
        [stuck], now=1025.0, width=200
    )
    assert "e7 has been running for 5 min 37 s" in progress_line([stuck], now=1300.0, width=200)
    assert Progress.from_text(stuck.to_text()) == stuck


def test_a_suite_that_has_just_begun_claims_nothing() -> None:
    """Neither a score nor the time it takes."""
    begun = Progress(suite="s", began=5.0)
    assert progress_line([begun], now=5.0, width=80) == "s begins, 0 s"
    assert progress_line([], now=5.0, width=80) == ""


@pytest.mark.parametrize("width", [20, 40, 79, 100, 139])
@pytest.mark.parametrize("name", ["tests/deep/test_a.py::test_it[large]", "tests/測試.py::test_é́"])
def test_a_narrow_terminal_gets_as_much_as_it_holds(name: str, width: int) -> None:
    """The name keeps its end, and gives way first."""
    suite = replace(HALF_WAY, suite=name)
    line = progress_line([suite], now=1025.0, width=width)
    assert columns(line) <= width
    assert line.startswith(("…", name))
    assert name[-3:] in line
    assert " ev" in line


def test_names_bring_no_control_characters() -> None:
    """Neither a suite's nor a candidate's."""
    evil = replace(
        HALF_WAY, suite="test[\x1b[2J\r\n]", best=Best("\x1b]0;\n", 0.0, 0.0, 0.0, gain=True)
    )
    assert progress_line([evil], now=1025.0, width=200).isprintable()


def test_a_tracker_follows_phases_runs_and_scores() -> None:
    """A phase that told its size keeps it; one that did not grows."""
    tracker = Tracker("s")
    tracker.begin("evaluation", of=60, scored=True)
    tracker.expect(25)
    assert tracker.now().best is None
    tracker.add(25, [1.0] * 20 + [0.0] * 5)
    now = tracker.now()
    assert (now.phase, now.done, now.of) == ("evaluation", 25, 60)
    assert now.best is not None
    assert now.best[:2] == ("score", 0.8)
    tracker.begin("race, rung 1 of 1")
    tracker.expect(10)
    tracker.add(10, [0.5])
    tracker.expect(20)
    now = tracker.now()
    assert (now.done, now.of, now.best) == (10, 30, None)
    best = Best("c", 0.1, 0.0, 0.2, gain=True)
    tracker.lead(best)
    tracker.begin("confirmation")
    assert tracker.now().best == best


def test_spending_is_told_of_the_budget_that_ends_first() -> None:
    """Of calls the session's limit is nearer here, of dollars there is one only."""
    accounts = [
        Account(Budget(calls=100, usd=1.0), owner="suite"),
        Account(Budget(calls=10), owner="session"),
    ]
    ledger = Ledger(accounts)
    ledger.reserve(Amount(tokens=50, micro_usd=250_000))
    assert Tracker("s", accounts).now().spending == (
        Spending("calls", 1, 10),
        Spending("usd", 0.25, 1.0),
    )


def test_spending_without_limits_is_told_all_the_same() -> None:
    """Calls, and dollars if there are any."""
    account = Account(Budget(), owner="suite")
    assert Tracker("s", [account]).now().spending == ()
    Ledger([account]).reserve(Amount(tokens=50, micro_usd=0))
    assert Tracker("s", [account]).now().spending == (Spending("calls", 1, None),)


@pytest.mark.parametrize(("binary", "n"), [(True, 1), (True, 40), (False, 6), (False, 40)])
def test_a_running_mean_is_the_mean_of_all_values(binary: bool, n: int) -> None:
    """With the interval that the report will have."""
    draw = random.Random(1)
    values = [float(draw.random() < 0.7) if binary else draw.random() for _ in range(n)]
    running = RunningMean().of_more(values[: n // 3]).of_more(values[n // 3 :])
    assert running.mean == pytest.approx(sum(values) / n)
    (low, high), (true_low, true_high) = running.interval, mean_interval(values)
    assert high - low == pytest.approx(true_high - true_low, rel=0.01)
    assert low == pytest.approx(true_low, abs=0.005)
    assert RunningMean().interval == RunningMean().of_more([0.5]).interval == (0.0, 1.0)
