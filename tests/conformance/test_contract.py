"""The contract of strategies catches those who break it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from pytest_lmopt.strategies.protocol import Bench, History, Proposal, Strategy
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.testing import StrategyConformance


@dataclass
class Bad:
    """Proposes an instruction once; what is bad about it, the tests below say."""

    sin: str
    done: list[bool] = field(default_factory=list)

    async def propose(self, history: History, bench: Bench) -> Sequence[Proposal]:
        """One proposal."""
        if self.done:
            return ()
        self.done.append(True)
        tail = ""
        if self.sin == "fickle":
            tail = str(time.perf_counter_ns())
        if self.sin == "asks about everything":
            await bench.ask(" ".join(f"word{number}" for number in range(100)))
        if self.sin == "changes history":
            states: Any = history.candidate.states
            states["more"] = None
        states = {
            key: type(state)(
                instruction=f"SHOUT {tail}", inputs=state.inputs, outputs=state.outputs
            )
            for key, state in history.candidate.states.items()
            if state and len(state.outputs) == 1
        }
        return [Proposal(candidate=Candidate(name="bad", states=states), reason=self.sin)]


def contract(sin: str) -> StrategyConformance:
    """The contract, on such a strategy."""

    class Contract(StrategyConformance):
        def make(self, seed: int) -> Strategy:
            return Bad(sin)

    return Contract()


def test_a_strategy_without_sin_passes() -> None:
    """Else the tests below would prove nothing."""
    contract("").test_same_seed_same_search_whatever_the_concurrency("one step")
    contract("").test_never_sees_holdout_and_leaves_history_as_it_is("one step")


def test_what_does_not_depend_on_the_seed_alone_is_caught() -> None:
    """Here on the clock."""
    with pytest.raises(AssertionError):
        contract("fickle").test_same_seed_same_search_whatever_the_concurrency("one step")


@pytest.mark.parametrize("sin", ["asks about everything", "changes history"])
def test_asking_about_holdout_and_changing_history_are_caught(sin: str) -> None:
    """Whatever comes of it."""
    with pytest.raises(AssertionError):
        contract(sin).test_never_sees_holdout_and_leaves_history_as_it_is("one step")
