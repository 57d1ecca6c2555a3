"""The back office's pipelines, each with its data, its metric and its budget."""

import pytest
from backoffice.ledger import iso_date
from backoffice.messages import day_of

from pytest_lmopt import Budget, Example, metrics


@pytest.mark.lm_suite(dataset="ledger.jsonl", metric=metrics.exact_match, budget=Budget(calls=370))
def test_ledger(lm_example: Example) -> str:
    """One LM step."""
    return iso_date(lm_example.inputs["entry"])


@pytest.mark.lm_suite(
    dataset="messages.jsonl", metric=metrics.exact_match, budget=Budget(calls=800)
)
def test_messages(lm_example: Example) -> str:
    """Two LM steps, scored by the final answer only."""
    return day_of(lm_example.inputs["message"])
