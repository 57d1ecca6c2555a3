"""For those who write strategies: the contract every strategy keeps, and a model to test on."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_lmopt.testing.simulated_model import SimulatedModel as SimulatedModel
    from pytest_lmopt.testing.strategies import StrategyConformance as StrategyConformance

_HOMES = {
    "StrategyConformance": "pytest_lmopt.testing.strategies",
    "SimulatedModel": "pytest_lmopt.testing.simulated_model",
}

__all__ = ["SimulatedModel", "StrategyConformance"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
