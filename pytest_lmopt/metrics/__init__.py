"""Metrics: (example, prediction) → score in [0, 1].

Ready made: ``exact_match``, ``contains``, ``numeric_close`` and token ``f1``; ``Judge`` asks a
model. Any function of the same form that returns a bool, a float or a ``Score`` is a metric too.
"""

from pytest_lmopt.metrics.builtin import (
    Contains,
    ExactMatch,
    NumericClose,
    TokenF1,
    contains,
    exact_match,
    f1,
    numeric_close,
)
from pytest_lmopt.metrics.judge import Judge
from pytest_lmopt.metrics.score import Score

__all__ = [
    "Contains",
    "ExactMatch",
    "Judge",
    "NumericClose",
    "Score",
    "TokenF1",
    "contains",
    "exact_match",
    "f1",
    "numeric_close",
]
