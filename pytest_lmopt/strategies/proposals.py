"""Asking a strategy: what it proposes, its own mistakes told as such."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pytest_lmopt.errors import LmoptError, PromptError, StrategyError
from pytest_lmopt.runs.outcomes import Meaning, SessionEnded, outcome_of
from pytest_lmopt.strategies.protocol import Bench, History, Proposal, Strategy
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.prompt_state import PromptState


async def proposed(strategy: Strategy, history: History, bench: Bench) -> list[Proposal]:
    """What the strategy proposes; raises ``StrategyError`` where it fails or that is unfit."""
    name = type(strategy).__name__
    try:
        found: object = await strategy.propose(history, bench)
        proposals = list(found) if isinstance(found, Iterable) else None
    except Exception as error:
        # one that says which prompt it is of was raised in the pipeline, run on the bench
        own = isinstance(error, PromptError) and error.path is None
        if isinstance(error, LmoptError) and not own:
            raise
        outcome = outcome_of(error)
        if outcome.meaning is Meaning.ENDS:
            raise SessionEnded.by(outcome) from outcome.because[0]
        raise StrategyError(
            f"the strategy {name} failed: {type(error).__name__}: {error}", strategy=name
        ) from error
    if proposals is None:
        raise StrategyError(
            f"the strategy {name} proposed {found!r}; a list of Proposals expected, empty once it "
            "is finished",
            strategy=name,
        )
    for proposal in proposals:
        problem = _unfit(proposal, history.candidate)
        if problem:
            raise StrategyError(f"the strategy {name} proposed {problem}", strategy=name)
    return proposals


def _unfit(proposal: object, incumbent: Candidate) -> str:
    """What is no proposal, and why, or can't be one for this pipeline; empty if it can."""
    if not isinstance(proposal, Proposal):
        return f"{_short(proposal)}; a Proposal expected"
    candidate: object = proposal.candidate
    if not isinstance(candidate, Candidate):
        return f"the candidate {_short(candidate)}; a Candidate expected"
    if not isinstance(candidate.name, str):
        return f"a candidate with the name {_short(candidate.name)}; a text expected"
    for part in ("reason", "kind"):
        if not isinstance(getattr(proposal, part), str):
            said = _short(getattr(proposal, part))
            return f"{candidate.name!r} with the {part} {said}; a text expected"
    return _unfit_states(candidate, incumbent)


def _unfit_states(candidate: Candidate, incumbent: Candidate) -> str:
    states: object = candidate.states
    if not isinstance(states, Mapping):
        return f"{candidate.name!r} with the states {_short(states)}; a mapping expected"
    for key, state in states.items():
        if not isinstance(state, PromptState):
            return f"{candidate.name!r} with {_short(state)} for {key!r}; a PromptState expected"
        own = incumbent.states.get(key, state)
        if set(state.inputs) != set(own.inputs):
            return (
                f"{candidate.name!r} with the inputs {list(state.inputs)} for {key!r}, but the "
                f"pipeline calls that prompt with {list(own.inputs)}; leave them as they are"
            )
    return ""


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}..."
