"""``coordinate``: ``opro`` for one prompt at a time, the others as in the best candidate so far.

Coordinate ascent, as in COPRO of DSPy (Khattab et al., arXiv 2310.03714): what a score says of an
instruction is clearer where only that instruction changed.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_lmopt.strategies.opro import Opro, pipeline_of
from pytest_lmopt.strategies.proposing.evidence import Step
from pytest_lmopt.strategies.proposing.rewriting import next_turn
from pytest_lmopt.strategies.protocol import Bench, History, Proposal


@dataclass(frozen=True, kw_only=True)
class Coordinate(Opro):
    """In each of ``rounds`` each prompt has a turn, in random order, with ``proposals`` for it."""

    rounds: int = 3
    proposals: int = 6

    async def propose(self, history: History, bench: Bench) -> Sequence[Proposal]:
        """Proposals for the prompt whose turn it is, or for the next that there are any for."""
        pipeline = pipeline_of(history)
        wanted = [
            step for number in range(self.rounds) for step in self._shuffled(pipeline, number)
        ]
        for turn, step in list(enumerate(wanted, start=1))[next_turn(history) - 1 :]:
            name = f"coordinate-{turn}"
            proposals = await self.turn(history, bench, pipeline, [step], name=name, turn=turn)
            if proposals:
                return proposals
        return ()

    def _shuffled(self, pipeline: Sequence[Step], number: int) -> list[Step]:
        steps = sorted(pipeline, key=lambda step: step.key)
        random.Random(f"{self.settings.seed}/{number}").shuffle(steps)
        return steps
