"""Scores, and what a metric's return value means as one."""

from __future__ import annotations

import inspect
import math
import traceback
from dataclasses import dataclass
from typing import Any

from pytest_lmopt.errors import LmoptError, MetricError
from pytest_lmopt.runs.outcomes import Meaning, SessionEnded, is_from_outside, outcome_of
from pytest_lmopt.safe_text import text_of
from pytest_lmopt.suites.example import Example
from pytest_lmopt.suites.suite import MetricFunction
from pytest_lmopt.suites.values import score_in


@dataclass(frozen=True, kw_only=True)
class Score:
    """``value`` in [0, 1], and why, in words an author (or a strategy) can learn from."""

    value: float
    feedback: str = ""


async def score_with(metric: MetricFunction | None, example: Example, prediction: Any) -> Score:
    """Score a prediction; without a metric, having returned is a pass.

    Raises ``MetricError`` if the metric raises or returns anything but a score,
    ``SessionEnded`` if it ends the session.
    """
    if metric is None:
        return Score(value=1.0)
    try:
        returned = metric(example, prediction)
        if inspect.isawaitable(returned):
            returned = await returned
    except LmoptError:
        raise
    except BaseException as error:  # pytest.skip and sys.exit are no scores either
        if is_from_outside(error):
            raise
        outcome = outcome_of(error)
        if outcome.meaning is Meaning.ENDS:
            raise SessionEnded.by(outcome) from outcome.because[0]
        deepest = outcome.because[0].__traceback__ or error.__traceback__
        place = traceback.extract_tb(deepest)[-1]
        raise MetricError(
            f"{outcome.named} ({place.filename}, line {place.lineno})",
            example_id=example.id,
        ) from error
    score = returned if isinstance(returned, Score) else None
    value = returned.value if isinstance(returned, Score) else returned
    number = score_in(value)
    if number is None:
        raise MetricError(
            f"returned {returned!r:.80}; a bool, a number in [0, 1] or a Score expected",
            example_id=example.id,
        )
    # 0.7 + 0.2 + 0.1 means 1, which passes, and not a little less; + 0.0 makes -0.0 a plain 0
    value = round(number, 9) + 0.0
    if not math.isfinite(value) or not 0.0 <= value <= 1.0:
        raise MetricError(
            f"returned {value!r}, which is outside [0, 1]; scale it into that range",
            example_id=example.id,
        )
    # None is what a metric's author has where there is nothing to say
    feedback = text_of(score.feedback) if score and score.feedback is not None else ""
    return Score(value=value, feedback=feedback)
