"""``bootstrap``: few-shot demos from the pipeline's own passing runs.

After BootstrapFewShot with random search (Khattab et al., DSPy, arXiv 2310.03714): the teacher,
here the pipeline as it is, runs over train examples; each step of a run whose final answer passed
becomes a demo of that step's prompt, so no labels for inner steps are needed; random demo sets
are the candidates.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_lmopt.strategies.demo_sets import Worked, random_sets, worked
from pytest_lmopt.strategies.protocol import Bench, History, Proposal
from pytest_lmopt.strategies.teaching import Teaching
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.splits import seeded_order


@dataclass(frozen=True, kw_only=True)
class Bootstrap(Teaching):
    """Random demo sets of at most ``demos`` passing runs of the pipeline as it is."""

    async def propose(self, history: History, bench: Bench) -> Sequence[Proposal]:
        """All demo sets in one go; nothing on the second call, or if no run passed."""
        if history.trials:
            return ()
        pool = await self.teach(history, bench, history.candidate)
        names = [f"bootstrap-{number}" for number in range(1, self.candidates + 1)]
        return self.sets(pool, names, history.candidate, random.Random(self.settings.seed))

    async def teach(self, history: History, bench: Bench, teacher: Candidate) -> list[Worked]:
        """What the teacher's passing runs over train can show; asked again, it costs nothing."""
        train = seeded_order(history.train, seed=self.settings.seed)
        passed = await self.passing_runs(bench, teacher, train)
        return [worked(run, teacher.states) for run in passed]

    def sets(
        self, pool: Sequence[Worked], names: Sequence[str], base: Candidate, chance: random.Random
    ) -> list[Proposal]:
        """``base`` with random demo sets from the pool, by ``names``."""
        return random_sets(pool, dict.fromkeys(names, self.demos), base, chance, "the passing runs")
