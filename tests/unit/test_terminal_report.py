"""What the terminal shows of a session's suites."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest
from doubles.sample_run import FACTS
from doubles.trial_reports import trial_report

from pytest_lmopt.comparison.verdict import Comparison, Verdict, compare
from pytest_lmopt.lm.seam import Usage
from pytest_lmopt.reports.machine import document
from pytest_lmopt.reports.suite_report import (
    FailingExample,
    Repeats,
    SearchReport,
    SharedCheck,
    Status,
    SuiteReport,
)
from pytest_lmopt.reports.terminal import check_lines, terminal_lines
from pytest_lmopt.reports.text import one_line, printable


def comparison(passed_before: int, passed_now: int, *, of: int) -> Comparison:
    """Two evaluations of which the first so many examples pass."""

    def scores(passed: int) -> dict[str, float]:
        return {str(number): float(number < passed) for number in range(of)}

    compared = compare(scores(passed_before), scores(passed_now))
    assert compared is not None
    return compared


REPORT = SuiteReport(
    suite="tests/test_shop.py::test_triage",
    status="passed",
    problem="",
    model="openai/small",
    n=20,
    score=0.9,
    low=0.699,
    high=0.972,
    baseline="compared",
    comparison=comparison(10, 18, of=20),
    failing=(),
    missing=0,
    skipped=0,
    usage=Usage(
        calls=1200,
        replayed=1000,
        input_tokens=40_000,
        output_tokens=5_678,
        micro_usd=30_000,
        saved_micro_usd=17_500,
    ),
    budget="2000 calls",
    seconds=12.4,
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
)


def shown(*reports: SuiteReport, verbosity: int = 0, width: int = 100) -> str:
    """The section as text."""
    return "\n".join(terminal_lines(reports, verbosity=verbosity, width=width))


def cells(report: SuiteReport) -> list[str]:
    """The row of a suite in the table."""
    row = shown(report, verbosity=-1).splitlines()[2]
    return [cell.strip() for cell in row.split("  ") if cell.strip()]


def test_the_table_has_a_row_for_each_suite() -> None:
    """Name, n, score with interval, change, verdict, calls, tokens, what was paid now, time."""
    header, _, row, other = shown(REPORT, replace(REPORT, suite="other"), verbosity=-1).splitlines()
    assert " ".join(header.split()) == (
        "suite n score [95 %] change verdict calls tokens cost time"
    )
    assert row.startswith("tests/test_shop.py::test_triage")
    assert other.startswith("other")
    assert cells(REPORT) == [
        "tests/test_shop.py::test_triage",
        "20",
        "0.900 [0.70, 0.97]",
        "+0.400",
        "improved",
        "1200 (1000 replayed)",
        "45,678",
        "$0.0125",
        "12 s",
    ]


def test_a_suite_without_scores_shows_none() -> None:
    """An error has no score, no change and its status for a verdict."""
    report = replace(
        REPORT, status="error", score=None, low=None, high=None, n=0, comparison=None, usage=Usage()
    )
    assert cells(report)[1:] == ["0", "–", "error", "0", "0", "$0.0000", "12 s"]


@pytest.mark.parametrize("baseline", ["no baseline", "stale (dataset changed)"])
def test_without_a_fair_baseline_there_is_no_verdict(baseline: str) -> None:
    """Where the baseline is missing or stale the table says so, and the details what to do."""
    report = replace(REPORT, baseline=baseline)
    assert baseline in cells(report)
    assert "improved" not in cells(report)
    assert "add --lm-snapshot-update" in shown(report)


def test_an_unpriced_model_is_not_free() -> None:
    """Without a price the cost is unknown, not zero."""
    assert "unpriced" in cells(replace(REPORT, usage=Usage(calls=3, micro_usd=None)))


def test_a_quiet_terminal_gets_the_table_only() -> None:
    """With -q there are no details."""
    assert len(shown(REPORT, verbosity=-1).splitlines()) == 3


def test_a_comparison_is_told_with_its_numbers() -> None:
    """Means, n, difference, interval, p-value, test and verdict."""
    text = shown(REPORT)
    assert "against the baseline: 0.500 → 0.900 on 20 examples" in text
    assert "difference +0.400, 95 % interval [+0." in text
    assert "p = 0.0039 (mid-p McNemar): improved" in text


def test_an_inconclusive_comparison_says_what_could_be_seen() -> None:
    """It names the effect these examples can show, and how many would decide this one."""
    report = replace(REPORT, comparison=comparison(20, 18, of=20))
    assert "20 examples can show a difference of 0.193; about 75 would decide this one" in shown(
        report
    )


def test_an_inconclusive_tie_promises_no_number() -> None:
    """Where as many were lost as gained no number of examples would show the difference."""
    old = {str(number): float(number < 3) for number in range(20)}
    new = {str(number): float(3 <= number < 6) for number in range(20)}
    text = shown(replace(REPORT, comparison=compare(old, new)))
    assert "20 examples can show a difference of" in text
    assert "would decide" not in text


def test_a_verdict_that_stands_needs_no_such_line() -> None:
    """What could be detected is of interest only where nothing was."""
    assert "can show a difference" not in shown(REPORT)


def test_warnings_of_a_comparison_are_shown() -> None:
    """A comparison resting on few groups says so."""
    compared = comparison(10, 18, of=20)
    report = replace(REPORT, comparison=replace(compared, warning="only 4 groups"))
    assert "warning: only 4 groups" in shown(report)


def test_examples_left_out_are_counted() -> None:
    """Missing answers and skips are told apart."""
    assert "left out: 2 without an answer, 1 skipped" in shown(
        replace(REPORT, missing=2, skipped=1)
    )


def test_the_first_missing_example_is_named_with_its_reason() -> None:
    """On a line of its own; where too much is missing, the suite's problem says it already."""
    missing = replace(REPORT, missing=2, missing_because="t3: rate limit")
    assert "\n    t3: rate limit\n" in shown(missing)
    assert "t3" not in shown(replace(missing, status="error", problem="2 runs have no answer"))


FAILING = (
    FailingExample(id="t1", inputs="{'text': 'x'}", expected="FIN", got="ENG", feedback="not FIN"),
    FailingExample(id="t2", got="?"),
    FailingExample(id="h1"),
    FailingExample(id="h2"),
    FailingExample(id="h3"),
)


def test_failing_examples_are_shown_with_the_reason() -> None:
    """A failed suite shows three examples: input, expected, got, why; the others by id."""
    report = replace(REPORT, status="failed", problem="score 0.4 is low", failing=FAILING)
    lines = [line.strip() for line in shown(report).splitlines()]
    assert "failed: score 0.4 is low" in lines
    assert lines[lines.index("5 examples below 1:") :] == [
        "5 examples below 1:",
        "t1",
        "inputs   {'text': 'x'}",
        "expected FIN",
        "got      ENG",
        "feedback not FIN",
        "t2",
        "got      ?",
        "h1",
        "and h2, h3",
    ]


def test_holdout_examples_are_shown_by_id_alone() -> None:
    """Of an example without texts only the id is printed, even with -vv."""
    report = replace(REPORT, status="failed", failing=FAILING)
    lines = [line.strip() for line in shown(report, verbosity=2).splitlines()]
    assert lines[-3:] == ["h1", "h2", "h3"]


def test_a_passing_suite_keeps_its_failing_examples_to_itself() -> None:
    """They are shown with -v."""
    report = replace(REPORT, failing=FAILING)
    assert "below 1" not in shown(report)
    assert "5 examples below 1:" in shown(report, verbosity=1)


def test_long_texts_are_cut_to_the_width() -> None:
    """No line of an example is wider than the terminal."""
    long = FailingExample(id="i" * 500, inputs="x " * 300, got="line\n" * 100)
    report = replace(REPORT, status="failed", failing=(long,) * 9)
    lines = shown(report, width=80).splitlines()
    start = next(number for number, line in enumerate(lines) if "below 1" in line)
    assert max(map(len, lines[start:])) <= 80


def test_a_search_is_told_from_trials_to_diff() -> None:
    """Strategy, cost and budget, the race, the winner, its confirmation, what to do, the diff."""
    text = shown(replace(REPORT, search=SEARCH))
    for part in (
        "search: bootstrap, 2 candidates raced; 1200 calls (1000 replayed), 45,678 tokens, "
        "$0.0125; budget 2000 calls",
        "demos-3          +0.120 on 24 dev examples",
        "winner: demos-3 (demos from the passing runs of a, b)",
        "incumbent → winner on holdout: 0.500 → 0.900 on 20 examples",
        "to accept it, add --lm-snapshot-update",
        "  -old\n  +new",
    ):
        assert part in text


def test_a_winner_not_accepted_says_what_it_would_have_taken() -> None:
    """The k-th use of the holdout asks for a smaller p, and the report names it."""
    confirmation = replace(comparison(10, 12, of=20), alpha=0.05 / 6)
    search = replace(SEARCH, accepted=False, holdout_use=2, confirmation=confirmation)
    assert (
        "not accepted: use 2 of this holdout asks for improved with p < 0.0083; "
        "the prompts stay as they are"
    ) in shown(replace(REPORT, search=search))


def test_a_search_without_a_winner_ends_with_its_note() -> None:
    """Where nothing was better there is no confirmation to tell of."""
    search = replace(SEARCH, winner=None, confirmation=None, note="no run passed", diff="")
    text = shown(replace(REPORT, search=search))
    assert "no run passed" in text
    assert "winner" not in text


def test_prompts_without_a_file_are_to_be_changed_by_hand() -> None:
    """What can't be written is named."""
    search = replace(SEARCH, unwritable=("inline",))
    assert "prompt 'inline' has no file in this project" in shown(replace(REPORT, search=search))


EVIL = "\x1b[2Jgone\x07\r\x9b31m\u202eabc\ud800"


def evil(value: Any) -> Any:
    """The value with every text in it replaced by an evil one, at any depth."""
    if isinstance(value, Verdict) or value is None:
        return value
    if is_dataclass(value) and not isinstance(value, type):
        changed = {item.name: evil(getattr(value, item.name)) for item in fields(value)}
        return replace(value, **changed)
    if isinstance(value, tuple):
        return tuple(evil(item) for item in value)
    if isinstance(value, Mapping):
        return {evil(key): evil(item) for key, item in value.items()}
    return EVIL if isinstance(value, str) else value


EVERYTHING = replace(
    REPORT,
    failing=(FailingExample(id="a", inputs="b", expected="c", got="d", feedback="e"),) * 5,
    missing=1,
    spared=1,
    repeats=Repeats(k=2, any_pass=0.5, all_pass=0.5),
    search=replace(SEARCH, note="n", unwritable=("u",)),
    prompts=("p",),
    changed=("p",),
    orphans=("o",),
    accept={"f": "t"},
)


@pytest.mark.parametrize("status", ["passed", "failed", "error", "budget-stopped", "interrupted"])
@pytest.mark.parametrize("verbosity", [-1, 0, 2])
def test_no_text_reaches_the_terminal_with_control_characters(
    status: Status, verbosity: int
) -> None:
    """Escape sequences and turned-around text, whichever part of a report they stand in."""
    report = replace(evil(EVERYTHING), status=status)
    for baseline in ("compared", EVIL, f"stale ({EVIL})"):
        rejected = replace(report, search=replace(report.search, accepted=False))
        both = (replace(report, baseline=baseline), replace(rejected, baseline=baseline))
        text = shown(*both, verbosity=verbosity, width=200)
        assert all(char.isprintable() or char == "\n" for char in text)
        assert r"\x1b[2Jgone\x07\r\x9b31m\u202eabc\ud800" in text


def test_a_check_of_shared_prompts_is_printable_too() -> None:
    """Names of suites and files come from the project."""
    check = SharedCheck(suite="s", files=("f",), problem="p", comparison=comparison(3, 9, of=20))
    text = "\n".join(check_lines(evil(check)))
    assert all(char.isprintable() or char == "\n" for char in text)


def test_the_json_report_may_be_shown_in_a_terminal() -> None:
    """What is not printable is escaped as JSON does it, and comes back when it is read."""
    text = "".join(document(FACTS, [evil(EVERYTHING)]))
    assert all(char.isprintable() or char == "\n" for char in text)
    assert json.loads(text)["suites"][0]["suite"] == EVIL


def test_every_line_is_one_line() -> None:
    """Line ends in texts make more lines or a ⏎, all of them indented under their suite."""
    example = FailingExample(id="two\nlines", got="two\nlines")
    report = replace(REPORT, status="failed", problem="two\nlines", failing=(example,))
    lines = list(terminal_lines([report], verbosity=0, width=100))
    assert not any("\n" in line for line in lines)
    assert "  lines" in lines
    assert "    two⏎lines" in lines


def test_printable_keeps_what_can_be_read() -> None:
    """Letters of any script and line ends stay."""
    assert printable("größer\n漢字 🙂") == "größer\n漢字 🙂"
    assert printable("a\tb\x00") == r"a\tb\x00"


def test_one_line_fits_its_width() -> None:
    """A text that is too long ends in an ellipsis."""
    assert one_line("abc\ndef", 7) == "abc⏎def"
    assert one_line("abc\ndefg", 7) == "abc⏎de…"
