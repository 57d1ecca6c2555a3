"""After a search on several models: each one's winner is tried on the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest

from pytest_lmopt.assessment.sharing import Trying
from pytest_lmopt.plugin.rechecking import check
from pytest_lmopt.plugin.session import LmSession
from pytest_lmopt.reports.suite_report import SharedCheck, SuiteReport
from pytest_lmopt.reports.transfer import Transfer, Tried, best_of

Checks = dict[str, SharedCheck]


def transfer(session: LmSession, run: pytest.Session) -> None:
    """Try the winners of a parametrised test on all its suites that share the prompt.

    When the session accepts, the one that holds everywhere with the largest mean gain takes the
    place of the others; where none does, they stay what they are: in conflict, or refused.
    """
    for family in _families(session.reports.values()):
        found = [_tried(session, run, report, family) for report in family if _rewrites(report)]
        session.transfers += [transfer for transfer, _ in found]
        best = best_of([transfer for transfer, _ in found])
        if not session.options.accepting:
            continue
        if best is None and len(found) == 1:
            session.checks |= found[0][1]
        elif best is not None:
            checks = next(checks for transfer, checks in found if transfer is best)
            for suite, checked in checks.items():
                session.checks[suite] = checked
                session.reports[suite] = _outdone(session.reports[suite], checked, best.found_on)


def _families(reports: Iterable[SuiteReport]) -> list[list[SuiteReport]]:
    """The suites of each parametrised test, where a search found something to write."""
    families: dict[str, list[SuiteReport]] = {}
    for report in reports:
        families.setdefault(report.suite.partition("[")[0], []).append(report)
    return [each for each in families.values() if len(each) > 1 and any(map(_rewrites, each))]


def _rewrites(report: SuiteReport) -> dict[str, str]:
    """The prompt files that a suite's winner would rewrite, with their text."""
    if report.search is None or not report.search.accepted:
        return {}
    return {name: text for name, text in report.accept.items() if name in report.prompts}


def _tried(
    session: LmSession,
    run: pytest.Session,
    found_on: SuiteReport,
    family: Sequence[SuiteReport],
) -> tuple[Transfer, Checks]:
    changes = _rewrites(found_on)
    tried: list[Tried] = []
    checks: Checks = {}
    for report in family:
        if report is found_on:
            tried.append(_found(report))
        elif report.status not in ("passed", "failed"):
            tried.append(_untried(report.suite, f"not tried, as its suite is {report.status}"))
        elif not changes.keys().isdisjoint(report.prompts):
            checks[report.suite] = checked = check(
                session, run, report.suite, Trying(changes=changes, alone=True)
            )
            tried.append(_checked(checked))
    transfer = Transfer(found_on=found_on.suite, files=tuple(sorted(changes)), tried=tuple(tried))
    return transfer, checks


def _found(report: SuiteReport) -> Tried:
    search = report.search
    found = search.confirmation if search else None
    told = f"{search.basis if search else ''}, found here"
    return Tried(
        suite=report.suite, difference=found.difference if found else 0.0, told=told, holds=True
    )


def _checked(checked: SharedCheck) -> Tried:
    found = checked.comparison
    if found is None:
        return _untried(checked.suite, checked.problem)
    told = checked.problem or str(found.verdict)
    return Tried(
        suite=checked.suite, difference=found.difference, told=told, holds=not checked.problem
    )


def _untried(suite: str, why: str) -> Tried:
    return Tried(suite=suite, difference=None, told=why, holds=False)


def _outdone(report: SuiteReport, checked: SharedCheck, by: str) -> SuiteReport:
    """The report of a suite whose own winner, if any, gives way to another's."""
    search = report.search
    if search is not None and search.accepted:
        search = replace(search, outdone_by=by)
    return replace(report, accept=checked.accept, search=search)
