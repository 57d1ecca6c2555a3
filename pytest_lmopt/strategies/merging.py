"""Merging: what one candidate found out about a prompt together with what another did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from pytest_lmopt.strategies.protocol import Proposal
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.prompt_state import PromptState

T = TypeVar("T")


def merged(one: Candidate, other: Candidate, before: Candidate) -> Mapping[str, PromptState] | None:
    """The states of ``one``, and the instructions and demos that only ``other`` has changed.

    Both come from ``before``. None where one of them has nothing to add.
    """
    states = {
        key: _together(state, other.states[key], before.states[key])
        for key, state in one.states.items()
    }
    digest = Candidate(name="", states=states).digest
    return None if digest in (one.digest, other.digest) else states


def merges(
    best: Sequence[Candidate], before: Candidate, *, most: int, number: int
) -> list[Proposal]:
    """Up to ``most`` mergers of the first of ``best`` with the others, for round ``number``."""
    proposals: list[Proposal] = []
    for other in best[1:]:
        states = merged(best[0], other, before)
        if states is not None and len(proposals) < most:
            name = f"merge-{number}-{len(proposals) + 1}"
            proposals.append(
                Proposal(
                    candidate=Candidate(name=name, states=states),
                    reason=f"{best[0].name} with what {other.name} changed besides",
                )
            )
    return proposals


def _together(state: PromptState, other: PromptState, before: PromptState) -> PromptState:
    # demos show reasoning only where it is asked for
    reasoning, demos = _changed(
        (state.reasoning, state.demos),
        (other.reasoning, other.demos),
        (before.reasoning, before.demos),
    )
    instruction = _changed(state.instruction, other.instruction, before.instruction)
    return replace(state, instruction=instruction, reasoning=reasoning, demos=demos)


def _changed(ours: T, theirs: T, before: T) -> T:
    return theirs if ours == before else ours
