"""What a search tried, spent and found, and what became of it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from pytest_lmopt.reports.comparison_lines import comparison_lines
from pytest_lmopt.reports.look import Look, Style
from pytest_lmopt.reports.search_lines import (
    change_lines,
    decision_lines,
    detectable_line,
    efficient_lines,
)
from pytest_lmopt.reports.suite_report import SearchReport, SuiteReport
from pytest_lmopt.reports.suite_table import usage_text
from pytest_lmopt.reports.wording import charged_text

SHOWN_TRIALS = 5

_DIFF_STYLES: dict[str, Style] = {"---": "title", "+++": "title"}
_MARK_STYLES: dict[str, Style] = {"-": "lost", "+": "good", "@": "place"}


def search_lines(search: SearchReport, report: SuiteReport, look: Look) -> Iterator[str]:
    """From what was spent to the diff of the prompts."""
    yield (
        f"search: {search.strategy}, {len(search.trials)} candidates raced; "
        f"{usage_text(report.usage)}"
    )
    yield f"  {charged_text(report)}"
    shown = search.trials if look.verbosity > 0 else search.trials[:SHOWN_TRIALS]
    for trial in shown:
        yield (
            f"  {trial.name:<16} {trial.difference:+.3f} [{trial.low:+.2f}, {trial.high:+.2f}] "
            f"on {trial.n} dev examples"
        )
    if len(shown) < len(search.trials):
        yield f"  and {len(search.trials) - len(shown)} more (-v shows them)"
    yield from efficient_lines(search)
    if search.holdout:
        yield detectable_line(search)
    if search.note:
        yield search.note
    if search.confirmation is None:
        return
    yield f"winner: {search.winner} ({search.reason})"
    for change in change_lines(search):
        yield f"  it changes {change}"
    yield from comparison_lines("incumbent → winner on holdout", search.confirmation)
    strategy = "" if search.strategy == "auto" else f"={search.strategy}"
    searching = f"{shlex.quote(look.command(report.suite))} --lm-optimize{strategy}{look.options}"
    again = f"pytest {searching} {look.accept}"
    style: Style = "good" if search.accepted and not search.withheld else "unsure"
    for line in decision_lines(search, accepting=report.accepting, command=again):
        yield look.paint(line, style)
    yield from (look.paint(line, _diff_style(line)) for line in search.diff.splitlines())
    for name in search.unwritable if search.accepted else ():
        plain = f"pytest {shlex.quote(look.command(report.suite))}{look.options} {look.accept}"
        yield (
            f"prompt {name!r} has no file in this project: copy its change by hand, then accept "
            f"its scores with: {plain}"
        )


def _diff_style(line: str) -> Style:
    return _DIFF_STYLES.get(line[:3]) or _MARK_STYLES.get(line[:1], "")
