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
    from pytest_lmopt.lm.seam import LM as LM
    from pytest_lmopt.lm.seam import FunctionLM as FunctionLM
    from pytest_lmopt.lm.tracing import carry_context as carry_context
    from pytest_lmopt.metrics.score import Score as Score
    from pytest_lmopt.suites.budget import Budget as Budget
    from pytest_lmopt.suites.example import Example as Example
    from pytest_lmopt.wire import Completion as Completion
    from pytest_lmopt.wire import Message as Message
    from pytest_lmopt.wire import Request as Request
    from pytest_lmopt.wire import ToolCall as ToolCall
    from pytest_lmopt.wire import Usage as Usage

__version__ = "0.1.0"

_HOMES = {
    "LM": "pytest_lmopt.lm.seam",
    "Budget": "pytest_lmopt.suites.budget",
    "Completion": "pytest_lmopt.wire",
    "Example": "pytest_lmopt.suites.example",
    "FunctionLM": "pytest_lmopt.lm.seam",
    "LmoptError": "pytest_lmopt.errors",
    "Message": "pytest_lmopt.wire",
    "Prompt": "pytest_lmopt.lm.prompt",
    "Request": "pytest_lmopt.wire",
    "Score": "pytest_lmopt.metrics.score",
    "ToolCall": "pytest_lmopt.wire",
    "Usage": "pytest_lmopt.wire",
    "carry_context": "pytest_lmopt.lm.tracing",
}

__all__ = [
    "LM",
    "Budget",
    "Completion",
    "Example",
    "FunctionLM",
    "LmoptError",
    "Message",
    "Prompt",
    "Request",
    "Score",
    "ToolCall",
    "Usage",
    "carry_context",
    "metrics",
]


def __getattr__(name: str) -> Any:
    if name == "metrics":
        return importlib.import_module("pytest_lmopt.metrics")
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
