"""Trials with scores and costs that a test chooses."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_lmopt.metrics.evaluation import Evaluation
from pytest_lmopt.metrics.scored_run import NOTHING, Outcome
from pytest_lmopt.runs.run import Ending
from pytest_lmopt.strategies.protocol import Proposal, Trial
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.wire import Usage


def evaluation(name: str, scores: Sequence[float], *, tokens: int) -> Evaluation:
    """Runs of one call each, of so many tokens."""
    outcomes = tuple(
        Outcome(
            example=str(number),
            repeat=0,
            ending=Ending.RETURNED,
            value=score,
            kind=NOTHING,
            missing="",
            usage=Usage(calls=1, input_tokens=tokens),
            states={},
            client_models=frozenset(),
            varies=False,
        )
        for number, score in enumerate(scores)
    )
    return Evaluation(Candidate(name=name, states={}), outcomes, lambda _: iter(()))


def trial(name: str, right: int, *, tokens: int, n: int = 100) -> Trial:
    """A candidate that gets the first so many of n right, against one that gets 50 of 100."""
    scored = evaluation(name, [float(number < right) for number in range(n)], tokens=tokens)
    difference = (right - min(n, 50)) / n
    return Trial(
        proposal=Proposal(candidate=scored.candidate, reason=""),
        evaluation=scored,
        difference=difference,
        low=-1.0,
        high=1.0,
        n=n,
    )


INCUMBENT = evaluation("incumbent", [float(number < 50) for number in range(100)], tokens=100)
