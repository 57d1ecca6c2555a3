"""The gate: whether a suite passes, and why not."""

from __future__ import annotations

import math
from typing import Literal

from pytest_lmopt.comparison.verdict import Comparison, Verdict

GateMode = Literal["regression", "noninferior", "off"]


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
    if mode != "off" and threshold is not None and round(score - threshold, 9) < 0:
        return f"score {score:.3f} is under the threshold {threshold:g}"
    if mode == "off" or comparison is None:
        return None
    change = (
        f"{comparison.old_mean:.3f} → {comparison.new_mean:.3f} on {comparison.n} examples, "
        f"difference {comparison.difference:+.3f} "
        f"[{comparison.low:+.3f}, {comparison.high:+.3f}], p = {comparison.p_value:.2g}"
    )
    if comparison.verdict is Verdict.REGRESSED:
        return f"regressed against the baseline: {change}"
    if mode == "noninferior" and comparison.verdict not in (Verdict.HOLDS, Verdict.IMPROVED):
        return (
            f"not shown to be within the margin {margin:g} of the baseline "
            f"({comparison.verdict}): {change}"
        )
    undecided = comparison.verdict in (Verdict.INCONCLUSIVE, Verdict.INSUFFICIENT)
    return f"{comparison.verdict}: {change}" if undecided and inconclusive_fails else None
