"""The hooks that others may implement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_lmopt.lm.seam import LM
    from pytest_lmopt.strategies.protocol import StrategyFactory


def pytest_lmopt_strategies() -> Mapping[str, StrategyFactory]:  # type: ignore[empty-body]
    """Offer strategies by the name users give to ``--lm-optimize``.

    A strategy's class, or another function, makes it from ``Settings``; it has
    ``async propose(history, bench)``. A ``conftest.py`` may offer some if pytest reads it at its
    start: in the root folder, or in the folders named on the command line.
    """


def pytest_lmopt_optimizers() -> Mapping[str, StrategyFactory]:  # type: ignore[empty-body]
    """Offer strategies by the former name of ``pytest_lmopt_strategies``; it brings a warning."""


@pytest.hookspec(firstresult=True)
def pytest_lmopt_lm(config: pytest.Config) -> LM | None:
    """Return the LM that answers prompts, proposers and judges; None leaves it to others.

    An LM is an object with ``async complete(request)``, such as ``FunctionLM(function)``. A
    ``conftest.py`` offers one to the suites in its folder. pytest calls the hook once a suite in
    each process. Budgets, recordings and retries hold for it as for every model.
    """


@pytest.hookspec(firstresult=True)
def pytest_lmopt_recorded_body(config: pytest.Config, body: dict[str, Any]) -> Any:
    """Return the body by which a client's call is keyed and recorded; None leaves it as it is.

    ``body`` is a copy of the JSON that the client sends; what is sent stays. Remove what must not
    be stored, such as a customer's name. Bodies that become equal share one answer. Traces and
    reports show the returned body's messages. Answers are recorded as they come. Calls that
    another provider's model or the user's own LM answers are left as they are. A ``conftest.py``
    acts on the suites in its folder. pytest calls the hook for each call, on several threads.
    """
