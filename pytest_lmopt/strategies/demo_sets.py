"""Demo sets: what worked examples can show, and candidates that show random ones of them."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from pytest_lmopt.lm.tracing import Call
from pytest_lmopt.metrics.scored_run import ScoredRun
from pytest_lmopt.strategies.protocol import Proposal
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.prompt_state import REASONING, Demo, PromptState

States = Mapping[str, PromptState]
"""Prompt states by prompt key."""

Show = Callable[[PromptState, Sequence[Demo]], PromptState]
"""Makes a prompt show demos."""


@dataclass(frozen=True, kw_only=True)
class Worked:
    """A train example, by its id, and what can be shown of it: a demo of each call, by prompt."""

    example: str
    demos: Mapping[str, Sequence[Demo]]


def worked(run: ScoredRun, states: States) -> Worked:
    """What a run can show of the prompts in ``states``: no labels for inner steps are needed."""
    calls = [call for call in run.trace if call.prompt in states and call.error is None]
    return Worked(
        example=run.example,
        demos={
            key: [_demo(states[key], call) for call in calls if call.prompt == key]
            for key in dict.fromkeys(call.prompt for call in calls)
        },
    )


def draw(pool: Sequence[Worked], *, number: int, most: int, chance: random.Random) -> list[Worked]:
    """The ``number``-th random set, counted from 1: ``most`` worked examples, if there are so many.

    Where demos help at all, more usually help more; every fourth set may be a cheaper one.
    """
    most = min(most, len(pool))
    return chance.sample(pool, most if number % 4 else chance.randint(min(1, most), most))


def proposal(
    name: str,
    states: States,
    drawn: Sequence[Worked],
    *,
    chance: random.Random,
    reason: str,
    kind: str = "",
    show: Show = PromptState.with_demos,
) -> Proposal:
    """A candidate that shows what was drawn: one demo of a prompt from each worked example.

    None is shown twice. A prompt of which nothing was drawn stays as it is.
    """
    shown: dict[str, PromptState] = {}
    for key, state in states.items():
        demos: list[Demo] = []
        for example in drawn:
            if example.demos.get(key):
                demo = chance.choice(example.demos[key])
                if demo not in demos:
                    demos.append(demo)
        shown[key] = show(state, demos) if demos else state
    sources = ", ".join(example.example for example in drawn)
    return Proposal(
        candidate=Candidate(name=name, states=shown), reason=f"{reason} {sources}", kind=kind
    )


def random_sets(
    pool: Sequence[Worked],
    sizes: Mapping[str, int],
    base: Candidate,
    chance: random.Random,
    source: str,
) -> list[Proposal]:
    """``base`` with a random set of each of these ``sizes``, by name; none from an empty pool."""
    shown = {key for each in pool for key in each.demos}
    bare = {
        key: replace(state, demos=()) if key in shown else state
        for key, state in base.states.items()
    }
    rest = Candidate(name="all but the demos", states=bare).digest
    return [
        proposal(
            name,
            base.states,
            drawn,
            chance=chance,
            reason=f"demos from {source} of",
            kind=f"{len(drawn)} from {source}, {rest}",
        )
        for number, (name, most) in enumerate(sizes.items(), start=1)
        for drawn in [draw(pool, number=number, most=most, chance=chance)]
        if drawn
    ]


def _demo(state: PromptState, call: Call) -> Demo:
    inputs = {name: call.inputs[name] for name in state.inputs}
    thought = {REASONING: call.reasoning} if call.reasoning else {}
    # a demo shows what the next answer should look like: without the model's stray white space
    outputs = {
        name: value.strip() if isinstance(value, str) else value
        for name, value in ((name, call.outputs[name]) for name in state.outputs)
    }
    return {**inputs, **thought, **outputs}
