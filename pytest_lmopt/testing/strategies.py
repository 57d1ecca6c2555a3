"""What every strategy must do, whatever it searches by. A strategy's test class inherits this."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from pytest_lmopt.errors import MissingAnswerError, RefusedError
from pytest_lmopt.strategies.protocol import Strategy
from pytest_lmopt.strategies.search import SearchOutcome
from pytest_lmopt.testing.searches import (
    Answer,
    Kind,
    Spy,
    mentions,
    searched,
    simulated,
)
from pytest_lmopt.testing.simulated_model import SimulatedModel
from pytest_lmopt.wire import Request

FEW = 48
"""Examples of most searches: 12 to learn from, 18 each to race, in two rungs, and to confirm on."""

ENOUGH: Mapping[Kind, int] = {"one step": 170, "two steps": 270, "shared": 400, "long": 120}
"""Calls that let a search of so many examples propose, race and confirm."""


class StrategyConformance:
    """Inherit, and give ``make``: the strategy from a seed."""

    def make(self, seed: int) -> Strategy:
        """The strategy under test."""
        raise NotImplementedError("a conformance class names its strategy")

    def search(
        self,
        answer: Answer,
        *,
        calls: int | None = None,
        seed: int = 0,
        concurrency: int = 8,
        examples: int = 150,
        two_steps: bool = False,
    ) -> tuple[SearchOutcome, Spy, list[Request]]:
        """A whole search on a function for a model; with the requests that reached it."""
        found = searched(
            self.make(seed),
            answer,
            calls=calls,
            seed=seed,
            concurrency=concurrency,
            examples=examples,
            kind="two steps" if two_steps else "one step",
        )
        return found.outcome, found.spy, found.requests

    @pytest.mark.parametrize("kind", ["one step", "two steps"])
    def test_same_seed_same_search_whatever_the_concurrency(self, kind: Kind) -> None:
        """Questions, proposals, trials and verdict depend on the seed alone."""
        results = []
        for concurrency in (1, 16):
            found = searched(
                self.make(3),
                simulated(SimulatedModel(base=0.4, bonus=0.2)),
                seed=3,
                calls=ENOUGH[kind],
                concurrency=concurrency,
                examples=FEW,
                kind=kind,
            )
            results.append(
                (
                    found.spy.questions,
                    [(p.candidate.digest, p.reason) for p in found.spy.proposals],
                    [
                        (t.proposal.candidate.digest, t.difference, t.n)
                        for t in found.outcome.trials
                    ],
                    found.outcome.confirmation,
                )
            )
        assert results[0] == results[1]

    @pytest.mark.parametrize("calls", [46, 64, 89, 150])
    def test_never_a_call_more_than_the_budget_and_always_a_confirmation(self, calls: int) -> None:
        """The proposer's calls count, and a winner on dev is never left unproven."""
        found = searched(
            self.make(0), simulated(SimulatedModel(bonus=0.3)), calls=calls, examples=FEW
        )
        assert len(found.requests) <= calls
        assert (found.outcome.winner is None) == (found.outcome.confirmation is None)

    @pytest.mark.parametrize("tokens", [2_800, 9_600])
    def test_a_budget_of_tokens_that_ends_leaves_a_proof_or_no_winner(self, tokens: int) -> None:
        """The incumbent is judged all the same: what that takes was set aside."""
        found = searched(
            self.make(0), simulated(SimulatedModel(bonus=0.3)), tokens=tokens, examples=FEW
        )
        assert found.tokens <= tokens
        judged = {example.id for example in found.suite.splits.judged}
        assert found.outcome.incumbent.ids == judged
        assert (found.outcome.winner is None) == (found.outcome.confirmation is None)

    @pytest.mark.parametrize("kind", ["one step", "shared"])
    def test_never_sees_holdout_and_leaves_history_as_it_is(self, kind: Kind) -> None:
        """It works on train and dev alone; also where a prompt is shared or has several outputs."""
        found = searched(
            self.make(0),
            simulated(SimulatedModel(base=0.7)),
            calls=ENOUGH[kind],
            examples=FEW,
            kind=kind,
        )
        holdout = found.suite.splits.holdout
        assert not found.spy.changed_history
        assert found.spy.seen
        assert not found.spy.seen & {example.id for example in holdout}
        for question in found.spy.questions:
            assert not [example.id for example in holdout if mentions(question, example)]
        if kind == "one step":  # of several steps, one may ask the same under several candidates
            assert len({request.key for request in found.requests}) == len(found.requests)

    @pytest.mark.parametrize("answer", ["", "{[ no <instruction", "```\n```", None])
    def test_survives_a_proposer_that_is_of_no_use(self, answer: str | None) -> None:
        """Nothing, garbage, an empty block, no answer at all: the search goes on without it."""

        def useless(request: Request) -> str:
            if answer is None:
                raise RefusedError("no", request=request)
            return answer

        found = searched(
            self.make(0), simulated(SimulatedModel(), proposer=useless), calls=96, examples=FEW
        )
        assert len(found.requests) <= 96
        assert (found.outcome.winner is None) == (found.outcome.confirmation is None)

    def test_never_races_what_copies_an_answer(self) -> None:
        """An instruction with six words in a row of an expected answer is turned down."""
        copies = " AND MORE WORDS THAN SIX, ALL ABOUT 7"

        answer = f'<instruction prompt="shout">SHOUT it, as in WORD7{copies}</instruction>'
        found = searched(
            self.make(0),
            simulated(SimulatedModel(), proposer=lambda _: answer),
            calls=ENOUGH["long"],
            examples=FEW,
            kind="long",
        )
        for trial in found.outcome.trials:
            for state in trial.proposal.candidate.states.values():
                assert copies not in state.instruction

    def test_survives_a_model_that_knows_nothing(self) -> None:
        """All scores 0: the search ends without a winner, and says why."""
        found = searched(self.make(0), lambda _: "no idea", calls=ENOUGH["one step"], examples=FEW)
        assert found.outcome.winner is None
        assert found.outcome.note

    def test_survives_a_model_that_knows_everything(self) -> None:
        """All scores 1: nothing can be better, so nothing is spent on proposals."""
        found = searched(self.make(0), simulated(SimulatedModel(base=1.0)), examples=FEW)
        assert found.outcome.winner is None
        assert found.spy.proposals == []

    def test_survives_missing_answers_and_refusals(self) -> None:
        """Examples without an answer are left out on both sides; a refused one scores 0."""
        model = simulated(SimulatedModel())

        def in_trouble(request: Request) -> str:
            question = request.messages[-1].content
            if question in ("word0", "word1", "word2"):
                raise MissingAnswerError("down", request=request)
            if question in ("word3", "word4", "word5"):
                raise RefusedError("no", request=request)
            return model(request)

        found = searched(self.make(0), in_trouble, calls=ENOUGH["one step"], examples=FEW)
        scores = found.outcome.incumbent.scores
        judged = {example.id for example in found.suite.splits.judged}
        assert not {"w0", "w1", "w2"} & set(scores)
        assert {scores[one] for one in ("w3", "w4", "w5") if one in judged} == {0.0}
