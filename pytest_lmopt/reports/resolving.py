"""What resolves what a run found: the commands, each with the suites it is for."""

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

    A path comes before ``--lm-snapshot-update``, which would take it for its value.
    """
    states: dict[str, list[str]] = {}
    for report in reports:
        for state in _states(report):
            states.setdefault(state, []).append(report.suite)
    for state, suites in states.items():
        count = f" ({len(suites)} suites)" if len(suites) > 1 else ""
        begins, _, ends = state.partition("; ")
        again = f"pytest {_paths(suites, look)}{look.options} --lm-snapshot-update"
        yield f"{begins}{count}; {ends}: {again}"


def _states(report: SuiteReport) -> Iterator[str]:
    judged = report.status in ("passed", "failed") and report.score is not None
    better = report.search is not None and report.search.accepted
    if report.accepting or better or not judged:
        return
    if report.baseline == "no baseline":
        yield "no baseline yet; to make these scores one"
    elif report.baseline != "compared":
        yield f"{NOT_GATED}: {report.baseline}; to accept these scores as the baseline"
    if report.changed:
        meant = ", once meant" if report.status == "failed" else ""
        yield f"changed since the baseline: {', '.join(report.changed)}; to accept{meant}"


def _paths(suites: Sequence[str], look: Look) -> str:
    names = suites
    if len(suites) > MOST_PATHS:
        names = list(dict.fromkeys(suite.partition("::")[0] for suite in suites))
    return " ".join(shlex.quote(look.command(name)) for name in names)
