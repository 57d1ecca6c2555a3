"""Judging a suite: the gate, and what its author would not see through it."""

from __future__ import annotations

import math

from pytest_lmopt.assessment.baseline import NONE, Gating
from pytest_lmopt.assessment.oversights import measures_nothing
from pytest_lmopt.assessment.terms import Terms
from pytest_lmopt.comparison.gate import gate_failure
from pytest_lmopt.metrics.evaluation import Evaluation
from pytest_lmopt.suites.suite import Suite


def judge(
    suite: Suite,
    terms: Terms,
    evaluation: Evaluation,
    gating: Gating,
    *,
    found_nothing: bool,
) -> tuple[str, bool]:
    """Why the suite fails, empty if it passes, and whether its scores say nothing at all.

    ``gating`` is the comparison with the baseline. Accepting makes today's scores the baseline, so
    the old one can't fail them; a search that ``found_nothing`` has nothing to accept.
    """
    accepting = terms.accepting and not found_nothing
    nothing = measures_nothing(suite, evaluation)
    if nothing:
        return nothing, True
    problem = gate_failure(
        evaluation.mean,
        None if accepting else gating.judged,
        threshold=suite.threshold,
        margin=suite.margin,
        mode=terms.gate,
        inconclusive_fails=terms.inconclusive_fails,
    )
    if not problem and not accepting:
        problem = _ungated(terms, gating)
    if problem and accepting and not math.isnan(evaluation.mean):
        problem += (
            "; the baseline is written all the same, as --lm-snapshot-update asks, but the "
            "threshold holds whatever the baseline"
        )
    return problem or "", False


def _ungated(terms: Terms, gating: Gating) -> str:
    """Say why a suite fails that no baseline gates; empty where it may pass.

    The gate *noninferior* asks for proof against a baseline as soon as there is one.
    """
    reason = gating.not_gated
    wanted = terms.require_baseline or (terms.gate == "noninferior" and gating.baseline != NONE)
    if not reason or not wanted or terms.gate == "off":
        return ""
    demand = "a baseline is required" if terms.require_baseline else "the gate is noninferior"
    return (
        f"NOT GATED ({reason}), and {demand}. Review these scores and accept them with "
        "--lm-snapshot-update"
    )
