"""``baseline``: proposes nothing, so that only the incumbent is measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pytest_lmopt.strategies.protocol import Bench, History, Proposal


@dataclass(frozen=True)
class Baseline:
    """The trivial strategy."""

    async def propose(self, history: History, bench: Bench) -> Sequence[Proposal]:  # noqa: ARG002
        """Nothing."""
        return ()
