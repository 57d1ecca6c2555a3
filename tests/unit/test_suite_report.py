"""Reports as JSON: between processes, and for machines."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest
from doubles.sample_run import FACTS
from doubles.suite_reports import BLANK
from doubles.trial_reports import trial_report

from pytest_lmopt.comparison.verdict import Verdict, compare
from pytest_lmopt.reports.machine import document
from pytest_lmopt.reports.suite_report import (
    FailingExample,
    PartGain,
    SearchReport,
    SuiteReport,
    from_json,
    to_json,
)
from pytest_lmopt.wire import Usage

OLD = {str(number): 0.0 for number in range(12)}
NEW = {str(number): number / 11 for number in range(12)}

PLAIN = replace(BLANK, status="error", problem="broken")

FULL = replace(
    PLAIN,
    status="failed",
    n=12,
    score=0.5,
    low=0.25,
    high=0.75,
    comparison=compare(OLD, NEW, groups={"0": "a", "1": "a"}),
    failing=(FailingExample(id="größer", got='two\nlines, "quoted" \x1b\ud800'),),
    usage=Usage(calls=3, micro_usd=None),
    search=SearchReport(
        strategy="bootstrap",
        trials=(trial_report("demos-1", 0.25, 16), trial_report("demos-2", -0.5, 8)),
        winner="demos-1",
        reason="seen",
        confirmation=compare(OLD, NEW),
        holdout_use=1,
        accepted=True,
        note="",
        diff="-a\n+b",
        unwritable=("inline",),
        gains=(
            PartGain(changes=("inline: another instruction", "inline: reasoning")),
            PartGain(changes=("a",), candidate="demos-2", difference=0.1, low=0.0, high=0.2, n=16),
        ),
    ),
    notices=("recordings.sqlite was damaged",),
    accept={"prompts/route.yaml": "instruction: x\n"},
)


@pytest.mark.parametrize("report", [PLAIN, FULL])
def test_a_report_travels_as_json(report: SuiteReport) -> None:
    """What a worker sends is what the session's owner gets, tuples and verdicts included."""
    assert from_json(to_json(report)) == report


def test_verdicts_come_back_as_verdicts() -> None:
    """A verdict that travelled is the enumeration's member, not only equal to it."""
    report = from_json(to_json(FULL))
    assert report.comparison is not None
    assert report.comparison.verdict is Verdict.IMPROVED


def test_a_report_is_one_line_that_any_channel_carries() -> None:
    """No line end, and nothing that can't be encoded: half a surrogate pair is spelled out."""
    line = to_json(FULL)
    assert "\n" not in line
    assert line.isascii()


def test_the_document_lists_the_suites_in_order() -> None:
    """A version, and each suite with the fields of its report."""
    suites = json.loads("".join(document(FACTS, [PLAIN, FULL])))["suites"]
    assert [suite["status"] for suite in suites] == ["error", "failed"]
    assert suites[0]["score"] is None
    assert suites[1]["comparison"]["verdict"] == "improved"
    trials = suites[1]["search"]["trials"]
    assert [(trial["name"], trial["difference"], trial["n"]) for trial in trials] == [
        ("demos-1", 0.25, 16),
        ("demos-2", -0.5, 8),
    ]
    assert suites[1]["usage"]["micro_usd"] is None


def test_the_document_can_be_written_as_utf_8() -> None:
    """Text of any script is readable in it, and no text of a model keeps it from being written."""
    text = "".join(document(FACTS, [FULL]))
    assert "größer" in text
    assert json.loads(text.encode("utf-8"))


def test_no_suites_are_an_empty_list() -> None:
    """A session without suites has a document too."""
    found = json.loads("".join(document(FACTS, [])))
    assert found == {"version": 1, "run": asdict(FACTS), "transfers": [], "suites": []}
