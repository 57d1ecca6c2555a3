"""``auto``: demos and rewritings side by side, and what later rounds make of them."""

from __future__ import annotations

from pytest_lmopt.strategies.auto import Auto
from pytest_lmopt.strategies.protocol import Settings
from pytest_lmopt.testing.searches import Kind, Searched, searched, simulated
from pytest_lmopt.testing.simulated_model import SimulatedModel

CAREFUL = '<instruction prompt="shout">SHOUT it, carefully</instruction>'


def _searched(model: SimulatedModel, says: str = "", kind: Kind = "one step") -> Searched:
    """A search whose proposer always says the same."""
    answer = simulated(model, proposer=lambda _: says)
    return searched(Auto(Settings(seed=0)), answer, calls=800, examples=64, kind=kind)


def test_demos_and_a_rewriting_are_put_together() -> None:
    """Each helps by itself, and the winner has both."""
    outcome = _searched(SimulatedModel(base=0.25, bonus=0.3, per_demo=0.08), CAREFUL).outcome
    assert outcome.accepted
    assert outcome.winner is not None
    state = outcome.winner.proposal.candidate.states["shout"]
    assert state.demos
    assert "carefully" in state.instruction


def test_where_nothing_is_rewritten_it_goes_on_drawing_demo_sets() -> None:
    """Of either kind in every round, until several have brought nothing better."""
    found = _searched(SimulatedModel(base=0.3, per_demo=0.1))
    names = {proposal.candidate.name for proposal in found.spy.proposals}
    assert {
        f"{kind}-{turn}-1" for kind in ("bootstrap", "labeled") for turn in range(1, 7)
    } <= names


def test_where_demos_have_not_helped_it_draws_no_more() -> None:
    """The first round has shown so."""
    found = _searched(SimulatedModel(base=0.6, per_demo=0.0))
    assert {proposal.candidate.name.split("-")[1] for proposal in found.spy.proposals} == {"1"}


def test_the_best_candidate_teaches_the_next_round() -> None:
    """It passes where the pipeline as it was does not, and that is worth showing."""
    model = SimulatedModel(base=0.4, per_demo=0.15)
    found = _searched(model, kind="two steps")

    def new(proposal_name: str) -> list[str]:
        return [
            demo["word"]
            for proposal in found.spy.proposals
            if proposal.candidate.name.startswith(proposal_name)
            for demo in proposal.candidate.states["shout"].demos
            if model.answer([("system", "SHOUT it"), ("user", demo["word"])]) == "no idea"
        ]

    assert not new("bootstrap-1-")
    assert new("bootstrap-")
