"""pass@k and pass^k against counting every choice of k runs."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import pytest

from pytest_lmopt.stats.repeats import pass_at_k, pass_hat_k

CASES = [(n, passed, k) for n in range(1, 8) for passed in range(n + 1) for k in range(1, n + 1)]


@pytest.mark.parametrize(
    ("aggregate", "enough"), [(pass_at_k, any), (pass_hat_k, all)], ids=["pass@k", "pass^k"]
)
def test_it_is_the_share_of_choices_of_k_runs_that_pass(
    aggregate: Callable[[int, int, int], float], enough: Callable[[tuple[bool, ...]], bool]
) -> None:
    """At least one of k runs, or all of them: counted over every choice of k runs of n."""
    for n, passed, k in CASES:
        choices = list(combinations([run < passed for run in range(n)], k))
        share = sum(map(enough, choices)) / len(choices)
        assert aggregate(n, passed, k) == pytest.approx(share, abs=1e-12)


def test_one_run_is_the_pass_rate_for_both() -> None:
    """With k = 1 neither aggregate differs from the mean."""
    assert pass_at_k(10, 3, 1) == pytest.approx(0.3)
    assert pass_hat_k(10, 3, 1) == pytest.approx(0.3)


def test_more_runs_help_pass_at_k_and_hurt_pass_hat_k() -> None:
    """One pass among more runs is likelier, all passes among more runs less likely."""
    at = [pass_at_k(10, 4, k) for k in range(1, 11)]
    hat = [pass_hat_k(10, 4, k) for k in range(1, 11)]
    assert at == sorted(at)
    assert hat == sorted(hat, reverse=True)


@pytest.mark.parametrize("k", [1, 3, 5])
def test_all_or_none_passed_is_certain(k: int) -> None:
    """With every run passed both are 1, with none 0, without rounding."""
    assert pass_at_k(5, 5, k) == pass_hat_k(5, 5, k) == 1.0
    assert pass_at_k(5, 0, k) == pass_hat_k(5, 0, k) == 0.0


def test_many_runs_do_not_overflow() -> None:
    """Counts of choices too large for a float are divided exactly."""
    assert pass_at_k(5_000, 2_500, 2_000) == 1.0
    assert pass_hat_k(5_000, 4_999, 2_500) == pytest.approx(0.5)


@pytest.mark.parametrize("aggregate", [pass_at_k, pass_hat_k])
@pytest.mark.parametrize(
    ("n", "passed", "k"), [(3, 1, 0), (3, 1, 4), (3, 4, 1), (3, -1, 1), (0, 0, 1)]
)
def test_impossible_counts_are_refused(
    aggregate: Callable[[int, int, int], float], n: int, passed: int, k: int
) -> None:
    """k must lie in 1…n and the passes in 0…n."""
    with pytest.raises(ValueError, match="expected"):
        aggregate(n, passed, k)
