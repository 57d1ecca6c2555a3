"""``bootstrap``: few-shot demos from the pipeline's own passing runs.

After BootstrapFewShot with random search (Khattab et al., DSPy, arXiv 2310.03714): the teacher,
here the pipeline as it is, runs over train examples; each step of a run whose final answer passed
becomes a demo of that step's prompt, so no labels for inner steps are needed; random demo sets
are the candidates.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pytest_lmopt.lm.tracing import Call
from pytest_lmopt.metrics.scored_run import ScoredRun
from pytest_lmopt.optimizers.protocol import Bench, History, Proposal
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.prompt_state import Demo, PromptState
from pytest_lmopt.suites.splits import seeded_order


@dataclass(frozen=True, kw_only=True)
class Bootstrap:
    """Random demo sets of at most ``demos`` passing runs, ``candidates`` of them.

    A run passes with a score of at least ``passing``. The teacher stops once it has ``pool``
    passing runs per demo, since more would rarely be drawn.
    """

    seed: int
    candidates: int = 8
    demos: int = 4
    pool: int = 4
    passing: float = 1.0

    async def propose(self, history: History, bench: Bench) -> Sequence[Proposal]:
        """All demo sets in one go; nothing on the second call, or if no run passed."""
        if history.trials:
            return ()
        passed = await self._teach(history, bench)
        chance = random.Random(self.seed)
        proposals: list[Proposal] = []
        for number in range(1, self.candidates + 1):
            most = min(self.demos, len(passed))
            # where demos help at all, more usually help more; now and then a cheaper set is tried
            count = most if number % 4 else chance.randint(min(1, most), most)
            drawn = chance.sample(passed, count)
            if not drawn:
                break
            sources = ", ".join(scored.example for scored in drawn)
            proposals.append(
                Proposal(
                    candidate=Candidate(
                        name=f"bootstrap-{number}",
                        states={
                            key: state.with_demos(_demos(key, state, drawn, chance))
                            for key, state in history.candidate.states.items()
                        },
                    ),
                    reason=f"demos from the passing runs of {sources}",
                )
            )
        return proposals

    async def _teach(self, history: History, bench: Bench) -> list[ScoredRun]:
        """Passing runs of the teacher, from train in seeded order."""
        passed: list[ScoredRun] = []
        order = seeded_order(history.train, seed=self.seed)
        step = 2 * self.demos
        for start in range(0, len(order), step):
            chunk = order[start : start + step]
            evaluation = await bench.run(history.candidate, chunk)
            passed += [
                scored
                for scored in evaluation.runs
                if scored.score is not None and scored.score.value >= self.passing
            ]
            if len(passed) >= self.pool * self.demos or len(evaluation.ids) < len(chunk):
                break
        return passed


def _demos(
    key: str, state: PromptState, drawn: Sequence[ScoredRun], chance: random.Random
) -> list[Demo]:
    """One demo of a prompt from each run that called it, without repetitions."""
    demos: list[Demo] = []
    for scored in drawn:
        calls = [call for call in scored.trace if call.prompt == key and call.error is None]
        if not calls:
            continue
        demo = _demo(state, chance.choice(calls))
        if demo not in demos:
            demos.append(demo)
    return demos


def _demo(state: PromptState, call: Call) -> Mapping[str, object]:
    inputs = {name: call.inputs[name] for name in state.inputs}
    # a demo shows what the next answer should look like: without the model's stray white space
    outputs = {
        name: value.strip() if isinstance(value, str) else value
        for name, value in ((name, call.outputs[name]) for name in state.outputs)
    }
    return {**inputs, **outputs}
