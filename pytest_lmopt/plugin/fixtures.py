"""The fixture ``lm_example``."""

from __future__ import annotations

from typing import Any

import pytest


class ExamplePlaceholder:
    """What ``lm_example`` is while a suite is set up: each run gets a real example instead."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"lm_example.{name} exists only inside the test itself, which runs once per example; "
            "fixtures are set up once per suite"
        )


@pytest.fixture
def lm_example() -> ExamplePlaceholder:
    """The example a marked test is run on: ``.id``, ``.inputs``, ``.expected``."""
    return ExamplePlaceholder()
