"""Judging a suite: the gate, and what its author would not see through it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytest_lmopt.assessment.baseline import NONE, Gating
from pytest_lmopt.assessment.oversights import measures_nothing
from pytest_lmopt.assessment.terms import Terms
from pytest_lmopt.comparison.gate import gate_failure
from pytest_lmopt.metrics.evaluation import Evaluation
from pytest_lmopt.suites.suite import Suite

if TYPE_CHECKING:
    from pytest_lmopt.strategies.search import SearchOutcome


def judge(
    suite: Suite,
    terms: Terms,
    evaluation: Evaluation,
    gating: Gating,
    *,
    found: SearchOutcome | None,
) -> tuple[str, bool]:
    """Why the suite fails, empty if it passes, and whether its scores say nothing at all.

    ``gating`` is the comparison with the baseline. Accepting makes today's scores the baseline, so
    the old one can't fail them; a search that ``found`` nothing better has nothing to accept. A
    winner changes nothing of what the incumbent's gate says.
    """
    accepting = terms.accepting and (found is None or found.accepted)
    winner = found.confirmation if found is not None and found.accepted else None
    cure = (
        f"; this is the incumbent's result, the winner found scores {winner.new_mean:.3f} on "
        f"{winner.n} holdout examples"
        if winner is not None
        else ""
    )
    nothing = measures_nothing(suite, evaluation)
    if nothing:
        return nothing + cure, True
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
    if problem and cure:
        problem += cure
    elif problem and accepting and not math.isnan(evaluation.mean):
        problem += "; --lm-snapshot-update changes the baseline, not the threshold"
    return problem or "", False


def unacceptable(
    suite: Suite, scores: Evaluation, *, red: str, unwritable: Sequence[str] = ()
) -> str:
    """Why an evaluation can't become the baseline; empty if it can.

    ``red`` is the problem of a suite whose search found nothing better, empty for others: there is
    nothing to accept, and its old baseline must not give way to what fails against it.
    ``unwritable`` are a winner's prompts that have no file: the next run would not have them.
    """
    if unwritable:
        return f"prompt {unwritable[0]!r} has no file in this project"
    if math.isnan(scores.mean):
        return "no example was scored"
    nothing = measures_nothing(suite, scores)
    if red and not nothing:
        return f"this suite is red ({red}) and the search found nothing better"
    return f"this suite is red ({nothing})" if nothing else ""


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
