"""Strategies by name: ours are made as users' are, from the settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_lmopt.errors import StrategyError
from pytest_lmopt.strategies.protocol import Settings, Strategy
from pytest_lmopt.strategies.registry import STRATEGIES, known, make


@pytest.mark.parametrize("name", STRATEGIES)
def test_ours_are_made_from_settings(name: str) -> None:
    """All that a session has to say to a strategy is in them."""
    settings = Settings(seed=3, meta_prompts=Path("meta"))
    made: Any = make(name, settings)
    assert type(made).__name__.lower() == name
    assert made == type(made)(settings)
    assert made.settings is settings


def test_ours_are_known_without_being_offered() -> None:
    """Whatever else there is."""
    assert set(STRATEGIES) <= set(known({}))


def test_an_error_that_a_factory_raises_on_purpose_is_left_as_it_is() -> None:
    """Such as that a package is missing: it says what to do."""

    def needy(settings: Settings) -> Strategy:
        raise StrategyError("mine needs another package", strategy="mine")

    with pytest.raises(StrategyError, match=r"^mine needs another package$"):
        make("mine", Settings(), {"mine": needy})
