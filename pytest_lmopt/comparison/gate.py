"""The gate: whether a suite passes, and why not."""

from __future__ import annotations

import math
from typing import Literal

from pytest_lmopt.comparison.digits import (
    as_score,
    as_short_p_value,
    change_text,
    limit_text,
    means_text,
    spelled_apart,
)
from pytest_lmopt.comparison.verdict import Comparison, Verdict

GateMode = Literal["regression", "noninferior", "off"]


def is_under(score: float, threshold: float | None) -> bool:
    """Whether a score misses a threshold, by more than the noise of floats."""
    return threshold is not None and round(score - threshold, 9) < 0


def gate_failure(
    score: float,
    comparison: Comparison | None,
    *,
    threshold: float | None,
    margin: float,
    mode: GateMode,
    inconclusive_fails: bool = False,
) -> str | None:
    """Why the suite fails its gate, or None if it passes.

    ``regression`` fails on *regressed* or a score under ``threshold``, and on *inconclusive* and
    *insufficient data* only if asked to; ``noninferior`` also unless the comparison *holds* or
    *improved*; ``off`` never. A suite of which nothing could be scored fails whatever the mode: it
    is never green.
    """
    if math.isnan(score):
        return "no example was scored"
    if mode != "off" and threshold is not None and is_under(score, threshold):
        shown = spelled_apart(score, threshold, spell=as_score)
        return f"score {shown} is under the threshold {limit_text(threshold, score)}"
    if mode == "off" or comparison is None:
        return None
    difference, low, high = change_text(comparison, margin)
    p_value = spelled_apart(comparison.p_value, comparison.alpha, spell=as_short_p_value)
    change = (
        f"{means_text(comparison.old_mean, comparison.new_mean)} on {comparison.n} examples, "
        f"difference {difference} [{low}, {high}], p = {p_value}"
    )
    if comparison.verdict is Verdict.REGRESSED:
        return f"regressed against the baseline: {change}"
    if mode == "noninferior" and comparison.verdict not in (Verdict.HOLDS, Verdict.IMPROVED):
        limit = limit_text(margin, -comparison.low)
        return (
            f"not shown to be within the margin {limit} of the baseline "
            f"({comparison.verdict}): {change}"
        )
    undecided = comparison.verdict in (Verdict.INCONCLUSIVE, Verdict.INSUFFICIENT)
    return f"{comparison.verdict}: {change}" if undecided and inconclusive_fails else None
