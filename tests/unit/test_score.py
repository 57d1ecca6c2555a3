"""What a metric returns becomes a score in [0, 1], or the metric is broken."""

from __future__ import annotations

import asyncio
import math
import sys
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from pytest_lmopt import Example, Score
from pytest_lmopt.errors import BudgetExhaustedError, MetricError
from pytest_lmopt.metrics.score import score_with

EXAMPLE = Example(id="e7", inputs={"q": 1}, expected="x")


def score(returned: Any) -> Score:
    """The score of a metric that returns this."""
    return asyncio.run(score_with(lambda *_: returned, EXAMPLE, "prediction"))


@pytest.mark.parametrize(
    ("returned", "value"),
    [
        (True, 1.0),
        (False, 0.0),
        (1, 1.0),
        (0.25, 0.25),
        (Fraction(1, 4), 0.25),
        (Score(value=0.5, feedback="half"), 0.5),
        (Score(value=True), 1.0),
    ],
)
def test_bools_numbers_and_scores_are_scores(returned: object, value: float) -> None:
    """The value is always a float."""
    got = score(returned)

    assert got.value == value
    assert type(got.value) is float
    assert got.feedback == (returned.feedback if isinstance(returned, Score) else "")


@pytest.mark.parametrize(("feedback", "shown"), [(None, ""), (3, "3"), (["a"], "['a']")])
def test_feedback_is_text_whatever_a_metric_says(feedback: Any, shown: str) -> None:
    """Reports print it, and None is nothing to say."""
    assert score(Score(value=0.5, feedback=feedback)) == Score(value=0.5, feedback=shown)


@pytest.mark.parametrize(
    ("returned", "value"), [(0.7 + 0.2 + 0.1, 1.0), (1.0000000000000002, 1.0), (-1e-17, 0.0)]
)
def test_the_noise_of_floats_is_no_part_of_a_score(returned: float, value: float) -> None:
    """A sum of weights that means 1 passes, whichever side of it the sum falls on."""
    assert str(score(returned).value) == str(value)


def test_numpys_numbers_are_numbers() -> None:
    """Metrics made with numpy need no conversion."""
    import numpy as np

    assert score(np.bool_(True)).value == 1.0
    assert score(np.float32(0.5)).value == 0.5
    assert score(np.int64(1)).value == 1.0
    assert score(np.array(0.5)).value == 0.5
    assert score(Decimal("0.5")).value == 0.5


def test_a_metric_sees_example_and_prediction() -> None:
    """In this order."""
    seen: list[object] = []

    def metric(example: Example, prediction: object) -> bool:
        seen.extend([example, prediction])
        return True

    asyncio.run(score_with(metric, EXAMPLE, "p"))

    assert seen == [EXAMPLE, "p"]


def test_a_metric_may_be_async() -> None:
    """It is awaited."""

    async def metric(example: Example, prediction: object) -> float:
        await asyncio.sleep(0)
        return 0.5 if prediction == example.expected else 0.0

    assert asyncio.run(score_with(metric, EXAMPLE, "x")).value == 0.5


def test_without_a_metric_returning_is_a_pass() -> None:
    """Plain assertions are the metric: the pipeline's return value has no meaning."""
    assert asyncio.run(score_with(None, EXAMPLE, None)) == Score(value=1.0)


@pytest.mark.parametrize("returned", [None, "0.5", [1], {}, Score(value="high")])  # type: ignore[arg-type]
def test_what_is_no_score_breaks_the_metric(returned: object) -> None:
    """The message names the example and shows what was returned."""
    with pytest.raises(MetricError) as caught:
        score(returned)

    assert str(caught.value).startswith("metric failed on example 'e7': returned ")
    assert repr(returned)[:80] in str(caught.value)
    assert "a bool, a number in [0, 1] or a Score expected" in str(caught.value)
    assert caught.value.example_id == "e7"


@pytest.mark.parametrize(
    "returned",
    [-0.1, 1.1, 2, math.nan, math.inf, Score(value=85), 10**400, Decimal("1e999999999")],
)
def test_a_number_outside_the_range_breaks_the_metric(returned: object) -> None:
    """A score of 85 is no mean of anything; the author learns to scale it."""
    with pytest.raises(MetricError, match=r"which is outside \[0, 1\]; scale it into that range"):
        score(returned)


def test_a_metric_that_raises_is_broken() -> None:
    """Type and message are shown, and the error itself is attached."""

    def metric(*_: object) -> bool:
        raise KeyError("team")

    with pytest.raises(MetricError, match="example 'e7': KeyError: 'team'") as caught:
        asyncio.run(score_with(metric, EXAMPLE, "p"))

    assert isinstance(caught.value.__cause__, KeyError)


def test_an_assertion_in_a_metric_breaks_it() -> None:
    """Assertions belong into the test; in a metric they are a mistake, not a zero."""

    def metric(_: Example, prediction: object) -> bool:
        assert prediction == "other", "unequal"
        return True

    with pytest.raises(MetricError, match="AssertionError: unequal"):
        asyncio.run(score_with(metric, EXAMPLE, "p"))


def test_an_exhausted_budget_in_a_metric_is_no_fault_of_the_metric() -> None:
    """A judge's calls are paid for too; their errors keep their meaning."""

    async def metric(*_: object) -> bool:
        raise BudgetExhaustedError("used up", limit="calls")

    with pytest.raises(BudgetExhaustedError):
        asyncio.run(score_with(metric, EXAMPLE, "p"))


@pytest.mark.parametrize("ends", [pytest.skip, pytest.fail, sys.exit])
def test_a_metric_that_skips_fails_or_exits_is_broken(ends: Callable[[str], object]) -> None:
    """Else the whole suite would be skipped, and green, or end without a report."""
    with pytest.raises(MetricError, match=r"example 'e7': .*no use"):
        asyncio.run(score_with(lambda *_: ends("no use"), EXAMPLE, "prediction"))
