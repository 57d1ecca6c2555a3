"""Trying winners on other models, where that can't be done."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

from doubles.suite_reports import report

from pytest_lmopt.plugin.session import LmSession
from pytest_lmopt.plugin.transferring import transfer
from pytest_lmopt.reports.suite_report import SearchReport, SuiteReport

SEARCH = SearchReport(
    strategy="s",
    trials=(),
    winner="w",
    reason="",
    confirmation=None,
    holdout_use=1,
    accepted=True,
    note="",
    diff="",
    unwritable=(),
)
FOUND = replace(report("t[a]", ["p"], {"p": "new p", "a.yaml": "1"}), search=SEARCH)
OTHER = report("t[b]", ["p"], {"b.yaml": "1"})


def tried(*reports: SuiteReport) -> list[str]:
    """What is told of the other suites where no test can be run again, as under ``-n``."""
    session = SimpleNamespace(
        reports={each.suite: each for each in reports},
        checks={},
        transfers=[],
        trying=None,
        options=SimpleNamespace(accepting=False),
    )
    transfer(cast(LmSession, session), [])
    return [each.told for one in session.transfers for each in one.tried[1:]]


def test_under_workers_it_says_what_to_do() -> None:
    """The controller has no tests to run."""
    assert tried(FOUND, OTHER) == ["only a run without -n can try it there"]


def test_a_suite_that_broke_is_not_tried() -> None:
    """So the winner does not hold everywhere."""
    assert tried(FOUND, replace(OTHER, status="error")) == ["not tried, as its suite is error"]


def test_other_tests_and_other_prompts_are_no_matter_of_transfer() -> None:
    """A test of its own, or a suite that does not use the prompt."""
    assert tried(FOUND, replace(OTHER, suite="u[b]")) == []
    assert tried(FOUND, replace(OTHER, prompts=("q",))) == []
