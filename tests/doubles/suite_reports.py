"""Reports of suites that would write files."""

from __future__ import annotations

from pytest_lmopt.lm.seam import Usage
from pytest_lmopt.reports.suite_report import SuiteReport


def report(suite: str, prompts: list[str], accept: dict[str, str]) -> SuiteReport:
    """A suite that calls some prompts and would write some files."""
    return SuiteReport(
        suite=suite,
        status="passed",
        problem="",
        model="m",
        n=50,
        score=0.5,
        low=0.4,
        high=0.6,
        baseline="no baseline",
        comparison=None,
        failing=(),
        missing=0,
        skipped=0,
        usage=Usage(),
        budget="",
        seconds=0.0,
        prompts=tuple(prompts),
        accept=accept,
    )
