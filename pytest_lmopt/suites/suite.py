"""A suite: pipeline, dataset, metric and what they may cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pytest_lmopt.suites.budget import Budget
from pytest_lmopt.suites.canonical import digest
from pytest_lmopt.suites.example import Dataset, Example
from pytest_lmopt.suites.metric_identity import metric_identity
from pytest_lmopt.suites.splits import Splits, split

Pipeline = Callable[[Example], Any]
"""The system under test: what it returns (or awaits) for an example is the prediction."""

MetricFunction = Callable[[Example, Any], Any]
"""(example, prediction) → bool, float in [0, 1] or ``Score``; may be async."""


@dataclass(frozen=True, kw_only=True)
class Suite:
    """One suite, complete: nothing here depends on pytest.

    ``metric`` None means that plain assertions are the metric: 1 where the pipeline returns.
    ``threshold`` is the lowest acceptable score, ``margin`` the largest harmless loss, both in
    [0, 1]; ``max_missing`` the largest share of examples that may stay without an answer.
    ``model`` is the default for prompts that name none. Each example is run ``repeats`` times, and
    its score is their mean. At most ``concurrency`` examples run at a time, however many processes
    run some; None leaves that to the session. ``split_seed`` draws the splits anew. ``source`` is
    the pipeline's code as far as a proposer may see it.
    """

    name: str
    pipeline: Pipeline
    dataset: Dataset
    metric: MetricFunction | None = None
    budget: Budget = field(default_factory=Budget)
    threshold: float | None = None
    margin: float = 0.0
    max_missing: float = 0.02
    model: str | None = None
    repeats: int = 1
    concurrency: int | None = None
    split_seed: int = 0
    source: str = ""

    @cached_property
    def splits(self) -> Splits:
        """The dataset's split."""
        return split(self.dataset, seed=self.split_seed)

    @property
    def metric_digest(self) -> str:
        """Identity of the metric: its parameters, or its source where it is the user's function."""
        return digest(metric_identity(self.metric))

    @property
    def metric_name(self) -> str:
        """The metric as reports and snapshots name it."""
        if self.metric is None:
            return "assertions"
        return getattr(self.metric, "__name__", None) or repr(self.metric)
