"""After the run: suites whose prompts another suite's winner rewrites are run with them too."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from _pytest.runner import runtestprotocol

from pytest_lmopt.assessment.sharing import Trying, changes_for, conflicting
from pytest_lmopt.plugin.recollecting import item_of
from pytest_lmopt.plugin.session import LmSession
from pytest_lmopt.reports.suite_report import SharedCheck, SuiteReport


def recheck(session: LmSession, run: pytest.Session) -> None:
    """Try what is about to be accepted on every suite that shares a prompt with it.

    Whether or not that suite accepts anything itself; one that did not end is not tried again.
    """
    reports = session.reports.values()
    conflicts = conflicting(reports)
    for report in reports:
        changes = changes_for(report, reports, conflicts)
        known = session.checks.get(report.suite)
        if not changes or (known and set(known.files) == set(changes)):
            continue
        if report.status in ("passed", "failed"):
            found = check(session, run, report.suite, Trying(changes=changes))
        else:
            found = _untried(report, changes)
        session.checks[report.suite] = found


def _untried(report: SuiteReport, changes: Mapping[str, str]) -> SharedCheck:
    problem = (
        f"not tried there, as that suite was not judged to the end ({report.status}: "
        f"{report.problem}); mend that and run again"
    )
    return SharedCheck(suite=report.suite, files=tuple(sorted(changes)), problem=problem)


def check(session: LmSession, run: pytest.Session, suite: str, trying: Trying) -> SharedCheck:
    """What a suite makes of changes; a problem where it can't be run."""
    session.checks.pop(suite, None)
    try:
        problem = _again(item_of(session, run, suite), session, trying)
    except pytest.UsageError as error:
        problem = str(error)
    files = tuple(sorted(trying.changes))
    return session.checks.pop(suite, SharedCheck(suite=suite, files=files, problem=problem))


def _again(item: pytest.Function, session: LmSession, trying: Trying) -> str:
    """Run a test again, its fixtures included; what went wrong, if it left no check."""
    session.trying = trying
    item._initrequest()
    try:
        reports = runtestprotocol(item, log=False)
    finally:
        session.trying = None
    return next((report.longreprtext for report in reports if report.failed), "it was skipped")
