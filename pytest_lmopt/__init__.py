"""pytest-lmopt: prompts as tested, optimised code.

Everything a pipeline or a test needs is imported from here; each name is loaded when first used,
so that importing the package costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_lmopt import metrics as metrics
    from pytest_lmopt.errors import LmoptError as LmoptError
    from pytest_lmopt.lm.prompt import Prompt as Prompt
    from pytest_lmopt.lm.tracing import carry_context as carry_context
    from pytest_lmopt.metrics.score import Score as Score
    from pytest_lmopt.suites.budget import Budget as Budget
    from pytest_lmopt.suites.example import Example as Example
    from pytest_lmopt.wire import Completion as Completion

__version__ = "0.1.0"

_HOMES = {
    "Budget": "pytest_lmopt.suites.budget",
    "Completion": "pytest_lmopt.lm.seam",
    "Example": "pytest_lmopt.suites.example",
    "LmoptError": "pytest_lmopt.errors",
    "Prompt": "pytest_lmopt.lm.prompt",
    "Score": "pytest_lmopt.metrics.score",
    "carry_context": "pytest_lmopt.lm.tracing",
}

__all__ = [
    "Budget",
    "Completion",
    "Example",
    "LmoptError",
    "Prompt",
    "Score",
    "carry_context",
    "metrics",
]


def __getattr__(name: str) -> Any:
    if name == "metrics":
        return importlib.import_module("pytest_lmopt.metrics")
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
