"""Intervals and standard errors of a mean against scipy and statsmodels."""

from __future__ import annotations

import math

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.stats import t, ttest_1samp
from statsmodels.stats.proportion import proportion_confint

from pytest_lmopt.stats.intervals import (
    mean_interval,
    standard_error,
    t_interval,
    wilson_interval,
)

VALUES = [0.1, -0.2, 0.35, 0.0, 0.25, -0.05, 0.4, 0.15, -0.3, 0.2]
GROUPS = ["a", "a", "a", "b", "b", "c", "d", "d", "e", "e"]


@pytest.mark.parametrize(("passed", "n"), [(0, 1), (1, 1), (0, 12), (5, 12), (12, 12), (370, 500)])
@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_wilson_agrees_with_statsmodels(passed: int, n: int, alpha: float) -> None:
    """The interval of a proportion is statsmodels' Wilson interval."""
    expected = proportion_confint(passed, n, alpha=alpha, method="wilson")
    assert wilson_interval(passed, n, alpha=alpha) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_t_interval_agrees_with_scipy(alpha: float) -> None:
    """The interval of a mean is that of scipy's one-sample t-test."""
    expected = ttest_1samp(VALUES, 0.0).confidence_interval(confidence_level=1 - alpha)
    low, high = t_interval(VALUES, alpha=alpha)
    assert low == pytest.approx(float(expected.low), abs=1e-9)
    assert high == pytest.approx(float(expected.high), abs=1e-9)


def test_clustered_error_agrees_with_statsmodels() -> None:
    """The cluster-robust error is that of an OLS on a constant, with the G/(G − 1) correction.

    statsmodels multiplies by (n − 1)/(n − k) besides, which is 1 for the single constant.
    """
    codes = np.unique(GROUPS, return_inverse=True)[1]
    fit = sm.OLS(VALUES, np.ones(len(VALUES))).fit(
        cov_type="cluster", cov_kwds={"groups": codes, "use_correction": True}
    )
    error, freedom = standard_error(VALUES, GROUPS)
    assert error == pytest.approx(float(fit.bse[0]), abs=1e-9)
    assert freedom == 4


def test_clustered_interval_uses_the_number_of_clusters() -> None:
    """The clustered interval reaches t with G − 1 degrees of freedom to either side."""
    error, freedom = standard_error(VALUES, GROUPS)
    low, high = t_interval(VALUES, GROUPS)
    reach = float(t.ppf(0.975, freedom)) * error
    mean = sum(VALUES) / len(VALUES)
    assert (low, high) == pytest.approx((mean - reach, mean + reach), abs=1e-12)


def test_clusters_of_one_change_nothing() -> None:
    """Where every value is its own cluster, the clustered error is the ordinary one."""
    assert standard_error(VALUES, range(len(VALUES))) == pytest.approx(standard_error(VALUES))


def test_copies_within_a_cluster_are_no_evidence() -> None:
    """Repeating each value within its cluster leaves the error as it was."""
    twice = [value for value in VALUES for _ in range(2)]
    clusters = [number for number in range(len(VALUES)) for _ in range(2)]
    assert standard_error(twice, clusters) == pytest.approx(standard_error(VALUES))


@pytest.mark.parametrize("groups", [None, ["a"]])
def test_one_value_says_nothing(groups: list[str] | None) -> None:
    """With one unit the error is unknown and the interval is everything possible."""
    error, freedom = standard_error([0.4], groups)
    assert math.isnan(error)
    assert freedom == 0
    assert t_interval([0.4], groups) == (-1.0, 1.0)


def test_one_cluster_says_nothing() -> None:
    """Many values of one cluster are one unit."""
    assert t_interval(VALUES, ["same"] * len(VALUES)) == (-1.0, 1.0)


def test_intervals_stay_within_what_is_possible() -> None:
    """A wild sample's interval ends at the bounds."""
    assert t_interval([1.0, -1.0, 1.0]) == (-1.0, 1.0)


def test_a_mean_of_passes_gets_wilsons_interval() -> None:
    """Scores of 0 and 1 are a proportion; others get Student's interval within [0, 1]."""
    assert mean_interval([1.0, 0.0, 1.0, 1.0]) == wilson_interval(3, 4)
    assert mean_interval([0.9, 1.0, 1.0, 0.8]) == t_interval([0.9, 1.0, 1.0, 0.8], bounds=(0, 1))
    assert mean_interval([0.9, 1.0, 1.0, 0.8])[1] == 1.0


def test_groups_that_are_wholly_alike_count_as_one_draw_each() -> None:
    """Eighty examples of twenty groups show no more than twenty would; t for Wilson's normal."""
    passed = [number // 4 < 15 for number in range(80)]
    groups = [number // 4 for number in range(80)]
    low, high = mean_interval(list(map(float, passed)), groups)
    alone = wilson_interval(15, 20)
    assert low == pytest.approx(alone[0], abs=0.03)
    assert high == pytest.approx(alone[1], abs=0.03)
    assert low < alone[0] < alone[1] < high


def test_groups_that_all_pass_leave_room_below() -> None:
    """No spread is seen, so each group is taken for one draw; a single group shows nothing."""
    low, high = mean_interval([1.0] * 60, [number // 3 for number in range(60)])
    assert (round(low, 2), high) == (0.82, 1.0)
    assert mean_interval([1.0] * 60, ["a"] * 60) == (0.0, 1.0)


def test_grouped_graded_scores_get_the_clustered_t() -> None:
    """Within [0, 1]."""
    scores = [0.9, 0.8, 0.4, 0.5, 1.0, 0.7]
    groups = ["a", "a", "b", "b", "c", "c"]
    assert mean_interval(scores, groups) == t_interval(scores, groups, bounds=(0.0, 1.0))
