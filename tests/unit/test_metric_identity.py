"""A baseline is stale where its metric is another one, and only there."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from pytest_lmopt import Prompt, metrics
from pytest_lmopt.errors import SuiteError
from pytest_lmopt.suites.example import Dataset, Example
from pytest_lmopt.suites.metric_identity import identify, identity_text
from pytest_lmopt.suites.suite import Suite

Metric = Callable[..., object]


class Within:
    """A metric with a parameter and the usual repr."""

    def __init__(self, tolerance: float) -> None:
        self.tolerance = tolerance

    def __call__(self, example: object, prediction: float) -> bool:
        """Whether it is near."""
        return abs(prediction) < self.tolerance


@dataclass(frozen=True)
class Told:
    """A metric whose repr tells its parameter."""

    tolerance: float

    def __call__(self, example: object, prediction: float) -> bool:
        """Whether it is near."""
        return abs(prediction) < self.tolerance


def closing_over(tolerance: object) -> Metric:
    """A function whose source does not tell its parameter."""

    def near(example: object, prediction: object) -> bool:
        return prediction == tolerance

    return near


def with_default(tolerance: float) -> Metric:
    """A function that has its parameter as a default."""

    def near(example: object, prediction: float, limit: float = tolerance) -> bool:
        return prediction < limit

    return near


def partly(tolerance: float) -> Metric:
    """A partial of a function."""
    return functools.partial(with_default(1.0), limit=tolerance)


def anything(example: object, prediction: object) -> bool:
    """A metric that is content."""
    return example is not prediction


@pytest.mark.parametrize(
    "made", [Within, Told, closing_over, with_default, partly, lambda t: Within(t).__call__]
)
def test_a_parameter_tells_metrics_apart(made: Callable[[float], Metric]) -> None:
    """However it is given; and where it is the same, so is the metric."""
    assert identity_text(made(0.1)) == identity_text(made(0.1))
    assert identity_text(made(0.1)) != identity_text(made(99.0))


def test_a_lambda_is_itself_and_not_what_stands_around_it() -> None:
    """The test that a mark's lambda decorates may change, and the threshold beside it."""
    mark = {"metric": lambda _, prediction: prediction == 1, "threshold": 0.5}
    assert identity_text(mark["metric"]) == "lambda _, prediction: prediction == 1"


def test_ready_made_metrics_and_plain_functions_keep_their_digests() -> None:
    """Baselines accepted before stay what they were."""
    for metric in (metrics.exact_match, metrics.numeric_close, anything, None):
        found = identify(metric, suite="s")
        assert found.digest == found.digest_v1
    assert identify(metrics.exact_match, suite="s").digest == "c3fadb6ce646865b"
    assert identity_text(anything) == inspect.getsource(anything)


def test_a_judge_made_from_ours_counts_by_its_own_code() -> None:
    """What it inherits says nothing of what it does; a judge of ours keeps its digest."""
    rubric = Prompt(name="grade", instruction="Grade.", inputs=["prediction"], output="score")
    judge = metrics.Judge(rubric, scale=(1, 5))
    assert identity_text(judge) == f"Judge('grade', {rubric.state.digest}, scale=(1, 5))"

    class Strict(metrics.Judge):
        pass

    assert "class Strict" in identity_text(Strict(rubric))
    assert rubric.state.digest in identity_text(Strict(rubric))


def test_arrays_count_by_all_their_elements() -> None:
    """Their ``repr`` shows the first and last few."""
    one, other = np.zeros(5000), np.zeros(5000)
    other[2500] = 1.0
    assert identity_text(closing_over(one)) == identity_text(closing_over(one.copy()))
    assert identity_text(closing_over(one)) != identity_text(closing_over(other))


def test_paths_count_from_the_root(tmp_path: Path) -> None:
    """The project lies elsewhere on another machine."""
    texts = {
        identity_text(closing_over(root / "words.txt"), root=root)
        for root in (tmp_path / "a", tmp_path / "b")
    }
    assert len(texts) == 1
    assert identity_text(closing_over(tmp_path / "a")) != identity_text(closing_over(tmp_path))


@pytest.mark.parametrize("value", ["", 3])
def test_an_identity_that_is_no_text_is_refused(value: object) -> None:
    """So is one that says nothing."""
    metric = closing_over(1)
    vars(metric)["lmopt_identity"] = value
    with pytest.raises(SuiteError, match="lmopt_identity that is not a text"):
        identify(metric, suite="s")


def test_copies_of_a_suite_keep_the_digest_from_before_it_ran() -> None:
    """Splits and pipelines are put in later, when a shared metric has collected already."""
    seen: list[object] = []
    rows = Dataset(examples=(Example(id="a", inputs={}),), source="here")
    suite = Suite(name="s", pipeline=str, dataset=rows, metric=closing_over(seen))
    seen.append(1)
    assert replace(suite, split_seed=1).metric_digest == suite.metric_digest
    other = replace(suite, metric=closing_over(seen))
    assert other.metric_digest != suite.metric_digest
