"""``opro``: a model writes new instructions, given the best old ones and their scores.

After Optimization by PROmpting (Yang et al. 2023, arXiv 2309.03409): the old instructions come in
ascending order of score, with a few examples of the task, and many answers are drawn from the
same question. Here one answer holds an instruction for every prompt of the pipeline.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass

from pytest_lmopt.strategies.proposing.evidence import Step, shown, steps
from pytest_lmopt.strategies.proposing.meta_prompts import meta_prompt
from pytest_lmopt.strategies.proposing.rewriting import best, next_turn, rewritten, tried
from pytest_lmopt.strategies.protocol import Bench, History, Proposal, Settings

TRACED = 32
"""So many runs are read to learn which step comes when."""


@dataclass(frozen=True)
class Opro:
    """``rounds`` of ``proposals`` each, for all prompts together.

    The proposer is shown the ``shown`` best instructions so far and ``exemplars`` of train.
    """

    settings: Settings
    _: KW_ONLY
    rounds: int = 4
    proposals: int = 8
    shown: int = 20
    exemplars: int = 3

    async def propose(self, history: History, bench: Bench) -> Sequence[Proposal]:
        """A round's proposals; none after the last, or where the proposer has nothing new."""
        turn = next_turn(history)
        if turn > self.rounds:
            return ()
        pipeline = pipeline_of(history)
        return await self.turn(history, bench, pipeline, pipeline, name=f"opro-{turn}", turn=turn)

    async def turn(
        self,
        history: History,
        bench: Bench,
        pipeline: Sequence[Step],
        wanted: Sequence[Step],
        *,
        name: str,
        turn: int,
    ) -> list[Proposal]:
        """New instructions for the steps ``wanted``, the others as in the best candidate so far.

        ``name`` begins the names of the candidates, ``turn`` seeds what is drawn.
        """
        names = {step.key: step.name for step in wanted}
        chance = random.Random(f"{self.settings.seed}/{turn}")
        drawn = chance.sample(history.train, min(self.exemplars, len(history.train)))
        question = meta_prompt(
            "opro",
            self.settings.meta_prompts,
            about=history.about,
            steps=pipeline,
            wanted=list(names.values()),
            tried=tried(history, names, most=self.shown),
            exemplars=[(shown(dict(example.inputs)), shown(example.expected)) for example in drawn],
        )
        return await rewritten(
            history,
            bench,
            question,
            names,
            name=name,
            draws=self.proposals,
            first_draw=2 * self.proposals * turn,
        )


def pipeline_of(history: History) -> list[Step]:
    """The prompts of the best candidate so far, in the order in which the incumbent calls them."""
    return steps(best(history), history.incumbent.read(history.incumbent.outcomes[:TRACED]))
