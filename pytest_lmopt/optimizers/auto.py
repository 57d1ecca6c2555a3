"""``auto``: demos and rewritten instructions in one race, then what they found put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from pytest_lmopt.optimizers.bootstrap import Bootstrap
from pytest_lmopt.optimizers.merging import merges
from pytest_lmopt.optimizers.protocol import Bench, History, Proposal
from pytest_lmopt.optimizers.reflect import Reflect, best_round, next_round


@dataclass(frozen=True, kw_only=True)
class Auto:
    """First ``bootstrap`` and ``reflect`` side by side, then the best merged and rewritten further.

    At most ``merged`` mergers a round; ends as ``reflect`` does.
    """

    seed: int
    demo_sets: int = 6
    merged: int = 3
    rounds: int = 6
    patience: int = 2
    meta_prompts: Path | None = None

    async def propose(self, history: History, bench: Bench) -> Sequence[Proposal]:
        """The proposals of the next round, the likeliest first: a race may not afford them all."""
        number = next_round(history)
        if number > self.rounds or number - best_round(history) > self.patience:
            return ()
        reflect = Reflect(
            seed=self.seed,
            rounds=self.rounds,
            patience=self.patience,
            meta_prompts=self.meta_prompts,
        )
        if number > 1:
            best = [trial.proposal.candidate for trial in history.trials if trial.difference > 0.0]
            put_together = merges(best, history.candidate, most=self.merged, number=number)
            return [*put_together, *await reflect.propose(history, bench)]
        bootstrap = Bootstrap(seed=self.seed, candidates=self.demo_sets)
        demos = await bootstrap.propose(history, bench)
        rewritten = await reflect.propose(history, bench)
        if not demos or not rewritten:
            return [*demos, *rewritten]
        likeliest = [demos[0].candidate, *(proposal.candidate for proposal in rewritten)]
        both = merges(likeliest, history.candidate, most=self.merged, number=1)
        return [
            proposal
            for together in zip_longest(demos, rewritten, both)
            for proposal in together
            if proposal is not None
        ]
