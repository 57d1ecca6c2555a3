"""Where a winner's gain came from: whole searches by a strategy that tries parts of it alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from pytest_lmopt.assessment.gains import gains_of
from pytest_lmopt.reports.suite_report import PartGain
from pytest_lmopt.strategies.protocol import Bench, History, Proposal
from pytest_lmopt.strategies.search import SearchOutcome
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.testing.searches import Kind, searched, simulated
from pytest_lmopt.testing.simulated_model import SimulatedModel

Changes = Mapping[str, Mapping[str, Any]]

CAREFULLY = {"instruction": "SHOUT it carefully"}
DEMOS = {"demos": tuple({"word": f"demo{n}", "loud": f"DEMO{n}"} for n in range(4))}
BACK = {"demos": tuple({"loud": f"demo{n}", "back": f"{n}omed"} for n in range(4))}
MODEL = SimulatedModel(base=0.4, per_demo=0.08, bonus=0.3)


@dataclass(frozen=True)
class Planned:
    """Proposes what it is told to, once: what to change in which prompts, by candidate."""

    plan: Mapping[str, Changes]

    async def propose(self, history: History, bench: Bench) -> Sequence[Proposal]:
        """All of it."""
        before = history.candidate.states
        return [
            Proposal(candidate=Candidate(name=name, states={
                key: replace(state, **changes.get(key, {})) for key, state in before.items()
            }), reason="planned")
            for name, changes in self.plan.items()
            if not history.trials
        ]  # fmt: skip


def found(plan: Mapping[str, Changes], *, kind: Kind = "one step") -> SearchOutcome:
    """A search over the plan that has a winner."""
    outcome = searched(Planned(plan), simulated(MODEL), examples=100, kind=kind).outcome
    assert outcome.winner is not None
    return outcome


def gained(outcome: SearchOutcome, name: str, *changes: str) -> PartGain:
    """What is to be told of changes that this candidate made: the figures of its trial."""
    (trial,) = [each for each in outcome.trials if each.proposal.candidate.name == name]
    return PartGain(
        changes=changes, candidate=name, difference=trial.difference, low=trial.low,
        high=trial.high, n=trial.n,
    )  # fmt: skip


def test_what_was_raced_alone_is_told_with_its_figures() -> None:
    """Instruction and demos of one prompt, which the winner put together."""
    outcome = found(
        {
            "demos": {"shout": DEMOS},
            "words": {"shout": CAREFULLY},
            "both": {"shout": {**CAREFULLY, **DEMOS}},
            "something else": {"shout": {"instruction": "SHOUT!"}},
        }
    )
    words, demos = "shout: another instruction", "shout: 4 in place of 0 demos"
    gains = gains_of(outcome, str)
    assert gains == (gained(outcome, "words", words), gained(outcome, "demos", demos))
    assert all(gain.difference and gain.difference > 0.1 for gain in gains)
    assert all(16 <= gain.n <= len(outcome.dev.ids) for gain in gains)


def test_what_was_not_raced_alone_is_not_made_up() -> None:
    """Another instruction than the winner's says nothing of the winner's."""
    outcome = found(
        {
            "other words": {"shout": {"instruction": "SHOUT it carefully, please"}},
            "both": {"shout": {**CAREFULLY, **DEMOS}},
        }
    )
    assert [(gain.candidate, gain.difference, gain.n) for gain in gains_of(outcome, str)] == [
        (None, None, 0),
        (None, None, 0),
    ]


def test_all_of_the_gain_is_that_of_the_only_change() -> None:
    """The winner's own trial shows it."""
    outcome = found({"demos": {"shout": DEMOS}, "none": {"shout": {"instruction": "SHOUT!"}}})
    assert gains_of(outcome, str) == (gained(outcome, "demos", "shout: 4 in place of 0 demos"),)


def test_changes_that_were_raced_together_are_told_together() -> None:
    """After each by itself; prompts go by the names they are given."""
    outcome = found(
        {
            "demos": {"shout": DEMOS, "mirror": BACK},
            "all": {"shout": {**CAREFULLY, **DEMOS}, "mirror": BACK},
            "words": {"shout": CAREFULLY},
        },
        kind="two steps",
    )
    here, there = "SHOUT: 4 in place of 0 demos", "MIRROR: 4 in place of 0 demos"
    assert set(gains_of(outcome, str.upper)[:3]) == {
        gained(outcome, "words", "SHOUT: another instruction"),
        PartGain(changes=(here,)),
        PartGain(changes=(there,)),
    }
    (together,) = gains_of(outcome, str.upper)[3:]
    assert together in (
        gained(outcome, "demos", here, there),
        gained(outcome, "demos", there, here),
    )


@pytest.mark.parametrize("unknown", ["winner", "trial"])
def test_nothing_is_told_of_prompts_the_incumbent_has_not(unknown: str) -> None:
    """What such a prompt did to the score can't be known."""
    outcome = found({"demos": {"shout": DEMOS}, "both": {"shout": {**CAREFULLY, **DEMOS}}})
    assert outcome.winner is not None
    name = "both" if unknown == "winner" else "demos"
    trials = []
    for trial in outcome.trials:
        proposal = trial.proposal
        if proposal.candidate.name == name:
            states = {**proposal.candidate.states, "new": proposal.candidate.states["shout"]}
            candidate = Candidate(name=name, states=states)
            trials.append(replace(trial, proposal=replace(proposal, candidate=candidate)))
        else:
            trials.append(trial)
    (winner,) = [each for each in trials if each.proposal.candidate.name == "both"]
    gains = gains_of(replace(outcome, winner=winner, trials=tuple(trials)), str)
    assert [gain.difference for gain in gains] == ([] if unknown == "winner" else [None, None])
