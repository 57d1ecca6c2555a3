"""The terminal report: a table of suites, and below it only what needs attention."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from pytest_lmopt.comparison.verdict import Verdict
from pytest_lmopt.reports.comparison_lines import comparison_lines, open_questions
from pytest_lmopt.reports.failing_lines import failing_lines
from pytest_lmopt.reports.look import Look
from pytest_lmopt.reports.opening_lines import opening_lines
from pytest_lmopt.reports.resolving import resolving_lines
from pytest_lmopt.reports.search_section import search_lines
from pytest_lmopt.reports.suite_report import SharedCheck, SuiteReport
from pytest_lmopt.reports.suite_table import table_lines, verdict
from pytest_lmopt.reports.wording import p_text, unanswered_text, unfinished_text
from pytest_lmopt.stats.multiplicity import holm

SUITES_WITH_EXAMPLES = 10
"""Failing suites that show examples without ``-v``; those after them show ids."""
UNDECIDED = (Verdict.INCONCLUSIVE, Verdict.INSUFFICIENT)

Adjusted = Mapping[str, tuple[float, int]]


def terminal_lines(reports: Sequence[SuiteReport], look: Look) -> Iterator[str]:
    """The section's lines: the table alone with ``-q``, nothing with ``-qq``."""
    if look.verbosity < -1 or not reports:
        return
    # what is accepted is not shown, and may be large
    shown = [look.fit(replace(report, accept={}, counted={}, failing=())) for report in reports]
    lines = list(table_lines(shown, look))
    if look.verbosity >= 0:
        lines += _below(shown, reports, look)
    yield from (part for line in lines for part in look.spell(line).split("\n"))


def check_lines(check: SharedCheck, look: Look) -> Iterator[str]:
    """What a suite made of other suites' winners."""
    check = look.fit(replace(check, accept={}))
    if check.comparison is not None:
        title = f"{check.suite} with {', '.join(check.files)}"
        yield from map(look.spell, comparison_lines(title, check.comparison))


def _below(
    shown: Sequence[SuiteReport], reports: Sequence[SuiteReport], look: Look
) -> Iterator[str]:
    adjusted = _adjusted(shown)
    failed = 0
    told: dict[tuple[str, str], str] = {}
    for fitted, report in zip(shown, reports, strict=True):
        lines = list(_details(fitted, look, adjusted, told))
        if report.status == "failed" or look.verbosity > 0:
            by_id = look.verbosity == 0 and failed >= SUITES_WITH_EXAMPLES
            lines += failing_lines(report.failing, look, by_id=by_id)
            failed += 1
        if lines:
            yield ""
            yield _heading(fitted, look)
            yield from (f"  {part}" for line in lines for part in line.split("\n"))
    for lines in (list(_undecided(shown, look, adjusted)), list(resolving_lines(shown, look))):
        if lines:
            yield ""
            yield from lines


def _undecided(reports: Sequence[SuiteReport], look: Look, adjusted: Adjusted) -> Iterator[str]:
    """What would decide the suites that pass though nothing is proven of them, a line each."""
    for report in reports:
        found = report.comparison
        passed = report.status == "passed" and report.baseline == "compared"
        if found is not None and passed and found.verdict in UNDECIDED and look.verbosity == 0:
            change = f"{found.difference:+.3f} [{found.low:+.2f}, {found.high:+.2f}]"
            words = look.paint(str(found.verdict), "unsure")
            line = f"{report.suite}: {words}, {change}, p = {p_text(found.p_value, found.alpha)}"
            yield "; ".join([line, *open_questions(found, adjusted.get(report.suite))])


def _heading(report: SuiteReport, look: Look) -> str:
    name, (words, style) = look.paint(report.suite, "title"), verdict(report)
    told_below = report.problem or report.search
    return name if told_below else f"{name}: {look.paint(words, style)}"


def _adjusted(reports: Sequence[SuiteReport]) -> Adjusted:
    """Holm's p-values by suite, where several were judged against their baselines."""
    compared = [
        (each.suite, each.comparison.p_value)
        for each in reports
        if each.comparison and each.baseline == "compared"
    ]
    if len(compared) < 2:
        return {}
    adjusted = holm([p_value for _, p_value in compared])
    return {
        suite: (p_value, len(compared))
        for (suite, _), p_value in zip(compared, adjusted, strict=True)
    }


def _details(
    report: SuiteReport, look: Look, adjusted: Adjusted, told: dict[tuple[str, str], str]
) -> Iterator[str]:
    """What needs attention in one suite; ``told`` has what was said of others, by status."""
    if report.problem:
        first = told.setdefault((report.status, report.problem), report.suite)
        said = report.problem if first == report.suite else f"as {first}"
        yield look.paint(f"{report.status}: {said}", "bad")
    if charged := unfinished_text(report):
        yield charged
    if report.warning:
        yield look.paint(f"warning: {report.warning}", "unsure")
    yield from report.notes
    yield from (look.paint(line, "unsure") for line in opening_lines(report))
    if report.missing or report.skipped:
        yield f"left out: {report.missing} without an answer, {report.skipped} skipped"
    if report.missing and report.missing_because and not report.problem:
        yield f"  {look.one_line(report.missing_because, 4)}"
    if unanswered := unanswered_text(report):
        yield look.one_line(unanswered, 2)
    yield from _compared(report, look, adjusted.get(report.suite))
    if report.status in ("passed", "failed") and report.spared:
        calls = report.usage.calls * report.spared / max(1, report.n)
        yield f"stopped early: {report.spared} examples not run, about {calls:.0f} calls saved"
    if report.repeats is not None:
        k = report.repeats.k
        yield (
            f"{k} runs of each example: pass@{k} {report.repeats.any_pass:.3f}, "
            f"pass^{k} {report.repeats.all_pass:.3f}"
        )
    if report.search is not None:
        yield from search_lines(report.search, report, look)


def _compared(report: SuiteReport, look: Look, adjusted: tuple[float, int] | None) -> Iterator[str]:
    """The comparison with the baseline, if it is not plain from the table."""
    comparison, judged = report.comparison, report.baseline == "compared"
    if comparison is None:
        return
    silent = judged and not report.problem and comparison.verdict is Verdict.REGRESSED
    if look.verbosity > 0 or silent:
        yield from comparison_lines(
            "against the baseline", comparison, judged=judged, adjusted=adjusted
        )
        return
    if judged and report.status == "failed":  # whose problem has told the figures
        yield from open_questions(comparison, adjusted)
    if comparison.warning:
        yield f"warning: {comparison.warning}"
