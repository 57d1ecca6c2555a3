"""What a green score would hide: a test that returns nothing, or values that nobody looks at."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_lmopt.metrics.evaluation import Evaluation
from pytest_lmopt.metrics.scored_run import NOTHING, Outcome
from pytest_lmopt.runs.run import Ending
from pytest_lmopt.suites.suite import Suite


def measures_nothing(suite: Suite, evaluation: Evaluation) -> str:
    """Why the scores say nothing about the pipeline, whatever they are; else empty.

    None may be a prediction, where it is expected or the metric is content with it.
    """
    scored = [outcome for outcome in evaluation.outcomes if outcome.value is not None]
    if scored and all(outcome.ending is Ending.WRONG for outcome in scored):
        return f"the pipeline raised on every example, first {_first(suite, evaluation, scored)[1]}"
    if (
        suite.metric is not None
        and all(each.ending is Ending.RETURNED and each.kind == NOTHING for each in scored)
        and any(example.expected is not None for example in suite.dataset)
        and max(evaluation.scores.values(), default=1.0) < 1.0
    ):
        return (
            "the test returned None on every example, so the metric had nothing to score: return "
            "the pipeline's answer from it"
        )
    return ""


def overlooked(suite: Suite, evaluation: Evaluation) -> str:
    """What the author should know though the suite is judged; else empty."""
    kinds = [each.kind for each in evaluation.outcomes if each.kind != NOTHING]
    asserts = any(each.ending is Ending.FAILED for each in evaluation.outcomes)
    if suite.metric is None and kinds and not asserts:
        return (
            f"the test returned values ({kinds[0]}) that nothing looked at: without a metric every "
            "example that returns scores 1; give lm_suite metric=, or assert"
        )
    raised = [each for each in evaluation.outcomes if each.ending is Ending.WRONG]
    if raised:
        example, said = _first(suite, evaluation, raised)
        return (
            f"{len(raised)} of {len(evaluation.outcomes)} runs raised, and score 0; the first is "
            f"example {example!r}: {said}"
        )
    return ""


def _first(suite: Suite, evaluation: Evaluation, raised: Sequence[Outcome]) -> tuple[str, str]:
    """An example that raised, and what: of holdout only if there is no other, and its kind only."""
    hidden = {example.id for example in suite.splits.holdout}
    first = next(evaluation.read(sorted(raised, key=lambda each: each.example in hidden)[:1]))
    # what was raised may quote the example
    said = first.got.partition(":")[0] if first.example in hidden else first.got
    return first.example, said
