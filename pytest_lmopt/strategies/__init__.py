"""For authors of strategies: what a strategy is given, what it proposes, what it is built from.

Each name is loaded when first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_lmopt.lm.tracing import Call as Call
    from pytest_lmopt.metrics.evaluation import Evaluation as Evaluation
    from pytest_lmopt.metrics.scored_run import Outcome as Outcome
    from pytest_lmopt.metrics.scored_run import ScoredRun as ScoredRun
    from pytest_lmopt.strategies.protocol import About as About
    from pytest_lmopt.strategies.protocol import Bench as Bench
    from pytest_lmopt.strategies.protocol import History as History
    from pytest_lmopt.strategies.protocol import Proposal as Proposal
    from pytest_lmopt.strategies.protocol import Settings as Settings
    from pytest_lmopt.strategies.protocol import Strategy as Strategy
    from pytest_lmopt.strategies.protocol import StrategyFactory as StrategyFactory
    from pytest_lmopt.strategies.protocol import Trial as Trial
    from pytest_lmopt.suites.candidate import Candidate as Candidate
    from pytest_lmopt.suites.prompt_state import Demo as Demo
    from pytest_lmopt.suites.prompt_state import PromptState as PromptState

_HOMES = {
    "About": "pytest_lmopt.strategies.protocol",
    "Bench": "pytest_lmopt.strategies.protocol",
    "Call": "pytest_lmopt.lm.tracing",
    "Candidate": "pytest_lmopt.suites.candidate",
    "Demo": "pytest_lmopt.suites.prompt_state",
    "Evaluation": "pytest_lmopt.metrics.evaluation",
    "History": "pytest_lmopt.strategies.protocol",
    "Outcome": "pytest_lmopt.metrics.scored_run",
    "PromptState": "pytest_lmopt.suites.prompt_state",
    "Proposal": "pytest_lmopt.strategies.protocol",
    "ScoredRun": "pytest_lmopt.metrics.scored_run",
    "Settings": "pytest_lmopt.strategies.protocol",
    "Strategy": "pytest_lmopt.strategies.protocol",
    "StrategyFactory": "pytest_lmopt.strategies.protocol",
    "Trial": "pytest_lmopt.strategies.protocol",
}

__all__ = [
    "About",
    "Bench",
    "Call",
    "Candidate",
    "Demo",
    "Evaluation",
    "History",
    "Outcome",
    "PromptState",
    "Proposal",
    "ScoredRun",
    "Settings",
    "Strategy",
    "StrategyFactory",
    "Trial",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
