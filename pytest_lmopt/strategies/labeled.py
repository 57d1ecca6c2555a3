"""``labeled``: few-shot demos straight from the expected answers of train (LabeledFewShot).

The labelled prompt is the one whose answer the pipeline returns, as the incumbent's traces show.
Its inputs are the example's own where they can be told from them; else, as behind earlier steps,
those it was given when the incumbent ran.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass

from pytest_lmopt.strategies.demo_sets import Worked, random_sets
from pytest_lmopt.strategies.labels import answering, answering_call, label, unmatched
from pytest_lmopt.strategies.protocol import Bench, History, Proposal, Settings
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.example import Example
from pytest_lmopt.suites.prompt_state import Demo, PromptState
from pytest_lmopt.suites.splits import seeded_order

PROBE = 4
"""Train examples run first, to learn where the labelled prompt's inputs come from."""


@dataclass(frozen=True)
class Labeled:
    """Random sets of ``demos`` labels, and of twice as many in turn, ``candidates`` of them.

    Where inputs have to be seen in runs, ``pool`` examples per demo are run.
    """

    settings: Settings
    _: KW_ONLY
    candidates: int = 8
    demos: int = 4
    pool: int = 4

    async def propose(self, history: History, bench: Bench) -> Sequence[Proposal]:
        """All demo sets in one go; nothing on the second call, or if nothing can be labelled."""
        if history.trials:
            return ()
        pool = await self.labels(history, bench)
        names = [f"labeled-{number}" for number in range(1, self.candidates + 1)]
        return self.sets(pool, names, history.candidate, random.Random(self.settings.seed))

    async def labels(self, history: History, bench: Bench, *, probe: bool = False) -> list[Worked]:
        """What the expected answers of train can show; asked again, it costs nothing.

        A single step whose inputs are called as the example's is taken to be given those; with
        ``probe`` some runs are looked at first, as they may where they were made already.
        """
        states = history.candidate.states
        runs = list(history.incumbent.runs)
        found = answering(runs, states)
        if found is None:
            bench.explain(unmatched(runs))
            return []
        key = found.key
        labels = {
            example.id: label(states[key], example.expected, found) for example in history.train
        }
        train = [
            example
            for example in seeded_order(history.train, seed=self.settings.seed)
            if labels[example.id]
        ]
        if not train:
            outputs = ", ".join(states[key].outputs)
            bench.explain(
                f"no expected answer of train says what the outputs ({outputs}) of the answering "
                "prompt are; give expected a mapping with their names, or use reflect"
            )
            return []
        inputs = await self._inputs(
            key,
            history,
            bench,
            train,
            single=all(len(run.trace) <= 1 for run in runs),
            probe=probe,
        )
        if not inputs:
            bench.explain("no run on train shows what the answering prompt is given")
        return [
            Worked(
                example=example.id,
                demos={key: [{**inputs[example.id], **labels[example.id]}]},
            )
            for example in train
            if example.id in inputs
        ]

    def sets(
        self, pool: Sequence[Worked], names: Sequence[str], base: Candidate, chance: random.Random
    ) -> list[Proposal]:
        """``base`` with random sets of labels from the pool, by ``names``."""
        # many a small model needs more than the usual few
        sizes = {name: self.demos * (1 + place % 2) for place, name in enumerate(names)}
        return random_sets(pool, sizes, base, chance, "the expected answers")

    async def _inputs(
        self,
        key: str,
        history: History,
        bench: Bench,
        train: Sequence[Example],
        *,
        single: bool,
        probe: bool,
    ) -> dict[str, Demo]:
        """The labelled prompt's inputs, as far as they are known, by example id."""
        state = history.candidate.states[key]
        by_name = _taken(train, {name: name for name in state.inputs})
        # in other pipelines a step may call its input as the example does another
        named = single and len(by_name) == len(train)
        if named and not probe:
            return by_name

        async def seen(examples: Sequence[Example]) -> dict[str, Demo]:
            evaluation = await bench.run(history.candidate, examples)
            return {
                run.example: {name: call.inputs[name] for name in state.inputs}
                for run in evaluation.runs
                if (call := answering_call(run, key)) is not None
            }

        first = await seen(train[:PROBE])
        if named and all(by_name[identity] == given for identity, given in first.items()):
            return by_name
        origin = _origin(state, first, {example.id: example for example in train})
        if origin is not None:
            return _taken(train, origin)
        return first | await seen(train[PROBE : self.pool * self.demos])


def _origin(
    state: PromptState, seen: Mapping[str, Demo], examples: Mapping[str, Example]
) -> dict[str, str] | None:
    """For each input of a prompt the example's input it always equals; None if one has none."""
    origin: dict[str, str] = {}
    for name in state.inputs:
        equal = [
            {key for key, value in examples[identity].inputs.items() if value == inputs[name]}
            for identity, inputs in seen.items()
        ]
        always = (
            sorted(set.intersection(*equal), key=lambda key: (key != name, key)) if equal else []
        )
        if not always:
            return None
        origin[name] = always[0]
    return origin


def _taken(examples: Iterable[Example], origin: Mapping[str, str]) -> dict[str, Demo]:
    return {
        example.id: {name: example.inputs[key] for name, key in origin.items()}
        for example in examples
        if all(key in example.inputs for key in origin.values())
    }
