"""Where a winner's gain came from, as the race showed it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pytest_lmopt.reports.suite_report import PartGain
from pytest_lmopt.suites.prompt_state import differences

if TYPE_CHECKING:
    from pytest_lmopt.strategies.protocol import Trial
    from pytest_lmopt.strategies.search import SearchOutcome


def gains_of(outcome: SearchOutcome, name: Callable[[str], str]) -> tuple[PartGain, ...]:
    """What the winner's changes brought without its others; ``name`` is what prompts are called."""
    if outcome.winner is None:
        return ()
    from pytest_lmopt.strategies.crediting import credits_of

    found = credits_of(outcome.winner, outcome.trials, outcome.prompts)
    winner, before = outcome.winner.proposal.candidate.states, outcome.prompts.states
    words = {
        (key, part): f"{name(key)}: {said}"
        for key in {key for credit in found for key, _ in credit.parts}
        for part, said in differences(before[key], winner[key]).items()
    }
    return tuple(_gain(tuple(words[part] for part in each.parts), each.trial) for each in found)


def _gain(changes: tuple[str, ...], trial: Trial | None) -> PartGain:
    if trial is None or not trial.n:
        return PartGain(changes=changes)
    return PartGain(
        changes=changes,
        candidate=trial.proposal.candidate.name,
        difference=trial.difference,
        low=trial.low,
        high=trial.high,
        n=trial.n,
    )
