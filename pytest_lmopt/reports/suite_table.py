"""The table of suites: a row each, as many columns as the terminal has room for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_lmopt.comparison.verdict import Verdict
from pytest_lmopt.lm.net.openings import unseen
from pytest_lmopt.reports.look import Look, Style
from pytest_lmopt.reports.suite_report import SuiteReport
from pytest_lmopt.reports.text import columns, duration
from pytest_lmopt.reports.wording import NOT_GATED, calls_seen, cost_text, score_text, verdict_text
from pytest_lmopt.wire import Usage

GAP = 2
NAME_LEAST = 22
"""Columns that a long name keeps before other columns go."""

SCORE, CHANGE = "score [95 %]", "change [95 %]"
NARROWING = (
    ("tokens", ""),
    ("cached", ""),
    ("time", ""),
    ("calls", ""),
    (CHANGE, "change"),
    ("cost", ""),
    (SCORE, "score"),
    ("n", ""),
    ("search", ""),
    ("change", ""),
)
"""What goes first where the terminal is narrow, and what takes its place."""

NUMBERS = ("n", "calls", "cached", "tokens", "cost", "time")
_STYLES: dict[str, Style] = {
    Verdict.IMPROVED: "good",
    Verdict.HOLDS: "good",
    Verdict.REGRESSED: "bad",
    Verdict.INCONCLUSIVE: "unsure",
    Verdict.INSUFFICIENT: "unsure",
    NOT_GATED: "bad",
    "stale": "unsure",
    "no shared examples": "unsure",
}


def table_lines(reports: Sequence[SuiteReport], look: Look) -> Iterator[str]:
    """The table, and a line of totals where there are several suites or columns had to go."""
    cells = _cells(reports, look)
    shown = [name for name in cells if name not in ("score", "change") and any(cells[name])]
    names = [look.name(report.suite, 10_000) for report in reports]
    longest = max(map(columns, ["suite", *names]))
    for gone, instead in NARROWING:
        if _width(shown, cells) + min(longest, NAME_LEAST) <= look.width:
            break
        shown = [instead if name == gone else name for name in shown if name != gone or instead]
    room = max(NAME_LEAST // 2, look.width - _width(shown, cells))
    header = ["suite", *shown]
    rows = [
        [look.name(name, room), *(cells[column][row] for column in shown)]
        for row, name in enumerate(names)
    ]
    widths = [max(map(columns, column)) for column in zip(header, *rows, strict=True)]

    def line(texts: Sequence[str], report: SuiteReport | None = None) -> str:
        parts = []
        for name, text, width in zip(header, texts, widths, strict=True):
            blank = " " * (width - columns(text))
            seen = text if report is None else _painted(name, text, report, look)
            parts.append(blank + seen if name in NUMBERS else seen + blank)
        return (" " * GAP).join(parts).rstrip()

    yield from (line(header), (" " * GAP).join("-" * width for width in widths))
    yield from map(line, rows, reports)
    if len(reports) > 1 or any(name not in shown for name in ("calls", "tokens", "cost")):
        usage = sum((report.usage for report in reports), Usage())
        more = ", and those not seen" if any(unseen(each.openings) for each in reports) else ""
        yield f"in all: {usage_text(usage)}{more}"


def usage_text(usage: Usage) -> str:
    """Calls, tokens and dollars in words."""
    cached = f" ({cached_share(usage)} cached)" if usage.replayed else ""
    return f"{usage.calls:,} calls{cached}, {usage.tokens:,} tokens, {cost_text(usage)}"


def cached_share(usage: Usage) -> str:
    """How many of the answers were recorded; 0 and 100 % only where it is none or all."""
    if not usage.calls:
        return ""
    share = 100 * usage.replayed / usage.calls
    inside = 0 < usage.replayed < usage.calls
    return f"{min(99, max(1, round(share))) if inside else round(share)} %"


def verdict(report: SuiteReport) -> tuple[str, Style]:
    """A suite's verdict in words, and its colour; a suite that failed says so, too."""
    if report.status in ("error", "budget-stopped", "interrupted"):
        return report.status, "bad"
    words, style = _found(report)
    return (f"{words}, failed", "bad") if report.status == "failed" else (words, style)


def _found(report: SuiteReport) -> tuple[str, Style]:
    words = verdict_text(report).partition(" (")[0]
    return words, _STYLES.get(words, "")


def _search_found(report: SuiteReport) -> tuple[str, Style]:
    search = report.search
    if search is None:
        return "", ""
    if search.confirmation is None:
        return "nothing better", ""
    grounds = {"improved": "better", "shorter": "shorter"}
    words = grounds.get(search.basis, "unproven") if search.accepted else "unproven"
    return (
        f"{words}, {search.confirmation.difference:+.3f}",
        "good" if search.accepted else "unsure",
    )


def _cells(reports: Sequence[SuiteReport], look: Look) -> dict[str, list[str]]:
    def change(report: SuiteReport, *, bounds: bool) -> str:
        found = report.comparison
        if found is None:
            return ""
        interval = f" [{found.low:+.2f}, {found.high:+.2f}]" if bounds else ""
        return f"{found.difference:+.3f}{interval}"

    return {
        "n": [f"{report.n:,}" for report in reports],
        SCORE: [look.spell(score_text(report)) for report in reports],
        "score": [look.spell(score_text(report)).partition(" ")[0] for report in reports],
        CHANGE: [change(report, bounds=True) for report in reports],
        "change": [change(report, bounds=False) for report in reports],
        "verdict": [verdict(report)[0] for report in reports],
        "search": [_search_found(report)[0] for report in reports],
        "calls": [calls_seen(report) for report in reports],
        "cached": [cached_share(report.usage) for report in reports],
        "tokens": [f"{report.usage.tokens:,}" for report in reports],
        "cost": [cost_text(report.usage) for report in reports],
        "time": [duration(report.seconds) for report in reports],
    }


def _width(shown: Sequence[str], cells: dict[str, list[str]]) -> int:
    return sum(GAP + max(map(columns, [name, *cells[name]])) for name in shown)


def _painted(column: str, cell: str, report: SuiteReport, look: Look) -> str:
    found = {"verdict": verdict, "search": _search_found}.get(column)
    return look.paint(cell, found(report)[1]) if found else cell
