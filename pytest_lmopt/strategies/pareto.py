"""Which candidates are worth building on: the per-example Pareto front (GEPA, arXiv 2507.19457)."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_lmopt.strategies.protocol import History
from pytest_lmopt.suites.candidate import Candidate


@dataclass(frozen=True, kw_only=True)
class Parent:
    """A candidate on the front, and on how many dev examples none is better: its weight."""

    candidate: Candidate
    wins: int


def front(history: History) -> list[Parent]:
    """The incumbent and the trials no worse than it that are best on some dev example.

    Examples on which all are equal tell nothing. Candidates whose wins another one has too, and
    more besides, are left out. Never empty, best first, ties to the earlier.
    """
    pool = [(history.candidate, history.incumbent.scores)] + [
        (trial.proposal.candidate, trial.evaluation.scores)
        for trial in history.trials
        if trial.difference >= 0.0
    ]
    won: list[set[str]] = [set() for _ in pool]
    for example in history.incumbent.scores:
        scores = [scored.get(example) for _, scored in pool]
        known = [score for score in scores if score is not None]
        if len(set(known)) < 2:
            continue
        for number, score in enumerate(scores):
            if score == max(known):
                won[number].add(example)
    kept = [
        Parent(candidate=pool[number][0], wins=len(wins))
        for number, wins in enumerate(won)
        if wins and not any(wins < others for others in won)
    ]
    kept.sort(key=lambda parent: -parent.wins)
    return kept or [Parent(candidate=history.candidate, wins=1)]


def drawn(parents: Sequence[Parent], chance: random.Random) -> Candidate:
    """One of them, each as likely as it has wins."""
    weights = [parent.wins for parent in parents]
    return chance.choices(parents, weights)[0].candidate
