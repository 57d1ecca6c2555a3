"""``baseline``: proposes nothing, so that only the incumbent is measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pytest_lmopt.strategies.protocol import Bench, History, Proposal, Settings


@dataclass(frozen=True)
class Baseline:
    """The strategy that has nothing to propose."""

    settings: Settings

    async def propose(self, history: History, bench: Bench) -> Sequence[Proposal]:  # noqa: ARG002
        """Nothing."""
        return ()
