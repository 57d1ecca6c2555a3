"""A comparison in words: both means, their difference, and what it would take to know more."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_lmopt.comparison.digits import change_text, means_text
from pytest_lmopt.comparison.verdict import ALPHA, LEAST_EXAMPLES, Comparison, Verdict
from pytest_lmopt.reports.wording import p_text


def comparison_lines(
    title: str,
    comparison: Comparison,
    *,
    judged: bool = True,
    adjusted: tuple[float, int] | None = None,
) -> Iterator[str]:
    """Means, n, difference, interval, p-value, test and verdict, with what stays open.

    ``adjusted`` is Holm's p-value and for how many suites it is adjusted, None for a single one.
    """
    found = str(comparison.verdict)
    if not judged:
        same = comparison.difference == 0.0 and comparison.detectable is None
        found = "no score changed" if same else "for information, not judged"
    means = means_text(comparison.old_mean, comparison.new_mean)
    difference, low, high = change_text(comparison)
    yield f"{title}: {means} on {comparison.n} examples"
    yield (
        f"  difference {difference}, 95 % interval [{low}, {high}], "
        f"p = {p_text(comparison.p_value, comparison.alpha)} ({comparison.test}): {found}"
    )
    if judged:
        yield from (f"  {line}" for line in open_questions(comparison, adjusted))
    if comparison.warning:
        yield f"  warning: {comparison.warning}"


def open_questions(comparison: Comparison, adjusted: tuple[float, int] | None) -> Iterator[str]:
    """What the comparison leaves open, and how many examples would decide it."""
    if adjusted is not None:
        p_value, suites = adjusted
        yield f"p adjusted for {suites} suites (Holm): {p_text(p_value, ALPHA)}"
    if comparison.verdict is Verdict.INCONCLUSIVE and comparison.detectable is not None:
        needed = f"; about {comparison.needed:,} would decide this one" if comparison.needed else ""
        yield (
            f"{comparison.n} examples can show a difference of {comparison.detectable:.3f}{needed}"
        )
    if comparison.verdict is Verdict.INSUFFICIENT:
        yield f"described, not judged: that takes {LEAST_EXAMPLES} shared examples or more"
