"""Which test and which interval a vector of paired differences gets."""

from __future__ import annotations

import math
import statistics

import pytest

from pytest_lmopt.stats.intervals import standard_error, t_interval
from pytest_lmopt.stats.mcnemar import mid_p, tango_interval
from pytest_lmopt.stats.paired import analyse_pairs
from pytest_lmopt.stats.signflip import sign_flip_p

PASSES = [1.0] * 7 + [-1.0] + [0.0] * 12
SCORES = [0.1, -0.2, 0.35, 0.0, 0.25, -0.05, 0.4, 0.15, -0.3, 0.2]


def test_passes_get_mcnemar_and_tango() -> None:
    """Differences of 0/1 scores get the mid-p test and the score interval."""
    analysis = analyse_pairs(PASSES, binary=True)
    assert analysis.test == "mid-p McNemar"
    assert (analysis.n, analysis.mean) == (20, 0.3)
    assert analysis.p_value == mid_p(7, 1)
    assert (analysis.low, analysis.high) == tango_interval(7, 1, 20)


def test_scores_get_sign_flips_and_student() -> None:
    """Differences of continuous scores get the permutation test and the t interval."""
    analysis = analyse_pairs(SCORES, binary=False)
    assert analysis.test == "sign-flip"
    assert analysis.p_value == sign_flip_p(SCORES)
    assert (analysis.low, analysis.high) == t_interval(SCORES)
    assert analysis.deviation == pytest.approx(statistics.stdev(SCORES))


def test_grouped_passes_are_flipped_by_group() -> None:
    """With groups, the unit that is flipped is a group's sum, be the scores 0/1 or not."""
    groups = [number % 5 for number in range(20)]
    analysis = analyse_pairs(PASSES, groups, binary=True)
    assert analysis.test == "sign-flip"
    assert analysis.p_value == sign_flip_p([2.0, 2.0, 0.0, 1.0, 1.0])
    assert (analysis.low, analysis.high) == t_interval(PASSES, groups)


def test_clustering_widens_the_deviation() -> None:
    """The deviation reported is what the clustered error implies, here twice the plain one."""
    values = [value for value in SCORES for _ in range(4)]
    groups = [number // 4 for number in range(40)]
    analysis = analyse_pairs(values, groups, binary=False)
    assert analysis.deviation == pytest.approx(standard_error(values, groups)[0] * math.sqrt(40))
    assert analysis.deviation == pytest.approx(2 * statistics.stdev(SCORES))


@pytest.mark.parametrize("binary", [True, False])
def test_no_difference_at_all_is_bounded_exactly(binary: bool) -> None:
    """All ties give p = 1 and the exact bound on how often outcomes can differ."""
    analysis = analyse_pairs([0.0] * 30, binary=binary)
    assert (analysis.test, analysis.p_value, analysis.mean) == ("no difference", 1.0, 0.0)
    assert (analysis.low, analysis.high) == tango_interval(0, 0, 30)


def test_ties_in_groups_count_groups() -> None:
    """Thirty ties in five groups bound no more than five ties would."""
    analysis = analyse_pairs([0.0] * 30, [number % 5 for number in range(30)], binary=True)
    assert (analysis.low, analysis.high) == tango_interval(0, 0, 5)


def test_one_difference_is_described_without_a_deviation() -> None:
    """A single pair has a mean and no spread."""
    analysis = analyse_pairs([0.5], binary=False)
    assert (analysis.mean, analysis.low, analysis.high) == (0.5, -1.0, 1.0)
    assert math.isnan(analysis.deviation)


@pytest.mark.parametrize("values", [[], [0.1, math.nan], [math.inf]])
def test_nonsense_is_refused(values: list[float]) -> None:
    """No differences, or differences that are no numbers, are a mistake of the caller."""
    with pytest.raises(ValueError, match="finite"):
        analyse_pairs(values, binary=False)


def test_rare_graded_losses_are_not_hidden_by_a_narrow_interval() -> None:
    """Mostly zeros leave t too little spread: the interval is widened as for rare 0/1 changes."""
    differences = [-1 / 3] + [0.0] * 39
    analysis = analyse_pairs(differences, binary=False)
    alone = t_interval(differences)
    assert analysis.low < alone[0] - 0.05
    assert analysis.high >= alone[1]


def test_rare_losses_of_whole_groups_are_not_hidden_either() -> None:
    """Where most groups are as they were, the interval is that of as many rare 0/1 changes."""
    differences = [-1.0] * 3 + [0.0] * 117
    groups = [number // 3 for number in range(120)]
    analysis = analyse_pairs(differences, groups, binary=True)
    assert (analysis.low, analysis.high) == pytest.approx(tango_interval(0, 1, 40))
    assert analysis.low < t_interval(differences, groups)[0] - 0.05


def test_a_large_group_that_changed_counts_for_its_size() -> None:
    """Its examples are one draw: the interval allows for other groups as large."""
    groups = [0] * 8 + list(range(1, 33))
    differences = [-1.0] * 8 + [0.0] * 32
    low, high = tango_interval(0, 1, 33)
    scale = 8 * 33 / 40
    analysis = analyse_pairs(differences, groups, binary=True)
    assert analysis.low == pytest.approx(max(-1.0, low * scale))
    assert analysis.high == pytest.approx(max(high * scale, t_interval(differences, groups)[1]))
