"""Believing: how much of a gain seen in a race is taken for true."""

from __future__ import annotations

from dataclasses import replace

import pytest
from doubles.trials import trial
from hypothesis import given
from hypothesis import strategies as st

from pytest_lmopt.optimizers.believing import ALIKE, DOUBT, believed, likeliest
from pytest_lmopt.optimizers.protocol import Trial
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
