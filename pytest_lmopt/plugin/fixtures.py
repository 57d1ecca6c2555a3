"""The fixtures ``lm_example`` and ``lm_model``."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_lmopt.plugin.names import node_name
from pytest_lmopt.plugin.session import session_key


class ExamplePlaceholder:
    """What ``lm_example`` is while a suite is set up: each run gets a real example instead."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"lm_example.{name} exists only inside the test itself, which runs once per example; "
            "fixtures are set up once per suite"
        )


@pytest.fixture
def lm_model(request: pytest.FixtureRequest) -> str | None:
    """The model of the suite's prompts that name none; ``parametrize`` it for several models."""
    suite = request.config.stash[session_key].suites.get(node_name(request.node))
    return suite.suite.model if suite else None


@pytest.fixture
def lm_example(lm_model: str | None) -> ExamplePlaceholder:  # noqa: ARG001 - see below
    """The example a marked test is run on: ``.id``, ``.inputs``, ``.expected``."""
    # it asks for lm_model so that a test need not, to be parametrised by it
    return ExamplePlaceholder()
