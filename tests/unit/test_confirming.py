"""What a search adopts: by proof, by looks, or for being shorter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from doubles.trials import INCUMBENT, trial

from pytest_lmopt.comparison.verdict import ALPHA, Comparison, compare
from pytest_lmopt.strategies.confirming import Accept, Prefer, Rule, choose, level
from pytest_lmopt.strategies.protocol import Trial
from pytest_lmopt.strategies.racing import ranked

SHORTER = Rule(prefer="shorter", margin=0.1)


def compared(gained: int, lost: int, *, n: int, margin: float = 0.0) -> Comparison:
    """A comparison of which so many examples were gained and lost."""
    old = {str(number): float(number < lost) for number in range(n)}
    new = {str(number): float(lost <= number < lost + gained) for number in range(n)}
    found = compare(old, new, margin=margin)
    assert found is not None
    return found


def chosen(rule: Rule, *trials: Trial, groups: Mapping[str, str] | None = None) -> str | None:
    """Name of the trial to confirm."""
    found = choose(trials, INCUMBENT, rule, groups=groups)
    return found.proposal.candidate.name if found else None


def test_a_holdout_used_often_can_still_prove_a_gain_of_graded_scores() -> None:
    """At the level of its hundredth use as well; equal prompts still prove nothing there."""
    old = {str(number): number % 7 / 20 for number in range(100)}
    better = {name: score + 0.3 + int(name) % 5 / 50 for name, score in old.items()}
    moved = {name: score + int(name) % 2 / 5 - 0.1 for name, score in old.items()}
    for use in (1, 32, 100):
        found = compare(old, better, alpha=level(use))
        assert found is not None
        assert Rule().basis(found, cheaper=False) == "improved"
        assert found.p_value < level(use)
        same = compare(old, moved, alpha=level(use))
        assert same is not None
        assert Rule().basis(same, cheaper=False) == ""


@pytest.mark.parametrize(
    ("gained", "lost", "n", "accept", "basis"),
    [
        (12, 0, 50, "significant", "improved"),
        (12, 0, 50, "best", "improved"),
        (4, 2, 50, "significant", ""),
        (4, 2, 50, "best", "unproven"),
        (3, 3, 50, "best", ""),
        (2, 4, 50, "best", ""),
        (0, 12, 50, "best", ""),
        (4, 2, 9, "best", ""),
    ],
)
def test_best_takes_what_looks_better_where_anything_can_be_seen(
    gained: int, lost: int, n: int, accept: Accept, basis: str
) -> None:
    """Not what is even, worse or regressed, nor on fewer than 10 examples."""
    rule = Rule(accept=accept)
    assert rule.basis(compared(gained, lost, n=n), cheaper=True) == basis


@pytest.mark.parametrize(
    ("gained", "lost", "prefer", "cheaper", "basis"),
    [
        (0, 0, "shorter", True, "shorter"),
        (0, 0, "shorter", False, ""),
        (0, 0, "better", True, ""),
        (3, 9, "shorter", True, ""),
        (20, 0, "shorter", True, "improved"),
        (20, 0, "shorter", False, "improved"),
    ],
)
def test_shorter_takes_what_is_cheaper_and_shown_to_be_no_worse(
    gained: int, lost: int, prefer: Prefer, cheaper: bool, basis: str
) -> None:
    """The interval on holdout must lie above minus the margin; saving nothing is no reason."""
    rule = Rule(prefer=prefer, margin=0.1)
    comparison = compared(gained, lost, n=100, margin=rule.harmless or 0.0)
    assert rule.basis(comparison, cheaper=cheaper) == basis


def test_without_a_preference_the_best_one_that_beat_the_incumbent_is_confirmed() -> None:
    """However dear; none if none did."""
    assert chosen(Rule(), trial("worse", 40, tokens=10)) is None
    assert chosen(Rule(), trial("ok", 60, tokens=10), trial("best", 70, tokens=900)) == "best"


def test_shorter_chooses_the_cheapest_within_the_margin_of_the_best() -> None:
    """Too far behind the best, or raced on too few examples to tell, is not chosen."""
    best, cheap = trial("best", 70, tokens=900), trial("cheap", 69, tokens=300)
    assert chosen(SHORTER, best, cheap) == "cheap"
    assert chosen(SHORTER, best, trial("far", 60, tokens=200)) == "best"
    assert chosen(SHORTER, best, trial("brief", 16, tokens=200, n=16)) == "best"


def test_examples_of_one_group_are_one_piece_of_evidence_against_a_loss() -> None:
    """Three lost in one group of ten may be three tenths of what is asked next."""
    best, cheap = trial("best", 60, tokens=900), trial("cheap", 57, tokens=300)
    rule = replace(SHORTER, margin=0.09)
    assert chosen(rule, best, cheap) == "cheap"
    tens = {str(number): f"group {number // 10}" for number in range(100)}
    assert chosen(rule, best, cheap, groups=tens) == "best"


def test_shorter_chooses_what_saves_tokens_where_nothing_is_better() -> None:
    """Against the incumbent itself; one that is as dear is of no use."""
    assert chosen(SHORTER, trial("same", 50, tokens=60)) == "same"
    assert chosen(SHORTER, trial("same", 50, tokens=100)) is None
    assert chosen(SHORTER, trial("worse", 35, tokens=60)) is None


def test_a_race_for_shorter_prompts_ranks_equals_by_tokens() -> None:
    """Within the harmless loss of the best of their rung; what is behind goes by difference."""
    trials = [
        trial("best", 70, tokens=900),
        trial("near", 65, tokens=300),
        trial("far", 45, tokens=10),
        trial("early", 16, tokens=5, n=16),
    ]
    names = [each.proposal.candidate.name for each in ranked(trials, 0.1)]
    assert names == ["near", "best", "far", "early"]
    assert ranked(trials)[0] is trials[0]


def seen(name: str, difference: float, *, n: int) -> Trial:
    """A trial with that difference on n examples."""
    return replace(trial(name, 50, tokens=100), difference=difference, n=n)


@pytest.mark.parametrize(
    ("early", "late", "chosen_one"),
    [(0.20, 0.15, "late"), (0.60, 0.15, "early"), (0.20, 0.02, "early")],
)
def test_a_gain_on_few_examples_counts_for_less(early: float, late: float, chosen_one: str) -> None:
    """It takes a larger one on 16 to be before one on 56; being dropped early is not the end."""
    assert chosen(Rule(), seen("late", late, n=56), seen("early", early, n=16)) == chosen_one


def test_the_levels_of_all_uses_of_a_holdout_add_up_to_no_more_than_alpha() -> None:
    """α/2, α/6, α/12, ... on the better side of a two-sided test."""
    assert level(1) == ALPHA
    assert level(1, ALPHA / 10) == ALPHA / 10
    assert level(3, ALPHA / 10) == pytest.approx(level(3) / 10)
    assert sum(level(use) / 2 for use in range(1, 2_000)) < ALPHA


def test_a_run_that_asks_twice_is_not_cheaper_for_its_short_calls() -> None:
    """Of 60 tokens each, two calls cost more than one of 100."""
    twice = trial("twice", 50, tokens=60)
    doubled = tuple(
        replace(each, usage=each.usage + each.usage) for each in twice.evaluation.outcomes
    )
    twice = replace(twice, evaluation=replace(twice.evaluation, outcomes=doubled))
    assert chosen(SHORTER, twice) is None
    assert chosen(SHORTER, trial("once", 50, tokens=90)) == "once"
