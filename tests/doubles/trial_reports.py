"""Trials as reports show them, of which a test says only what it is about."""

from __future__ import annotations

from pytest_lmopt.reports.suite_report import TrialReport


def trial_report(name: str, difference: float, n: int) -> TrialReport:
    """A candidate raced on ``n`` dev examples, against an incumbent that scores a half."""
    return TrialReport(
        name=name,
        reason="seen",
        difference=difference,
        low=difference - 0.1,
        high=difference + 0.1,
        n=n,
        score=0.5 + difference,
        tokens=40.0,
        size=120,
        calls=100,
        efficient=difference > 0.0,
        seconds=0.5,
    )
