"""For authors of strategies: the contract every strategy keeps, searches, and a model to test on.

Each name is loaded when first used; ``StrategyConformance`` needs pytest.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_lmopt.strategies.search import SearchOutcome as SearchOutcome
    from pytest_lmopt.testing.searches import Answer as Answer
    from pytest_lmopt.testing.searches import Kind as Kind
    from pytest_lmopt.testing.searches import Searched as Searched
    from pytest_lmopt.testing.searches import Spy as Spy
    from pytest_lmopt.testing.searches import searched as searched
    from pytest_lmopt.testing.searches import simulated as simulated
    from pytest_lmopt.testing.simulated_model import SimulatedModel as SimulatedModel
    from pytest_lmopt.testing.strategies import StrategyConformance as StrategyConformance

_HOMES = {
    "Answer": "pytest_lmopt.testing.searches",
    "Kind": "pytest_lmopt.testing.searches",
    "SearchOutcome": "pytest_lmopt.strategies.search",
    "Searched": "pytest_lmopt.testing.searches",
    "SimulatedModel": "pytest_lmopt.testing.simulated_model",
    "Spy": "pytest_lmopt.testing.searches",
    "StrategyConformance": "pytest_lmopt.testing.strategies",
    "searched": "pytest_lmopt.testing.searches",
    "simulated": "pytest_lmopt.testing.searches",
}

__all__ = [
    "Answer",
    "Kind",
    "SearchOutcome",
    "Searched",
    "SimulatedModel",
    "Spy",
    "StrategyConformance",
    "searched",
    "simulated",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
