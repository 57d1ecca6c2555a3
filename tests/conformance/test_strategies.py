"""Every strategy passes the conformance class; and what is particular to each."""

from __future__ import annotations

from typing import Any

import pytest
from doubles.simulated_proposer import SimulatedProposer, beside

from pytest_lmopt.comparison.verdict import Verdict
from pytest_lmopt.strategies.auto import Auto
from pytest_lmopt.strategies.baseline import Baseline
from pytest_lmopt.strategies.bootstrap import Bootstrap
from pytest_lmopt.strategies.coordinate import Coordinate
from pytest_lmopt.strategies.labeled import Labeled
from pytest_lmopt.strategies.mipro import Mipro
from pytest_lmopt.strategies.opro import Opro
from pytest_lmopt.strategies.protocol import Settings, Strategy
from pytest_lmopt.strategies.rationale import Rationale
from pytest_lmopt.strategies.reflect import Reflect
from pytest_lmopt.strategies.search import SearchOutcome
from pytest_lmopt.testing.searches import Answer, Spy
from pytest_lmopt.testing.simulated_model import SimulatedModel
from pytest_lmopt.testing.strategies import StrategyConformance
from pytest_lmopt.wire import Request


class ProposerConformance(StrategyConformance):
    """A strategy that asks a proposer is given one whose instructions are sometimes good."""

    def search(self, answer: Answer, **options: Any) -> tuple[SearchOutcome, Spy, list[Request]]:
        """As ever, with the proposer beside the model."""
        return super().search(beside(SimulatedProposer(), answer), **options)


class TestBaseline(StrategyConformance):
    """``baseline``."""

    def make(self, seed: int) -> Strategy:
        """It has no seed."""
        return Baseline(Settings())

    def test_it_proposes_nothing(self) -> None:
        """Only the incumbent is measured."""
        outcome, spy, _ = self.search(lambda _: "no idea")
        assert spy.proposals == []
        assert outcome.trials == ()


class TestBootstrap(StrategyConformance):
    """``bootstrap``."""

    def make(self, seed: int) -> Strategy:
        """With its default sizes."""
        return Bootstrap(Settings(seed=seed))

    def test_it_finds_demos_that_help_in_both_steps(self) -> None:
        """Each prompt of the pipeline gets demos from the same passing runs."""
        model = SimulatedModel(base=0.4, per_demo=0.12)
        outcome, _, _ = self.search(
            lambda request: model.answer(request.messages), two_steps=True, examples=140
        )
        assert outcome.confirmation is not None
        assert outcome.confirmation.verdict is Verdict.IMPROVED
        assert outcome.winner is not None
        states = outcome.winner.proposal.candidate.states
        assert all(states[name].demos for name in ("shout", "mirror"))

    def test_demos_show_what_the_model_answered_in_passing_runs_of_train(self) -> None:
        """None comes from dev or holdout, and all are right."""
        model = SimulatedModel()
        _, spy, _ = self.search(lambda request: model.answer(request.messages), examples=60)
        assert spy.proposals
        for proposal in spy.proposals:
            for demo in proposal.candidate.states["shout"].demos:
                assert demo["loud"] == demo["word"].upper()


class TestReflect(ProposerConformance):
    """``reflect``."""

    def make(self, seed: int) -> Strategy:
        """With its default sizes."""
        return Reflect(Settings(seed=seed))


class TestAuto(ProposerConformance):
    """``auto``."""

    def make(self, seed: int) -> Strategy:
        """With its default sizes."""
        return Auto(Settings(seed=seed))


class TestLabeled(StrategyConformance):
    """``labeled``."""

    def make(self, seed: int) -> Strategy:
        """With its default sizes."""
        return Labeled(Settings(seed=seed))

    @pytest.mark.parametrize("two_steps", [False, True])
    def test_labels_of_the_last_step_help(self, two_steps: bool) -> None:
        """They are right where the model itself is not, and only that step has any."""
        model = SimulatedModel(base=0.5, per_demo=0.12)
        outcome, spy, _ = self.search(
            lambda request: model.answer(request.messages), two_steps=two_steps, examples=160
        )
        assert outcome.accepted
        for proposal in spy.proposals:
            shout, *mirror = proposal.candidate.states.values()
            assert bool(shout.demos) is not two_steps
            assert all(state.demos for state in mirror)


class TestRationale(StrategyConformance):
    """``rationale``."""

    def make(self, seed: int) -> Strategy:
        """With its default sizes."""
        return Rationale(Settings(seed=seed))

    @pytest.mark.parametrize("two_steps", [False, True])
    def test_it_finds_that_thinking_helps(self, two_steps: bool) -> None:
        """Where it does, the winner asks for it, and its demos show how."""
        model = SimulatedModel(base=0.4, per_demo=0.03, insight=0.4)
        outcome, _, _ = self.search(
            lambda request: model.answer(request.messages), two_steps=two_steps, examples=110
        )
        assert outcome.accepted
        assert outcome.winner is not None
        for state in outcome.winner.proposal.candidate.states.values():
            assert state.reasoning
            assert all(demo["reasoning"].startswith("I am to ") for demo in state.demos)

    def test_with_a_model_that_thinks_badly_demos_help_without(self) -> None:
        """The same runs' answers are shown without what led to them."""
        model = SimulatedModel(base=0.4, per_demo=0.12, insight=-0.3)
        outcome, _, _ = self.search(lambda request: model.answer(request.messages), examples=110)
        assert outcome.accepted
        assert outcome.winner is not None
        state = outcome.winner.proposal.candidate.states["shout"]
        assert state.demos
        assert not state.reasoning


class TestOpro(ProposerConformance):
    """``opro``."""

    def make(self, seed: int) -> Strategy:
        """With fewer proposals than usual."""
        return Opro(Settings(seed=seed), rounds=3, proposals=4)


class TestCoordinate(ProposerConformance):
    """``coordinate``."""

    def make(self, seed: int) -> Strategy:
        """With fewer proposals than usual."""
        return Coordinate(Settings(seed=seed), rounds=2, proposals=3)


class TestMipro(ProposerConformance):
    """``mipro``."""

    def make(self, seed: int) -> Strategy:
        """With fewer proposals than usual."""
        return Mipro(Settings(seed=seed), rounds=2, proposals=6, instructions=3, demo_sets=3)
