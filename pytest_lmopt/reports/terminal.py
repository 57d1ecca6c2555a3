"""The terminal report: a table of suites, and below it only what needs attention."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_lmopt.comparison.verdict import Comparison, Verdict
from pytest_lmopt.reports.search_lines import decision_lines, detectable_line, efficient_lines
from pytest_lmopt.reports.suite_report import SearchReport, SharedCheck, SuiteReport
from pytest_lmopt.reports.text import one_line, printable
from pytest_lmopt.reports.wording import calls_text, cost_text, p_text, score_text, verdict_text
from pytest_lmopt.stats.multiplicity import holm

LONGEST_REASON = 300
SHOWN_FAILURES = 3


def terminal_lines(reports: Sequence[SuiteReport], *, verbosity: int, width: int) -> Iterator[str]:
    """The section's lines. ``verbosity`` as pytest counts it, ``width`` in columns."""
    # whatever part a text comes into, none leaves here unescaped
    yield from map(printable, _lines(reports, verbosity=verbosity, width=width))


def _lines(reports: Sequence[SuiteReport], *, verbosity: int, width: int) -> Iterator[str]:
    yield from _table(reports)
    if verbosity < 0:
        return
    yield from _family(reports)
    for report in reports:
        lines = list(_details(report, verbosity=verbosity, width=width))
        if lines:
            yield ""
            yield printable(report.suite)
            yield from (f"  {part}" for line in lines for part in line.split("\n"))


def check_lines(check: SharedCheck) -> Iterator[str]:
    """What a suite made of other suites' winners."""
    if check.comparison is not None:
        names = ", ".join(check.files)
        yield from map(printable, comparison_lines(f"{check.suite} with {names}", check.comparison))


def _family(reports: Sequence[SuiteReport]) -> Iterator[str]:
    """Holm-adjusted p-values, where several suites were compared."""
    compared = [report for report in reports if report.comparison is not None]
    if len(compared) < 2:
        return
    adjusted = holm([report.comparison.p_value for report in compared if report.comparison])
    yield ""
    yield f"p-values of {len(compared)} suites adjusted together (Holm):"
    for report, p_value in zip(compared, adjusted, strict=True):
        yield f"  {p_text(p_value)}  {printable(report.suite)}"


def _table(reports: Sequence[SuiteReport]) -> Iterator[str]:
    from tabulate import tabulate

    rows = [
        [
            printable(report.suite),
            report.n,
            score_text(report),
            f"{report.comparison.difference:+.3f}" if report.comparison else "",
            verdict_text(report),
            calls_text(report.usage),
            f"{report.usage.tokens:,}",
            cost_text(report.usage),
            f"{report.seconds:.0f} s",
        ]
        for report in reports
    ]
    headers = ["suite", "n", "score [95 %]", "change", "verdict", "calls", "tokens", "cost", "time"]
    yield from tabulate(rows, headers, tablefmt="simple", disable_numparse=True).splitlines()


def _details(report: SuiteReport, *, verbosity: int, width: int) -> Iterator[str]:
    if report.problem:
        yield f"{report.status}: {printable(report.problem)}"
    if report.warning:
        yield f"warning: {report.warning}"
    if report.missing or report.skipped:
        yield f"left out: {report.missing} without an answer, {report.skipped} skipped"
    if report.missing_because and not report.problem:
        yield f"  {one_line(report.missing_because, LONGEST_REASON)}"
    judged = report.status in ("passed", "failed")
    better = report.search is not None and report.search.accepted
    if judged and report.baseline == "no baseline" and not report.accepting and not better:
        yield "no baseline yet; to make these scores one, add --lm-snapshot-update"
    if report.baseline.startswith("stale"):
        yield f"the baseline is {report.baseline}; to make a new one, add --lm-snapshot-update"
    if report.changed:
        names = ", ".join(map(printable, report.changed))
        yield f"changed since the baseline: {names}; to accept, add --lm-snapshot-update"
    if report.comparison is not None:
        judged_by = report.baseline == "compared"
        yield from comparison_lines("against the baseline", report.comparison, judged=judged_by)
    if judged and report.spared:
        calls = report.usage.calls * report.spared / max(1, report.n)
        yield f"stopped early: {report.spared} examples not run, about {calls:.0f} calls saved"
    if report.repeats is not None:
        k = report.repeats.k
        yield (
            f"{k} runs of each example: pass@{k} {report.repeats.any_pass:.3f}, "
            f"pass^{k} {report.repeats.all_pass:.3f}"
        )
    if report.search is not None:
        yield from _search(report.search, report)
    if report.status == "failed" or verbosity > 0:
        yield from _failing(report, verbosity=verbosity, width=width)


def comparison_lines(title: str, comparison: Comparison, *, judged: bool = True) -> Iterator[str]:
    """What a comparison shows, judged or only for information."""
    found = str(comparison.verdict)
    if not judged:
        same = comparison.difference == 0.0 and comparison.detectable is None
        found = "no score changed" if same else "for information, not judged"
    yield (
        f"{title}: {comparison.old_mean:.3f} → {comparison.new_mean:.3f} on {comparison.n} examples"
    )
    yield (
        f"  difference {comparison.difference:+.3f}, 95 % interval "
        f"[{comparison.low:+.3f}, {comparison.high:+.3f}], p = {p_text(comparison.p_value)} "
        f"({comparison.test}): {found}"
    )
    undecided = judged and comparison.verdict is Verdict.INCONCLUSIVE
    if undecided and comparison.detectable is not None:
        decide = f"; about {comparison.needed} would decide this one" if comparison.needed else ""
        yield (
            f"  {comparison.n} examples can show a difference of {comparison.detectable:.3f}"
            f"{decide}"
        )
    if comparison.warning:
        yield f"  warning: {comparison.warning}"


def _search(search: SearchReport, report: SuiteReport) -> Iterator[str]:
    yield (
        f"search: {search.strategy}, {len(search.trials)} candidates raced; "
        f"{calls_text(report.usage, ' calls')}, {report.usage.tokens:,} tokens, "
        f"{cost_text(report.usage)}; budget {report.budget}"
    )
    for trial in search.trials:
        yield f"  {printable(trial.name):<16} {trial.difference:+.3f} on {trial.n} dev examples"
    yield from efficient_lines(search)
    if search.holdout:
        yield detectable_line(search)
    if search.note:
        yield printable(search.note)
    if search.confirmation is None:
        return
    yield f"winner: {search.winner} ({printable(search.reason)})"
    yield from comparison_lines("incumbent → winner on holdout", search.confirmation)
    yield from decision_lines(search, accepting=report.accepting)
    yield from printable(search.diff).splitlines()
    for name in search.unwritable:
        yield f"prompt {name!r} has no file in this project: copy its change by hand"


def _failing(report: SuiteReport, *, verbosity: int, width: int) -> Iterator[str]:
    if not report.failing:
        return
    shown = report.failing if verbosity > 1 else report.failing[:SHOWN_FAILURES]
    yield f"{len(report.failing)} examples below 1:"
    for example in shown:
        yield f"  {one_line(example.id, max(40, width - 4))}"
        for name in ("inputs", "expected", "got", "feedback"):
            value = getattr(example, name)
            if value:
                yield f"    {name:<8} {one_line(value, max(40, width - 16))}"
    if len(shown) < len(report.failing):
        rest = ", ".join(printable(example.id) for example in report.failing[len(shown) :])
        yield f"  and {one_line(rest, max(40, width - 10))}"
