"""Reflection: what a proposer is told, and what becomes of its answers."""

from __future__ import annotations

import re
from collections.abc import Callable

from pytest_lmopt.strategies.protocol import Settings, Strategy
from pytest_lmopt.strategies.reflect import Reflect
from pytest_lmopt.testing.searches import PROPOSER
from pytest_lmopt.testing.simulated_model import SimulatedModel
from pytest_lmopt.testing.strategies import StrategyConformance
from pytest_lmopt.wire import Request


class _Searching(StrategyConformance):
    __test__ = False

    def __init__(self, strategy: Strategy) -> None:
        self._strategy = strategy

    def make(self, seed: int) -> Strategy:
        return self._strategy


def _with_proposer(text: str, model: SimulatedModel) -> tuple[list[str], Callable[[Request], str]]:
    asked: list[str] = []

    def answer(request: Request) -> str:
        if request.model != PROPOSER:
            return model.answer(request.messages)
        asked.append(request.messages[-1].content)
        return text

    return asked, answer


CAREFUL = '<instruction prompt="shout">SHOUT it, carefully</instruction>'


def test_a_rewriting_that_helps_is_found_and_confirmed() -> None:
    """The proposer's instruction replaces the prompt's, and holdout proves it better."""
    asked, answer = _with_proposer(CAREFUL, SimulatedModel(base=0.3, bonus=0.5))
    outcome, _, _ = _Searching(Reflect(Settings(seed=0))).search(answer)
    assert asked
    assert outcome.accepted
    assert outcome.winner is not None
    state = outcome.winner.proposal.candidate.states["shout"]
    assert state.instruction == "SHOUT it, carefully"


def test_the_proposer_is_told_what_failed_and_never_of_holdout_or_dev() -> None:
    """Inputs, answers, expected answers and scores of train runs that went wrong."""
    asked, answer = _with_proposer(CAREFUL, SimulatedModel(base=0.3, bonus=0.5))
    _Searching(Reflect(Settings(seed=0))).search(answer)
    first = asked[0]
    assert "SHOUT it" in first
    assert "said: no idea" in first
    assert "Expected: WORD" in first
    assert "Score: 0.00" in first


def test_a_rewriting_that_does_harm_is_not_raced() -> None:
    """It costs a batch, no race; and the search ends."""
    harmful = '<instruction prompt="shout">Please</instruction>'
    _, answer = _with_proposer(harmful, SimulatedModel(base=0.6))
    outcome, spy, _ = _Searching(Reflect(Settings(seed=0))).search(answer)
    assert spy.proposals == []
    assert outcome.trials == ()


def test_a_rewriting_is_tried_on_examples_that_its_author_has_not_seen() -> None:
    """One that knows the answers it was shown, and no others, gets nowhere."""
    model = SimulatedModel(base=0.3)
    copied: dict[str, str] = {}

    def answer(request: Request) -> str:
        question = request.messages[-1].content
        if request.model != PROPOSER:
            if "by heart" in request.messages[0].content:
                return copied.get(question, "no idea")
            return model.answer(request.messages)
        words = set(re.findall(r"Input: (\w+)", question))
        copied.update({word: word.upper() for word in words})
        return '<instruction prompt="shout">SHOUT it, by heart</instruction>'

    outcome, spy, _ = _Searching(Reflect(Settings(seed=0), rounds=1, children=1)).search(answer)
    assert copied
    assert spy.proposals == []
    assert outcome.trials == ()
