"""Crediting: which of the winner's changes were raced without the others, and what they did.

Nothing is run for it: a strategy that builds on what it found has raced parts of it on their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_lmopt.strategies.protocol import Trial
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.prompt_state import differences

Part = tuple[str, str]
"""A prompt's key and the name of what is changed in it: ``instruction``, ``demos``, ..."""


@dataclass(frozen=True, kw_only=True)
class Credit:
    """Some of the winner's changes, and the trial that made just these; None where none did."""

    parts: tuple[Part, ...]
    trial: Trial | None


def credits_of(winner: Trial, trials: Sequence[Trial], prompts: Candidate) -> tuple[Credit, ...]:
    """Each change of the winner to ``prompts`` by itself, then sets of several that were raced.

    The winner's own trial stands only for a change that is its only one. Of trials that made the
    same changes the first counts, so ``trials`` come best first. Nothing is credited to a winner
    that has a prompt unknown to ``prompts``.
    """
    changed = _changed(winner.proposal.candidate, prompts)
    if changed is None:
        return ()
    raced: dict[frozenset[Part], Trial] = {}
    for trial in (winner, *trials):
        theirs = _changed(trial.proposal.candidate, prompts)
        if theirs and all(part in changed and changed[part] == theirs[part] for part in theirs):
            raced.setdefault(frozenset(theirs), trial)
    single = [Credit(parts=(part,), trial=raced.get(frozenset([part]))) for part in changed]
    several = [
        Credit(parts=tuple(part for part in changed if part in parts), trial=trial)
        for parts, trial in raced.items()
        if 1 < len(parts) < len(changed)
    ]
    return (*single, *several)


def _changed(candidate: Candidate, prompts: Candidate) -> Mapping[Part, Any] | None:
    """What a candidate changes, and into what; None if it can't be known."""
    if not candidate.states.keys() <= prompts.states.keys():
        return None
    return {
        (key, part): getattr(state, part)
        for key, state in candidate.states.items()
        for part in differences(prompts.states[key], state)
    }
