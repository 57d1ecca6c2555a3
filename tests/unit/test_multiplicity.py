"""Holm's adjustment against statsmodels, and what it must do by definition."""

from __future__ import annotations

import gc

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from pytest_lmopt.stats.multiplicity import holm

EXAMPLES = [
    [0.04],
    [0.01, 0.04, 0.03],
    [0.2, 0.2, 0.2],
    [0.0, 1.0, 0.5],
    [0.9, 0.001, 0.049, 0.02, 0.001],
]


@pytest.fixture(autouse=True, scope="module")
def _little_garbage() -> None:
    """Keep the garbage short that statsmodels collects at each call: what is here now lives on."""
    gc.freeze()


@pytest.mark.parametrize("p_values", EXAMPLES)
def test_it_equals_statsmodels_on_chosen_values(p_values: list[float]) -> None:
    """Single values, ties, 0 and 1 included."""
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1], abs=1e-9)


def test_it_equals_statsmodels_on_random_values() -> None:
    """Up to 40 suites at a time."""
    generator = np.random.default_rng(0)
    for count in (1, 2, 7, 20, 40):
        p_values = (generator.random(count) ** 3).tolist()
        expected = multipletests(p_values, method="holm")[1]
        assert holm(p_values) == pytest.approx(expected, abs=1e-9)


def test_no_suites_no_values() -> None:
    """Nothing to adjust is no error."""
    assert holm([]) == []


def test_the_order_of_the_suites_does_not_matter() -> None:
    """Each value keeps its place, whatever stands beside it."""
    p_values = [0.9, 0.001, 0.049, 0.02, 0.3]
    backwards = holm(p_values[::-1])[::-1]
    assert backwards == holm(p_values)


def test_it_lies_between_the_value_itself_and_bonferroni() -> None:
    """Never smaller than unadjusted, never larger than m times the value."""
    p_values = [0.9, 0.001, 0.049, 0.02, 0.3]
    for plain, adjusted in zip(p_values, holm(p_values), strict=True):
        assert plain <= adjusted <= min(1.0, len(p_values) * plain)
