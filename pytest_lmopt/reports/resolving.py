"""What resolves what a run found: the commands, each with the suites it is for.

No command stands here that this run has just seen fail, or that must fail on what it found.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from pytest_lmopt.reports.look import Look
from pytest_lmopt.reports.suite_report import SuiteReport
from pytest_lmopt.reports.wording import NOT_GATED

MOST_PATHS = 3
"""More suites than that are named by their files."""


def resolving_lines(reports: Sequence[SuiteReport], look: Look) -> Iterator[str]:
    """A line for each state of a baseline that asks for something, with the command that does it.

    Then one for each reason why nothing of some suites was accepted, or can be. A path comes before
    ``--lm-snapshot-update``, which would take it for its value.
    """
    states: dict[str, list[str]] = {}
    for report in reports:
        for state in _states(report):
            states.setdefault(state, []).append(report.suite)
    for state, suites in states.items():
        count = f" ({len(suites)} suites)" if len(suites) > 1 else ""
        begins, _, ends = state.partition("; ")
        again = f"pytest {_paths(suites, look)}{look.options} {look.accept}"
        yield f"{begins}{count}; {ends}: {again}"
    withheld: dict[str, list[str]] = {}
    for report in reports:
        if why := _withheld(report):
            withheld.setdefault(why, []).append(report.suite)
    for why, suites in withheld.items():
        more = f" and {len(suites) - MOST_PATHS} more" if len(suites) > MOST_PATHS else ""
        yield f"nothing accepted of {', '.join(suites[:MOST_PATHS])}{more}: {why}"


def unwritten(report: SuiteReport) -> str:
    """Why accepting writes nothing of a suite that has nothing to write."""
    if report.withheld or report.status in ("passed", "failed"):
        return report.withheld or "it has nothing to accept"
    return f"this suite was not judged to the end ({report.status})"


def _states(report: SuiteReport) -> Iterator[str]:
    judged = report.status in ("passed", "failed") and report.score is not None
    better = report.search is not None and report.search.accepted
    if report.accepting or better or report.withheld or not judged:
        return
    if report.baseline == "no baseline":
        yield "no baseline yet; to make these scores one"
    elif report.baseline != "compared":
        yield f"{NOT_GATED}: {report.baseline}; to accept these scores as the baseline"
    if report.changed:
        meant = ", once meant" if report.status == "failed" else ""
        yield f"changed since the baseline: {', '.join(report.changed)}; to accept{meant}"


def _withheld(report: SuiteReport) -> str:
    """Why nothing of a suite is accepted, where nothing else of its report says so."""
    told_above = report.search is not None and report.search.accepted
    if told_above or (not report.accepting and report.status == "failed"):
        return ""
    return report.withheld


def _paths(suites: Sequence[str], look: Look) -> str:
    names = suites
    if len(suites) > MOST_PATHS:
        names = list(dict.fromkeys(suite.partition("::")[0] for suite in suites))
    return " ".join(shlex.quote(look.command(name)) for name in names)
