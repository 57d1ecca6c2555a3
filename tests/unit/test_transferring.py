"""Trying winners on other models, where that can't be done."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest
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
ELSEWHERE = SimpleNamespace(nodeid="elsewhere")


def tried(*reports: SuiteReport) -> list[str]:
    """What is told of the other suites where their tests are not found again."""
    session = SimpleNamespace(
        reports={each.suite: each for each in reports},
        checks={},
        transfers=[],
        trying=None,
        options=SimpleNamespace(accepting=False),
    )
    transfer(cast(LmSession, session), cast(pytest.Session, SimpleNamespace(items=[ELSEWHERE])))
    return [each.told for one in session.transfers for each in one.tried[1:]]


def test_a_test_that_only_workers_collect_is_told_of() -> None:
    """As where a conftest chooses tests by the process it is in."""
    (told,) = tried(FOUND, OTHER)
    assert told == "run again without -n: the process that hands out tests can't find it"


def test_a_suite_that_broke_is_not_tried() -> None:
    """So the winner does not hold everywhere."""
    assert tried(FOUND, replace(OTHER, status="error")) == ["not tried, as its suite is error"]


def test_other_tests_and_other_prompts_are_no_matter_of_transfer() -> None:
    """A test of its own, or a suite that does not use the prompt."""
    assert tried(FOUND, replace(OTHER, suite="u[b]")) == []
    assert tried(FOUND, replace(OTHER, prompts=("q",))) == []
