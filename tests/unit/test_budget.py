"""A budget is a set of positive limits."""

from __future__ import annotations

import math
from typing import Any

import pytest

from pytest_lmopt import Budget
from pytest_lmopt.errors import BudgetError


def test_a_budget_without_limits_limits_nothing() -> None:
    """Every limit is optional."""
    budget = Budget()

    assert (budget.calls, budget.tokens, budget.usd, budget.seconds) == (None, None, None, None)
    assert str(budget) == "no limit"


def test_a_budget_reads_as_its_limits() -> None:
    """Messages show a budget in the units the author wrote."""
    assert str(Budget(calls=600, usd=0.50, seconds=900)) == "600 calls, $0.5, 900 s"
    assert str(Budget(tokens=1000)) == "1000 tokens"
    assert str(Budget(usd=0.00001, seconds=1_000_000)) == "$0.00001, 1,000,000 s"


@pytest.mark.parametrize("name", ["calls", "tokens", "usd", "seconds"])
@pytest.mark.parametrize("value", [0, -1, True, "5", math.nan, [1]])
def test_a_limit_is_a_positive_number(name: str, value: object) -> None:
    """Anything else is refused with the limit's name and the value found."""
    limits: dict[str, Any] = {name: value}

    with pytest.raises(BudgetError, match="positive") as caught:
        Budget(**limits)

    assert str(caught.value).startswith(f"Budget({name}={value!r}): a positive")


@pytest.mark.parametrize("name", ["calls", "tokens"])
def test_calls_and_tokens_are_whole(name: str) -> None:
    """Half a call can't be made."""
    limits: dict[str, Any] = {name: 1.5}

    with pytest.raises(BudgetError, match="a positive whole number expected"):
        Budget(**limits)
