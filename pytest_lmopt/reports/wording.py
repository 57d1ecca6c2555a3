"""Figures in words, the same in every report."""

from __future__ import annotations

from pytest_lmopt.comparison.digits import as_p_value, spelled_apart
from pytest_lmopt.comparison.verdict import Verdict
from pytest_lmopt.lm.net.openings import unseen
from pytest_lmopt.reports.suite_report import Charged, SearchReport, SuiteReport
from pytest_lmopt.suites.budget import plain
from pytest_lmopt.wire import Usage

NOT_GATED = "NOT GATED"


def score_text(report: SuiteReport) -> str:
    """A suite's score with its interval."""
    if report.score is None:
        return "–"
    return f"{report.score:.3f} [{report.low:.2f}, {report.high:.2f}]"


def mean_text(value: float | None) -> str:
    """A mean score, if anything was scored."""
    return "–" if value is None else f"{value:.3f}"


def verdict_text(report: SuiteReport) -> str:
    """What came of a suite, in a word or two."""
    if report.status in ("error", "budget-stopped", "interrupted"):
        return report.status
    if not_gated := not_gated_reason(report):
        return f"{NOT_GATED} ({not_gated})"
    if report.baseline != "compared":
        return report.baseline
    return str(report.comparison.verdict) if report.comparison else "no shared examples"


def not_gated_reason(report: SuiteReport) -> str:
    """Say why nothing gated a suite that was judged; empty where something did.

    Accepting gates nothing on purpose. A threshold gates a suite that has no baseline yet.
    """
    found = report.comparison
    if report.accepting or report.status not in ("passed", "failed"):
        return ""
    if report.baseline == "no baseline":
        return "" if report.threshold is not None else report.baseline
    if report.baseline != "compared":
        return report.baseline
    few = found is not None and found.verdict is Verdict.INSUFFICIENT
    return str(Verdict.INSUFFICIENT) if few else ""


def unanswered_text(report: SuiteReport) -> str:
    """What is said of runs without an answer whose example was scored by its others."""
    judged = report.status in ("passed", "failed")  # other problems say it themselves
    if report.missing or not report.missing_because or not judged:
        return ""
    return f"some runs without an answer, the first of example {report.missing_because}"


def calls_seen(report: SuiteReport) -> str:
    """How many calls a suite made; beside others that were not seen, it says so."""
    calls = f"{report.usage.calls:,}"
    return f"{calls} seen" if unseen(report.openings) else calls


def calls_text(usage: Usage, unit: str = "") -> str:
    """How many calls, and how many of them were answered from the recordings."""
    return f"{usage.calls}{unit}" + (f" ({usage.replayed} replayed)" if usage.replayed else "")


def cost_text(usage: Usage) -> str:
    """What was paid, in dollars."""
    if usage.micro_usd is None:
        return "unpriced"
    return f"${(usage.micro_usd - usage.saved_micro_usd) / 1e6:.4f}"


def charged_text(report: SuiteReport) -> str:
    """What the budgets were charged, answers that came to nothing included."""
    return f"charged to the budget: {', '.join(map(_charged, report.charged)) or 'nothing'}"


def unfinished_text(report: SuiteReport) -> str:
    """What a suite that was not judged to the end was charged: its usage lacks what was cut off."""
    judged = report.status in ("passed", "failed")
    return "" if judged or not report.charged else charged_text(report)


def p_text(value: float, *beside: float) -> str:
    """A p-value, or a level, apart from those that stand beside it."""
    return spelled_apart(value, *beside, spell=as_p_value)


def outcome_text(search: SearchReport, *, accepting: bool) -> str:
    """What became of a winner; ``accepting`` says that the run was asked to write it."""
    if not search.accepted:
        return "Not accepted: the prompts stay as they are"
    if search.outdone_by:
        return f"Not written: what {search.outdone_by} found is taken"
    if search.withheld:
        return f"Not written: {search.withheld}"
    return "Accepted" if accepting else "Not written yet: --lm-snapshot-update accepts it"


def _charged(charged: Charged) -> str:
    kind, limit = charged.kind, charged.limit
    sign, unit = ("$", "") if kind == "usd" else ("", " s" if kind == "seconds" else f" {kind}")
    # as many digits as the limit's, or what is charged looks like nothing
    small = limit is not None and limit < 0.01
    spelled = plain(charged.amount) if small else f"{charged.amount:,.4f}"
    amount = f"{sign}{spelled}" if sign else f"{charged.amount:,.0f}"
    if limit is None:
        return f"{amount}{unit}"
    most = plain(limit)
    return f"{amount} of {sign}{most}{unit} ({100 * charged.amount / limit:.0f} %)"
