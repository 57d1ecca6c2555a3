"""How a suite is assessed: the session's settings, without the session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_lmopt.comparison.gate import GateMode
from pytest_lmopt.comparison.verdict import ALPHA
from pytest_lmopt.lm.tracing import RunContext

if TYPE_CHECKING:
    from pytest_lmopt.strategies.confirming import Accept, Prefer
    from pytest_lmopt.strategies.protocol import StrategyFactory


@dataclass(frozen=True, kw_only=True)
class Terms:
    """The terms one suite is assessed on.

    ``former`` is the snapshot of a test that is gone and has this suite's dataset and metric, None
    where there is none. ``replaying``: answers come from the recordings only. ``recording``: they
    are kept for a later run. ``alpha`` is the level of its own gate and of what its search adopts,
    already corrected where several suites share one. ``require_baseline`` fails a suite that no
    baseline gates.
    ``resplit`` draws new splits; None keeps those of the snapshot. ``journal`` is where a search
    keeps its journal, if it does; ``resume`` lets it continue one that was killed. ``record`` is
    the file for the answers that the evaluation rests on, None where they are not asked for.
    ``proposer`` is the model that writes proposals, None for the suite's own; ``meta_prompts`` the
    folder of the user's own meta-prompts, if any. ``offered`` are the strategies that the user's
    code offers, by name; ``accept`` and ``prefer`` say what a search adopts.
    ``examples`` is where the rows of its examples are left for the reports, if anywhere. ``setup``
    is the context in which its fixtures were set up, None where there are none.
    """

    root: Path
    snapshot: Path
    former: Path | None = None
    replaying: bool = False
    recording: bool = True
    record: Path | None = None
    seed: int = 0
    alpha: float = ALPHA
    gate: GateMode = "regression"
    inconclusive_fails: bool = False
    require_baseline: bool = False
    early_stop: bool = False
    strategy: str | None = None
    resplit: int | None = None
    accepting: bool = False
    show_holdout: bool = False
    journal: Path | None = None
    resume: bool = True
    proposer: str | None = None
    meta_prompts: Path | None = None
    offered: Mapping[str, StrategyFactory] = field(default_factory=dict)
    accept: Accept = "significant"
    prefer: Prefer = "better"
    examples: Path | None = None
    setup: RunContext | None = None
