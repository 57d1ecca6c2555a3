"""Cohen's kappa against statsmodels, and its defined answers where raters do not vary.

The variance is that of Fleiss, Cohen and Everitt (1969) for any kappa, which statsmodels calls
``var_kappa``; not ``var_kappa0``, which supposes a true kappa of 0 and serves for a test.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from statsmodels.stats.inter_rater import cohens_kappa

from pytest_lmopt.stats.agreement import cohen_kappa

TABLES = [
    [[20, 5], [10, 15]],
    [[45, 15], [25, 15]],
    [[1, 9], [8, 2]],
    [[98, 1], [1, 0]],
    [[10, 3, 0], [2, 17, 4], [1, 5, 30]],
    [[5, 0, 1, 0], [2, 6, 0, 3], [0, 1, 9, 1], [0, 0, 2, 4]],
]


def labels_of(table: list[list[int]]) -> tuple[list[int], list[int]]:
    """Two label sequences whose cross table is ``table``."""
    pairs = [
        (row, column)
        for row, counts in enumerate(table)
        for column, count in enumerate(counts)
        for _ in range(count)
    ]
    return [row for row, _ in pairs], [column for _, column in pairs]


@pytest.mark.parametrize("table", TABLES)
def test_it_equals_statsmodels(table: list[list[int]]) -> None:
    """Kappa and its 95 % interval, for two and more labels, above and below chance."""
    expected = cohens_kappa(np.array(table))
    agreement = cohen_kappa(*labels_of(table))
    assert agreement.kappa == pytest.approx(expected.kappa, abs=1e-9)
    assert agreement.low == pytest.approx(max(-1.0, expected.kappa_low), abs=1e-9)
    assert agreement.high == pytest.approx(min(1.0, expected.kappa_upp), abs=1e-9)
    assert agreement.n == sum(map(sum, table))


def test_the_standard_example() -> None:
    """Table [[20, 5], [10, 15]]: 70 % equal, 50 % by chance, kappa 0.4."""
    agreement = cohen_kappa(*labels_of(TABLES[0]))
    assert agreement.equal == pytest.approx(0.7)
    assert agreement.kappa == pytest.approx(0.4)


def test_labels_of_any_kind_and_unequal_sets() -> None:
    """Labels need not be numbers, nor be used by both raters."""
    agreement = cohen_kappa(["yes", "no", "yes", "no"], ["yes", "no", "unsure", "no"])
    table = [[1, 0, 1], [0, 2, 0], [0, 0, 0]]
    assert agreement.kappa == pytest.approx(cohens_kappa(np.array(table)).kappa, abs=1e-9)


def test_swapping_the_raters_changes_nothing() -> None:
    """Neither rater is the standard."""
    first, second = labels_of(TABLES[4])
    one, other = cohen_kappa(first, second), cohen_kappa(second, first)
    assert (one.kappa, one.low, one.high) == pytest.approx((other.kappa, other.low, other.high))


def test_a_smaller_alpha_widens_the_interval() -> None:
    """99 % is wider than 95 %, about the same kappa."""
    first, second = labels_of(TABLES[0])
    usual, wide = cohen_kappa(first, second), cohen_kappa(first, second, alpha=0.01)
    assert wide.low < usual.low < usual.kappa < usual.high < wide.high
    assert wide.kappa == usual.kappa


def test_perfect_agreement_is_one() -> None:
    """All labels equal and more than one label in use."""
    labels = ["a", "b", "c"] * 20
    agreement = cohen_kappa(labels, labels)
    assert agreement.kappa == agreement.equal == agreement.high == pytest.approx(1.0)


def test_perfect_agreement_on_few_items_proves_little() -> None:
    """Ten equal labels, half of them by chance: 72 % may be the truth, which is a kappa of 0.44."""
    labels = [0, 1] * 5
    few, many = cohen_kappa(labels, labels), cohen_kappa(labels * 20, labels * 20)
    assert few.low == pytest.approx((10 / (10 + 1.959964**2) - 0.5) / 0.5, abs=1e-6)
    assert few.low < 0.5
    assert 0.9 < many.low < 1.0


def test_perfect_disagreement_is_minus_one() -> None:
    """Two labels, evenly used, never the same."""
    agreement = cohen_kappa([0, 1] * 10, [1, 0] * 10)
    assert agreement.kappa == pytest.approx(-1.0)
    assert agreement.equal == 0.0


def test_one_constant_rater_agrees_by_chance_only() -> None:
    """Someone who always says the same knows nothing: kappa 0 however many labels are equal."""
    agreement = cohen_kappa([1] * 10, [1] * 9 + [0])
    assert agreement.kappa == pytest.approx(0.0)
    assert agreement.equal == pytest.approx(0.9)


def test_two_constant_raters_of_one_label_tell_nothing() -> None:
    """Chance explains everything: no kappa, and an interval that excludes nothing."""
    agreement = cohen_kappa([1] * 10, [1] * 10)
    assert math.isnan(agreement.kappa)
    assert (agreement.low, agreement.high, agreement.equal) == (-1.0, 1.0, 1.0)


@pytest.mark.parametrize(("first", "second"), [([], []), ([1], [1, 0])])
def test_empty_or_unequal_sequences_are_refused(first: list[int], second: list[int]) -> None:
    """Kappa is of pairs, at least one."""
    with pytest.raises(ValueError, match="equal length"):
        cohen_kappa(first, second)
