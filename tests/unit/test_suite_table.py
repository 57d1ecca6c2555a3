"""The table of suites: what stands in it, and how it keeps to the terminal it is shown on."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from doubles.suite_reports import HELD, REPORT, SEARCH, comparison

from pytest_lmopt.reports.look import Look
from pytest_lmopt.reports.suite_report import SuiteReport
from pytest_lmopt.reports.terminal import terminal_lines
from pytest_lmopt.reports.text import columns, duration, shortened
from pytest_lmopt.wire import Usage

LONG = "tests/a_folder/deep/test_shop.py::TestTriage::test_triage[openai/gpt-4o-mini]"


def table(*reports: SuiteReport, width: int = 160, **look: str | bool) -> list[str]:
    """The section with ``-q``."""
    return list(terminal_lines(reports, Look(width=width, verbosity=-1, **look)))  # type: ignore[arg-type]


def row(report: SuiteReport) -> dict[str, str]:
    """The cells of a suite by their headers."""
    header, dashes, line = table(report)[:3]
    spans = [found.span() for found in re.finditer("-+", dashes)]
    return {header[a:b].strip(): line[a:b].strip() for a, b in spans}


def test_a_wide_terminal_shows_every_column() -> None:
    """What was scored, what changed, what that means, and what it took."""
    assert row(REPORT) == {
        "suite": "tests/test_shop.py::test_triage",
        "n": "20",
        "score [95 %]": "0.900 [0.70, 0.97]",
        "change [95 %]": "+0.400 [+0.17, +0.61]",
        "verdict": "improved",
        "calls": "1,200",
        "cached": "83 %",
        "tokens": "45,678",
        "cost": "$0.0125",
        "time": "1 min 12 s",
    }


@pytest.mark.parametrize("width", [30, 60, 200])
@pytest.mark.parametrize(
    "name", ["t.py::test_漢字漢字[x]", "t.py::test_ka\u0301[⚠\ufe0f]", "t.py::test_हिन्दी"]
)
def test_letters_of_any_width_leave_the_columns_where_they_are(name: str, width: int) -> None:
    """Wide ones take two columns, marks upon others none, and the table keeps to the terminal."""
    odd, plain = replace(REPORT, suite=name), replace(REPORT, suite="t.py::test_plain")
    lines = table(odd, plain, width=width)[:4]
    assert max(map(columns, lines)) <= width
    ends = [columns(line[: line.index("improved")]) for line in lines[2:]]
    assert len(set(ends)) == 1


def test_a_suite_without_scores_shows_none() -> None:
    """An error has no score, no change and its status for a verdict."""
    report = replace(
        REPORT, status="error", score=None, low=None, high=None, n=0, comparison=None, usage=Usage()
    )
    assert row(report) == {
        "suite": "tests/test_shop.py::test_triage",
        "n": "0",
        "score [95 %]": "–",
        "verdict": "error",
        "calls": "0",
        "tokens": "0",
        "cost": "$0.0000",
        "time": "1 min 12 s",
    }


@pytest.mark.parametrize(
    ("baseline", "threshold", "accepting", "found"),
    [
        ("no baseline", None, False, "NOT GATED"),
        ("stale (metric changed)", None, False, "NOT GATED"),
        ("stale (metric changed)", 0.5, False, "NOT GATED"),
        ("no baseline", 0.5, False, "no baseline"),
        ("no baseline", None, True, "no baseline"),
        ("stale (metric changed)", None, True, "stale"),
    ],
)
def test_without_a_fair_baseline_there_is_no_verdict(
    baseline: str, threshold: float | None, accepting: bool, found: str
) -> None:
    """NOT GATED, unless this run accepts, or a threshold gates a suite without a baseline."""
    report = replace(REPORT, baseline=baseline, threshold=threshold, accepting=accepting)
    assert row(report)["verdict"] == found


def test_a_suite_that_fails_says_so_in_words() -> None:
    """Whatever the verdict: a score may hold and be under the threshold."""
    held = replace(REPORT, status="failed", comparison=HELD)
    assert row(held)["verdict"] == "holds, failed"


def test_a_search_has_a_column() -> None:
    """With what it found; suites that were not searched leave it empty."""
    unproven = replace(SEARCH, accepted=False)
    nothing = replace(SEARCH, accepted=False, confirmation=None)
    assert row(replace(REPORT, search=SEARCH))["search"] == "better, +0.400"
    assert row(replace(REPORT, search=unproven))["search"] == "unproven, +0.400"
    assert row(replace(REPORT, search=nothing))["search"] == "nothing better"
    assert "search" not in row(REPORT)


def test_an_unpriced_model_is_not_free() -> None:
    """Without a price the cost is unknown, not zero."""
    assert row(replace(REPORT, usage=Usage(calls=3, micro_usd=None)))["cost"] == "unpriced"


@pytest.mark.parametrize(
    ("calls", "replayed", "share"), [(1000, 999, "99 %"), (1000, 1, "1 %"), (3, 3, "100 %")]
)
def test_almost_all_is_not_all(calls: int, replayed: int, share: str) -> None:
    """100 % says that no model was asked."""
    assert row(replace(REPORT, usage=Usage(calls=calls, replayed=replayed)))["cached"] == share


def test_several_suites_are_summed() -> None:
    """One suite is its own sum."""
    lines = table(REPORT, replace(REPORT, suite="other"))
    assert lines[-1] == "in all: 2,400 calls (83 % cached), 91,356 tokens, $0.0250"
    assert len(table(REPORT)) == 3


@pytest.mark.parametrize(
    ("width", "header"),
    [
        (160, "suite n score [95 %] change [95 %] verdict calls cached tokens cost time"),
        (110, "suite n score [95 %] change [95 %] verdict calls cost"),
        (80, "suite n score [95 %] change verdict cost"),
        (60, "suite n score change verdict"),
        (40, "suite score verdict"),
    ],
)
def test_a_narrow_terminal_loses_what_matters_least(width: int, header: str) -> None:
    """The sum below the table tells what went; no line is wider than the terminal."""
    named = replace(REPORT, suite=LONG, comparison=comparison(18, 17, of=20))
    lines = table(named, width=width)
    assert " ".join(lines[0].split()) == header
    assert max(map(columns, lines[:3])) <= width
    assert ("in all: 1,200 calls" in lines[-1]) is (width < 160)


def test_a_long_name_loses_its_middle() -> None:
    """Its end, the test, tells most; then the file's beginning."""
    name = table(replace(REPORT, suite=LONG), width=80)[2].split("  ")[0]
    assert name.startswith("tests/")
    assert "…" in name
    assert name.endswith("gpt-4o-mini]")
    assert shortened("abcdefghij", 10) == "abcdefghij"
    assert shortened("abcdefghijk", 10) == "abc…fghijk"
    assert columns(shortened("測" * 40, 21)) <= 21


def test_a_hundred_suites_are_a_hundred_rows() -> None:
    """Those that pass and hold get no word more."""
    reports = [replace(REPORT, suite=f"t.py::t{number}", comparison=HELD) for number in range(100)]
    assert len(list(terminal_lines(reports, Look(width=100)))) == 103


def test_colours_say_nothing_that_words_do_not() -> None:
    """Without its colours the coloured table is the plain one."""
    reports = [
        REPORT,
        replace(REPORT, suite="a", status="error"),
        replace(REPORT, suite="b", baseline="stale (metric changed)"),
        replace(REPORT, suite="c", comparison=comparison(20, 18, of=20)),
        replace(REPORT, suite="d", comparison=comparison(18, 2, of=20), search=SEARCH),
    ]
    coloured = "\n".join(table(*reports, colour=True))
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == "\n".join(table(*reports))
    for words, code in [
        ("improved", "32"),
        ("error", "1;31"),
        ("NOT GATED", "1;31"),
        ("inconclusive", "33"),
        ("regressed", "1;31"),
        ("better, +0.400", "32"),
    ]:
        assert f"\x1b[{code}m{words}\x1b[0m" in coloured


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_every_output_can_write_it(encoding: str) -> None:
    """What it lacks is spelt in what it has, and the table keeps its form."""
    suites = (replace(REPORT, suite=f"ö→{'x' * 50}測"), replace(REPORT, suite="s", score=None))
    lines = table(*suites, width=80, encoding=encoding)
    text = "\n".join(lines)
    assert text.encode(encoding)
    assert max(map(columns, lines)) <= 80
    expected = {
        "ascii": (r"\xf6->", r"x\u6e2c", "..."),
        "cp1252": ("ö->", r"x\u6e2c", "…"),
        "utf-8": ("ö→", "x測", "…"),
    }
    assert all(part in text for part in expected[encoding])


def test_durations_are_told_in_two_units() -> None:
    """Seconds, minutes, hours."""
    assert [duration(each) for each in (0.4, 59.7, 61, 7322)] == [
        "0 s",
        "1 min 0 s",
        "1 min 1 s",
        "2 h 2 min",
    ]
