"""A suite: pipeline, dataset, metric and what they may cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pytest_lmopt.suites.budget import Budget
from pytest_lmopt.suites.example import Dataset, Example
from pytest_lmopt.suites.metric_identity import MetricIdentity, identify
from pytest_lmopt.suites.splits import SHARES, PlacedRow, Splits, split

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
    run some; None leaves that to the session. ``split_seed`` draws the splits, with ``shares`` for
    train and dev, of the rows that no earlier run ``placed``. ``source`` is the pipeline's code as
    far as a proposer may see it. ``identity`` is the metric's, from before anything ran: it is
    found when the suite is made, and copies of the suite keep it.

    Raises ``SuiteError`` for a metric that can't be identified.
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
    placed: tuple[PlacedRow, ...] = ()
    shares: Mapping[str, float] = field(default_factory=lambda: SHARES)
    source: str = ""
    identity: MetricIdentity | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.identity is None or self.identity.metric is not self.metric:
            object.__setattr__(self, "identity", identify(self.metric, suite=self.name))

    @cached_property
    def splits(self) -> Splits:
        """The dataset's split."""
        return split(self.dataset, seed=self.split_seed, placed=self.placed, shares=self.shares)

    @property
    def metric_digest(self) -> str:
        """Identity of the metric: its code and parameters, as they were before anything ran."""
        return self.identity.digest if self.identity is not None else ""

    @property
    def metric_digest_v1(self) -> str:
        """What snapshots of format 1 hold in place of ``metric_digest``."""
        return self.identity.digest_v1 if self.identity is not None else ""

    @property
    def metric_name(self) -> str:
        """The metric as reports and snapshots name it."""
        if self.metric is None:
            return "assertions"
        return getattr(self.metric, "__name__", None) or repr(self.metric)
