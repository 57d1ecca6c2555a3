"""What a candidate changes in a prompt, in words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pytest_lmopt.suites.prompt_state import PromptState, difference

OLD = PromptState(instruction="Shout.", inputs=("word",), outputs=("loud",))
DEMO = {"word": "a", "loud": "A"}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"instruction": "SHOUT!"}, "another instruction"),
        ({"demos": (DEMO, DEMO)}, "2 in place of 0 demos"),
        ({"reasoning": True}, "reasoning"),
        (
            {"instruction": "SHOUT!", "demos": (DEMO,), "params": {"temperature": 0}},
            "another instruction and 1 in place of 0 demos and another params",
        ),
        ({}, ""),
    ],
)
def test_every_part_that_differs_is_named(changes: dict[str, Any], told: str) -> None:
    """Demos by how many there are; nothing is said of what is as it was."""
    assert difference(OLD, replace(OLD, **changes)) == told


def test_what_is_taken_away_is_named_too() -> None:
    """Demos and reasoning may go."""
    rich = replace(OLD, demos=(DEMO,), reasoning=True)
    assert difference(rich, OLD) == "0 in place of 1 demos and no reasoning"
