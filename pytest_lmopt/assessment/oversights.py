"""What a green score would hide: a test that returns nothing, or values that nobody looks at."""

from __future__ import annotations

from pytest_lmopt.metrics.evaluation import Evaluation
from pytest_lmopt.runs.run import Ending, Run
from pytest_lmopt.suites.suite import Suite


def measures_nothing(suite: Suite, evaluation: Evaluation) -> str:
    """Why the scores say nothing about the pipeline, whatever they are; else empty.

    None may be a prediction, where it is expected or the metric is content with it.
    """
    if evaluation.only_error:
        return f"the pipeline raised on every example, first {evaluation.only_error}"
    runs = _scored(evaluation)
    if (
        suite.metric is not None
        and all(run.ending is Ending.RETURNED and run.prediction is None for run in runs)
        and any(run.example.expected is not None for run in runs)
        and max(evaluation.scores.values(), default=1.0) < 1.0
    ):
        return (
            "the test returned None on every example, so the metric had nothing to score: return "
            "the pipeline's answer from it"
        )
    return ""


def overlooked(suite: Suite, evaluation: Evaluation) -> str:
    """What the author should know though the suite is judged; else empty."""
    runs = _scored(evaluation)
    returned = next((run for run in runs if run.prediction is not None), None)
    if suite.metric is None and returned and not any(run.ending is Ending.FAILED for run in runs):
        return (
            f"the test returned values ({type(returned.prediction).__name__}) that nothing looked "
            "at: without a metric every example that returns scores 1; give lm_suite metric=, or "
            "assert"
        )
    return ""


def _scored(evaluation: Evaluation) -> list[Run]:
    return [scored.run for scored in evaluation.runs if scored.score is not None]
