"""After the run: suites whose prompts another suite's winner rewrites are run with them too."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from _pytest.runner import runtestprotocol

from pytest_lmopt.assessment.sharing import changes_for, conflicting
from pytest_lmopt.plugin.session import LmSession
from pytest_lmopt.reports.suite_report import SharedCheck


def recheck(session: LmSession, items: Iterable[pytest.Item]) -> None:
    """Try what is about to be accepted on every suite that shares a prompt with it."""
    tests = {item.nodeid: item for item in items if isinstance(item, pytest.Function)}
    reports = session.reports.values()
    conflicts = conflicting(reports)
    for report in reports:
        changes = changes_for(report, reports, conflicts)
        if not changes or not report.accept:
            continue
        problem = "only a run without -n can try it there"
        if report.suite in tests:
            problem = _again(tests[report.suite], session, changes)
        if report.suite not in session.checks:
            session.checks[report.suite] = SharedCheck(
                suite=report.suite, files=tuple(sorted(changes)), problem=problem
            )


def _again(item: pytest.Function, session: LmSession, changes: dict[str, str]) -> str:
    """Run a test again, its fixtures included; what went wrong, if it left no check."""
    session.changes = changes
    item._initrequest()
    try:
        reports = runtestprotocol(item, log=False)
    finally:
        session.changes = {}
    return next((report.longreprtext for report in reports if report.failed), "it was skipped")
