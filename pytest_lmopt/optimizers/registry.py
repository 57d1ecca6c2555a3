"""The strategies by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pytest_lmopt.optimizers.baseline import Baseline
from pytest_lmopt.optimizers.bootstrap import Bootstrap
from pytest_lmopt.optimizers.protocol import Optimizer

STRATEGIES: Mapping[str, Callable[[int], Optimizer]] = {
    "auto": lambda seed: Bootstrap(seed=seed),
    "baseline": lambda seed: Baseline(),  # noqa: ARG005 - one signature for all
    "bootstrap": lambda seed: Bootstrap(seed=seed),
}
"""Strategy by the name users give, made from the session's seed."""
