"""Reports of suites, of which a test says only what it is about."""

from __future__ import annotations

from dataclasses import replace

from doubles.trial_reports import trial_report

from pytest_lmopt.comparison.verdict import Comparison, compare
from pytest_lmopt.reports.suite_report import FailingExample, SearchReport, SuiteReport
from pytest_lmopt.wire import Usage


def comparison(
    passed_before: int, passed_now: int, *, of: int, unchanged: bool = False
) -> Comparison:
    """Two evaluations of which the first so many examples pass."""

    def scores(passed: int) -> dict[str, float]:
        return {str(number): float(number < passed) for number in range(of)}

    compared = compare(scores(passed_before), scores(passed_now), unchanged=unchanged)
    assert compared is not None
    return compared


HELD = comparison(18, 18, of=20, unchanged=True)

BLANK = SuiteReport(
    suite="tests/test_shop.py::test_triage",
    status="passed",
    problem="",
    model="openai/small",
    n=0,
    score=None,
    low=None,
    high=None,
    baseline="no baseline",
    comparison=None,
    failing=(),
    missing=0,
    skipped=0,
    usage=Usage(),
    budget="",
    seconds=0.0,
)

REPORT = replace(
    BLANK,
    n=20,
    score=0.9,
    low=0.699,
    high=0.972,
    baseline="compared",
    comparison=comparison(10, 18, of=20),
    usage=Usage(
        calls=1200,
        replayed=1000,
        input_tokens=40_000,
        output_tokens=5_678,
        micro_usd=30_000,
        saved_micro_usd=17_500,
    ),
    budget="2000 calls",
    seconds=72.4,
)

SEARCH = SearchReport(
    strategy="bootstrap",
    trials=(trial_report("demos-3", 0.12, 24), trial_report("demos-1", -0.05, 16)),
    winner="demos-3",
    reason="demos from the passing runs of a, b",
    confirmation=comparison(10, 18, of=20),
    holdout_use=1,
    accepted=True,
    note="",
    diff="--- a/route.yaml\n+++ b/route.yaml\n@@ -1 +1 @@\n-old\n+new",
    unwritable=(),
    basis="improved",
    changes=("route.yaml: 4 in place of 0 demos",),
)

FAILING = (
    FailingExample(id="t1", inputs="{'text': 'x'}", expected="FIN", got="ENG", feedback="not FIN"),
    FailingExample(id="t2", got="?"),
    FailingExample(id="h1"),
    FailingExample(id="h2"),
    FailingExample(id="h3"),
)


def report(suite: str, prompts: list[str], accept: dict[str, str]) -> SuiteReport:
    """A suite that calls some prompts and would write some files."""
    return replace(
        BLANK,
        suite=suite,
        model="m",
        n=50,
        score=0.5,
        low=0.4,
        high=0.6,
        prompts=tuple(prompts),
        accept=accept,
    )
