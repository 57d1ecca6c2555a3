"""By simulation: choosing the best of many equal prompts does not make it look better."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from simulation.rates import Runs, Scores, compared, most

from pytest_lmopt.comparison.verdict import ALPHA, Verdict
from pytest_lmopt.strategies.bootstrap import Bootstrap
from pytest_lmopt.strategies.confirming import Rule, level
from pytest_lmopt.strategies.protocol import Settings, Strategy
from pytest_lmopt.strategies.search import SearchOutcome
from pytest_lmopt.testing.searches import searched, simulated
from pytest_lmopt.testing.simulated_model import SimulatedModel

Generator = np.random.Generator
FIELD = 16
DEV, HOLDOUT = 60, 60
NIGHTS = 30
SUITES = 10


def improved(old: Scores, new: Scores, *, alpha: float = ALPHA) -> bool:
    """Whether new is judged better than old."""
    return compared(old, new, alpha=alpha).verdict is Verdict.IMPROVED


def passes(generator: Generator, *shape: int) -> Scores:
    """0/1 scores of prompts that all pass half the examples."""
    return generator.integers(0, 2, shape).astype(float)


def test_the_best_of_sixteen_equals_is_seldom_confirmed(runs: Runs) -> None:
    """Best on dev, confirmed once on holdout: accepted in no more than α/2 of searches."""
    generator = np.random.default_rng(1)
    total = runs(400, 5_000)
    accepted = 0
    for _ in range(total):
        incumbent, field = passes(generator, DEV), passes(generator, FIELD, DEV)
        if field.mean(axis=1).max() > incumbent.mean():
            held = passes(generator, 2, HOLDOUT)
            accepted += improved(held[0], held[1], alpha=level(1))
    assert accepted / total <= most(ALPHA / 2, total)


def test_judged_where_it_was_chosen_it_would_often_be(runs: Runs) -> None:
    """The winner's curse: on dev the best of 16 equals looks improved far more often than α."""
    generator = np.random.default_rng(1)
    total = runs(200, 2_000)
    accepted = 0
    for _ in range(total):
        incumbent, field = passes(generator, DEV), passes(generator, FIELD, DEV)
        accepted += improved(incumbent, field[field.mean(axis=1).argmax()])
    assert accepted / total > 0.15


def adopted(generator: Generator, total: int, *, gain: float) -> tuple[float, float]:
    """Of winners so much better, the shares adopted as proven, and as looking better."""
    proven = looking = 0
    for _ in range(total):
        incumbent = passes(generator, HOLDOUT)
        winner = (generator.random(HOLDOUT) < 0.5 + gain).astype(float)
        found = compared(incumbent, winner, alpha=level(1))
        proven += Rule().basis(found, cheaper=False) != ""
        looking += Rule(accept="best").basis(found, cheaper=False) != ""
    return proven / total, looking / total


def test_what_looks_better_is_adopted_more_often_right_and_wrong(runs: Runs) -> None:
    """The trade-off of ``--lm-accept``: small gains are declined, or half of the equals adopted."""
    generator, total = np.random.default_rng(4), runs(300, 5_000)
    proven, looking = adopted(generator, total, gain=0.0)
    assert proven <= most(ALPHA / 2, total)
    assert 0.35 < looking < 0.55
    proven, looking = adopted(generator, total, gain=0.1)
    assert proven < 0.35
    assert looking > 0.75


def false_adoptions(total: int) -> tuple[int, int]:
    """Of ``total`` runs of ten suites' first searches among equals, those that adopt anything.

    At each suite's share of α, and were each tested at α.
    """
    generator = np.random.default_rng(5)
    family = alone = 0
    for _ in range(total):
        pairs = passes(generator, SUITES, 2, HOLDOUT)
        shown = [found for old, new in pairs if (found := compared(old, new, alpha=level(1)))]
        alone += any(Rule().basis(found, cheaper=False) != "" for found in shown)
        family += any(
            improved(old, new, alpha=level(1, ALPHA / SUITES))
            for (old, new), found in zip(pairs, shown, strict=True)
            if found.verdict is Verdict.IMPROVED  # what is not shown at α is not shown at less
        )
    return family, alone


def test_ten_suites_judged_as_a_family_seldom_adopt_anything(runs: Runs) -> None:
    """In no more than α/2 of their runs together; without the correction in many."""
    total = runs(150, 5_000)
    family, alone = false_adoptions(total)
    assert family / total <= most(ALPHA / 2, total)
    assert alone / total > 0.1


def test_a_whole_search_is_confirmed_at_the_share_it_is_given() -> None:
    """Its confirmation and what it says its holdout can show follow."""
    answer = simulated(SimulatedModel(base=0.3))
    found = searched(Bootstrap(Settings(seed=0)), answer, alpha=ALPHA / SUITES, calls=400).outcome
    assert found.confirmation is not None
    assert found.alpha == found.confirmation.alpha == ALPHA / SUITES
    plain = searched(Bootstrap(Settings(seed=0)), answer, calls=400).outcome
    assert plain.winner is not None
    assert found.winner is not None
    assert plain.winner.proposal.candidate == found.winner.proposal.candidate
    assert plain.detectable < found.detectable


def outcomes(strategy: Callable[[int], Strategy], total: int) -> Iterator[SearchOutcome]:
    """Search ``total`` times, each with its own seed, among prompts whose demos do nothing."""
    for seed in range(total):
        model = SimulatedModel(base=0.5, per_demo=0.0, seed=seed, fickle=True)
        yield searched(strategy(seed), simulated(model), seed=seed, examples=100).outcome


def test_whole_searches_among_equals_seldom_adopt(runs: Runs) -> None:
    """Proposing, racing and confirming for real: 16 equal prompts, adopted in at most α."""
    total = runs(6, 500)
    accepted = 0
    for outcome in outcomes(lambda seed: Bootstrap(Settings(seed=seed), candidates=FIELD), total):
        assert len({trial.proposal.candidate.digest for trial in outcome.trials}) > FIELD // 2
        if outcome.confirmation is not None:
            assert outcome.confirmation.alpha == pytest.approx(level(1))
        accepted += outcome.accepted
    assert accepted / total <= most(ALPHA, total)


def test_demos_that_do_nothing_are_rarely_adopted(runs: Runs) -> None:
    """Of 40 searches among equally good prompts, at most 3 adopt one."""
    found = outcomes(lambda seed: Bootstrap(Settings(seed=seed)), runs(8, 40))
    assert sum(outcome.accepted for outcome in found) <= 3


def adoptions(total: int) -> tuple[int, int]:
    """Months with a false adoption, of ``total``: at the level of the k-th use, and always at α.

    All of a month's 30 winners meet the same scores of the incumbent on the same holdout.
    """
    generator = np.random.default_rng(2)
    corrected = uncorrected = 0
    for _ in range(total):
        incumbent, winners = passes(generator, HOLDOUT), passes(generator, NIGHTS, HOLDOUT)
        # what is not shown at α is not shown at less either
        shown = [
            night
            for night, winner in enumerate(winners, start=1)
            if winner.mean() > incumbent.mean() and improved(incumbent, winner)
        ]
        uncorrected += bool(shown)
        corrected += any(
            improved(incumbent, winners[night - 1], alpha=level(night)) for night in shown
        )
    return corrected, uncorrected


def test_a_month_of_null_searches_on_one_holdout_seldom_adopts(runs: Runs) -> None:
    """30 nightly searches among equals: any adoption in no more than 5 % of months.

    Were each night tested at α, several times as many months would adopt something.
    """
    total = runs(150, 5_000)
    corrected, uncorrected = adoptions(total)
    assert corrected / total <= most(0.05, total)
    assert uncorrected / total > 0.15
