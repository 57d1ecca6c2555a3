"""Believing: how much of a gain seen in a race is taken for true."""

from __future__ import annotations

from dataclasses import replace

import pytest
from doubles.trials import trial
from hypothesis import given
from hypothesis import strategies as st

from pytest_lmopt.strategies.believing import ALIKE, DOUBT, believed, likeliest, tokens_per_run
from pytest_lmopt.strategies.protocol import Trial
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.prompt_state import PromptState


def seen(difference: float, n: int, kind: str = "", name: str = "one") -> Trial:
    """A trial with that difference on n examples."""
    found = trial(name, 50, tokens=100)
    return replace(found, difference=difference, n=n, proposal=replace(found.proposal, kind=kind))


gains = st.floats(-1, 1)
counts = st.integers(0, 200)


@given(gains, counts, st.sampled_from(["", "four demos"]))
def test_alone_a_gain_counts_by_the_examples_it_was_seen_on(gain: float, n: int, kind: str) -> None:
    """Having a kind of which nothing else is known makes no difference."""
    assert believed([seen(gain, n, kind)]) == pytest.approx([gain * n / (n + DOUBT)])


@given(st.lists(st.tuples(gains, counts), min_size=2, max_size=4))
def test_it_is_the_mean_of_the_posterior(trials: list[tuple[float, int]]) -> None:
    """As the sum over a grid of what their kind may have in common tells it, without algebra."""
    shared = [(place / 10 - 5) for place in range(101)]  # in standard deviations of true gains
    weights, expected = [], [0.0] * len(trials)
    for common in shared:
        exponent = common**2 / ALIKE
        for gain, n in trials:
            if n:
                exponent += (gain - common) ** 2 / (1 - ALIKE + DOUBT / n)
        weights.append(2.718281828459045 ** (-exponent / 2))
        for place, (gain, n) in enumerate(trials):
            own = 1 - ALIKE
            pull = own * n / (own * n + DOUBT)
            expected[place] += weights[-1] * (common + pull * (gain - common))
    found = believed([seen(gain, n, "four demos") for gain, n in trials])
    assert found == pytest.approx([each / sum(weights) for each in expected], abs=1e-3)


def test_the_luckiest_of_a_poor_kind_is_not_before_the_usual_of_a_good_one() -> None:
    """Of forty demo sets met by 14 examples, one always looks good."""
    few = [seen(gain, 14, "four demos") for gain in (0.2, 0.1, 0.3, 0.2, 0.1, 0.6)]
    many = [seen(gain, 14, "sixteen demos") for gain in (0.5, 0.6, 0.4, 0.55)]
    assert likeliest([*few, *many])[0] is many[1]
    assert likeliest(few)[0] is few[-1]


def test_kinds_tell_nothing_of_each_other_nor_do_those_without_one() -> None:
    """However good the others are."""
    alone = believed([seen(0.1, 16)])
    others = [seen(0.9, 56), seen(0.9, 56, "four demos")]
    assert believed([seen(0.1, 16), *others])[:1] == alone
    assert believed([seen(0.1, 16, "sixteen demos"), *others])[:1] == pytest.approx(alone)


def test_ties_go_to_the_shorter_prompts() -> None:
    """Then to the earlier."""
    short = seen(0.2, 16, name="short")
    said = PromptState(instruction="Take your time.", inputs=("word",), outputs=("loud",))
    wordy = Candidate(name="long", states={"shout": said})
    long = replace(short, proposal=replace(short.proposal, candidate=wordy))
    assert likeliest([long, short])[0] is short
    assert likeliest([short, seen(0.2, 16, name="other")])[0] is short


def costing(found: Trial, *, tokens: int) -> Trial:
    """The trial, of runs that cost so much."""
    spent = trial(found.proposal.candidate.name, 50, tokens=tokens).evaluation
    return replace(found, evaluation=spent)


def test_equal_on_the_evidence_the_cheaper_comes_first() -> None:
    """Though the other one's kind has shown more: on these examples nothing tells them apart."""
    demos = [costing(seen(1.0, 16, "with demos"), tokens=318) for _ in range(2)]
    alone = costing(seen(1.0, 16, name="alone"), tokens=86)
    assert believed([*demos, alone])[0] > believed([*demos, alone])[2]
    assert likeliest([*demos, alone])[0] is alone
    better = [replace(each, difference=1.0) for each in demos]
    worse = replace(alone, difference=0.9)
    assert likeliest([*better, worse])[0] is better[0]


def test_of_equals_that_met_fewer_examples_than_others_the_order_stays() -> None:
    """Being cheap does not make up for what has not been seen."""
    sure = costing(seen(0.8, 56, "with demos"), tokens=318)
    cheap = costing(seen(0.8, 16), tokens=86)
    assert likeliest([cheap, sure])[0] is sure


def test_the_luckiest_of_a_poor_kind_is_not_taken_for_an_equal() -> None:
    """However cheap it is."""
    few = [seen(gain, 16, "four demos") for gain in (0.1, 0.2, 0.1, 0.0)]
    lucky = costing(seen(0.6, 16, "four demos"), tokens=10)
    usual = costing(seen(0.6, 16), tokens=300)
    assert likeliest([*few, lucky, usual])[0] is usual


def test_what_counts_is_a_run_not_a_call() -> None:
    """A pipeline may ask more often with one prompt than with another."""
    often, once = (costing(seen(0.6, 16), tokens=tokens) for tokens in (60, 100))
    calls = [replace(each, usage=each.usage + each.usage) for each in often.evaluation.outcomes]
    often = replace(often, evaluation=replace(often.evaluation, outcomes=tuple(calls)))
    assert tokens_per_run(often.evaluation) == 120
    assert likeliest([often, once])[0] is once
