"""The report as Markdown, as GitHub shows it under a job (``$GITHUB_STEP_SUMMARY``)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_lmopt.comparison.digits import change_text, means_text
from pytest_lmopt.lm.net.openings import unseen
from pytest_lmopt.reports.opening_lines import opening_lines
from pytest_lmopt.reports.search_lines import change_lines
from pytest_lmopt.reports.stored_runs import StoredRun
from pytest_lmopt.reports.suite_report import FailingExample, SearchReport, SuiteReport
from pytest_lmopt.reports.text import one_line, printable
from pytest_lmopt.reports.transfer import settled_lines
from pytest_lmopt.reports.wording import (
    calls_text,
    cost_text,
    outcome_text,
    p_text,
    score_text,
    unanswered_text,
    unfinished_text,
    verdict_text,
)

LONGEST_CELL = 200
SHOWN_FAILURES = 30
"""A step's summary may have 1 MiB."""

_SIGNS = {"passed": "✅", "failed": "❌"}


def escaped(text: str, width: int = LONGEST_CELL) -> str:
    """Text on one line that no Markdown or HTML is seen in, whatever it says.

    All that could mean something is written as entities, which stand for themselves only.
    """
    return re.sub(
        r"[^\w\s,;'\"?/()%]|_", lambda found: f"&#{ord(found[0])};", one_line(text, width).strip()
    )


def fenced(text: str, language: str) -> str:
    """Text in a fence that is longer than any it holds."""
    longest = max((len(ticks) for ticks in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{printable(text)}\n{fence}"


def markdown_lines(run: StoredRun) -> Iterator[str]:
    """The report's lines, with their ends."""
    yield from (f"{line}\n" for line in _lines(run))


def _lines(run: StoredRun) -> Iterator[str]:
    yield "## LM suites"
    yield ""
    yield "| | suite | n | score [95 %] | change [95 %] | verdict | calls | tokens | cost |"
    yield "|---|---|--:|---|---|---|--:|--:|--:|"
    for report in run.suites:
        yield f"| {' | '.join(_row(report))} |"
    yield from _transfers(run)
    for report in run.suites:
        parts = list(_details(report))
        if parts:
            yield ""
            yield f"### {escaped(report.suite)}"
            for part in parts:
                yield ""
                yield part


def _transfers(run: StoredRun) -> Iterator[str]:
    if not run.transfers:
        return
    yield ""
    yield "### Winners on other models"
    yield ""
    yield "| found on | tried on | difference | |"
    yield "|---|---|--:|---|"
    for transfer in run.transfers:
        for each in transfer.tried:
            gain = "" if each.difference is None else f"{each.difference:+.3f}"
            cells = (escaped(transfer.found_on), escaped(each.suite), gain, escaped(each.told))
            yield f"| {' | '.join(cells)} |"
    for line in settled_lines(run.transfers, accepting=run.accepting):
        yield ""
        yield escaped(line, 1000)


def _row(report: SuiteReport) -> list[str]:
    compared = report.comparison
    change = ""
    if compared is not None:
        change = f"{compared.difference:+.3f} [{compared.low:+.2f}, {compared.high:+.2f}]"
    return [
        _SIGNS.get(report.status, "⚠️"),
        escaped(report.suite),
        str(report.n),
        score_text(report),
        change,
        escaped(verdict_text(report)),
        calls_text(report.usage) + (" seen" if unseen(report.openings) else ""),
        f"{report.usage.tokens:,}",
        cost_text(report.usage),
    ]


def _details(report: SuiteReport) -> Iterator[str]:
    if report.problem:
        yield f"**{report.status}**: {escaped(report.problem, 2000)}"
    if charged := unfinished_text(report):
        yield escaped(charged)
    if report.warning:
        yield f"warning: {escaped(report.warning, 1000)}"
    yield from (escaped(note, 1000) for note in (*report.notes, *opening_lines(report)))
    if report.missing or report.skipped:
        yield f"left out: {report.missing} without an answer, {report.skipped} skipped"
    if unanswered := unanswered_text(report):
        yield escaped(unanswered, 1000)
    if report.search is not None:
        yield from _search(report.search, accepting=report.accepting)
    if report.failing:
        yield from _failing(report.failing)


def _search(search: SearchReport, *, accepting: bool) -> Iterator[str]:
    if search.note:
        yield escaped(search.note, 2000)
    if search.confirmation is None:
        return
    found = search.confirmation
    difference, low, high = change_text(found)
    yield (
        f"Winner {escaped(search.winner or '')}: "
        f"{means_text(found.old_mean, found.new_mean)} on {found.n} holdout examples, difference "
        f"{difference} [{low}, {high}], p = {p_text(found.p_value, found.alpha)} "
        f"({escaped(found.test)}): {found.verdict}. "
        f"{outcome_text(search, accepting=accepting)}."
    )
    changes = [f"- {escaped(line, 1000)}" for line in change_lines(search)]
    if changes:
        yield "\n".join(["What the winner changes:", "", *changes])
    if search.diff:
        diff = fenced(search.diff, "diff")
        yield f"<details><summary>Change of the prompts</summary>\n\n{diff}\n\n</details>"


def _failing(failing: tuple[FailingExample, ...]) -> Iterator[str]:
    rows = ["| id | inputs | expected | got | feedback |", "|---|---|---|---|---|"]
    for example in failing[:SHOWN_FAILURES]:
        texts = (
            example.id, example.inputs, example.expected, example.got, example.feedback
        )  # fmt: skip
        rows.append(f"| {' | '.join(map(escaped, texts))} |")
    more = len(failing) - SHOWN_FAILURES
    rest = f"\n\nand {more} more" if more > 0 else ""
    table = "\n".join(rows)
    title = f"{len(failing)} examples below 1"
    yield (f"<details><summary>{title}</summary>\n\n{table}{rest}\n\n</details>")
