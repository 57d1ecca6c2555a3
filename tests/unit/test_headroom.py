"""Whether anything could be proven better, told from the incumbent's dev scores."""

from __future__ import annotations

from pathlib import Path

import pytest
from doubles.trials import INCUMBENT, trial

from pytest_lmopt.comparison.verdict import Verdict, compare
from pytest_lmopt.stats.paired import paired_interval
from pytest_lmopt.strategies.confirming import Rule, level
from pytest_lmopt.strategies.headroom import detectable_effect, no_headroom, nothing_changed

ALPHA = 0.025


def told(
    right: int, of: int, *, holdout: int, rule: Rule | None = None, groups: int | None = None
) -> str:
    """What is said of an incumbent with so many dev examples right."""
    scores = [1.0] * right + [0.0] * (of - right)
    clusters = [f"g{number % groups}" for number in range(holdout)] if groups else None
    return no_headroom(scores, holdout, alpha=ALPHA, rule=rule or Rule(), groups=clusters)


@pytest.mark.parametrize(("right", "of", "holdout"), [(20, 40, 40), (0, 20, 12), (190, 200, 200)])
def test_where_there_is_room_nothing_is_said(right: int, of: int, holdout: int) -> None:
    """A perfect prompt would be told apart."""
    assert told(right, of, holdout=holdout) == ""


def test_where_the_most_hopeful_case_proves_nothing_it_is_said_with_what_would_help() -> None:
    """The score, the n, how many failing examples it takes; and what to do."""
    text = told(39, 40, holdout=20)
    assert "the incumbent scores 0.975 on 40 dev examples" in text
    assert "even a perfect prompt would gain at most 3 of the 20 holdout examples" in text
    assert "significance at p < 0.0250 needs 6" in text
    assert "more examples or harder ones would leave room to see it" in text


def test_where_all_of_holdout_would_not_be_enough_it_is_told_so() -> None:
    """At the level of a holdout's tenth use ten examples prove nothing, all of them mended."""
    text = no_headroom([0.0] * 10, 10, alpha=level(10), rule=Rule())
    assert "would gain at most 10 of the 10 holdout examples" in text
    assert "needs more than 10;" in text
    text = no_headroom([0.0] * 10, 10, alpha=level(100), rule=Rule())
    assert "significance at p < 9.90e-06 needs" in text


def test_few_groups_prove_nothing_however_many_examples_they_have() -> None:
    """What is tossed is a group's sign: six coins fall alike too often for this level."""
    text = told(10, 100, holdout=100, groups=6)
    assert "and holdout's 100 examples are of 6 groups; a gain in all of them would not be" in text
    assert "at p < 0.0250, which takes 7; examples of more groups" in text
    assert told(10, 100, holdout=100, groups=7) == ""
    sure = compare(
        dict.fromkeys(map(str, range(100)), 0.0),
        dict.fromkeys(map(str, range(100)), 1.0),
        groups={str(number): str(number % 6) for number in range(100)},
        alpha=ALPHA,
    )
    assert sure is not None
    assert sure.verdict is not Verdict.IMPROVED


def test_groups_need_no_proof_where_it_is_not_asked_for() -> None:
    """And bound what is equal only as so many draws do."""
    assert told(10, 100, holdout=100, groups=3, rule=Rule(accept="best")) == ""
    shorter = Rule(prefer="shorter", margin=0.06)
    assert told(100, 100, holdout=100, groups=100, rule=shorter) == ""
    assert told(100, 100, holdout=100, groups=20, rule=shorter) != ""


def test_nothing_is_better_than_right_everywhere() -> None:
    """No candidate could win on dev, however large holdout is and whatever is accepted."""
    for rule in (Rule(), Rule(accept="best")):
        assert "no candidate can score more" in told(300, 300, holdout=300, rule=rule)


def test_no_advice_is_given_that_would_end_in_the_same() -> None:
    """Another split has as many examples, and of a perfect incumbent as few that fail."""
    cases = [told(5, 20, holdout=9), told(300, 300, holdout=300), told(39, 40, holdout=20)]
    assert [text.rpartition("; ")[2] for text in cases] == [
        "more examples would leave room to see it",
        "harder examples would leave room to see it",
        "more examples or harder ones would leave room to see it",
    ]
    assert not any("--lm-resplit" in text for text in cases)


def test_fewer_than_ten_holdout_examples_prove_nothing() -> None:
    """Whatever rule there is."""
    for rule in (Rule(), Rule(accept="best"), Rule(prefer="shorter", margin=1.0)):
        assert "9 holdout examples prove nothing" in told(5, 20, holdout=9, rule=rule)


def test_what_needs_no_proof_needs_no_room_for_it() -> None:
    """``best`` takes what looks better."""
    assert told(39, 40, holdout=20, rule=Rule(accept="best")) == ""


def test_a_shorter_prompt_needs_a_margin_that_this_holdout_can_show() -> None:
    """Then even a perfect incumbent may be made cheaper."""
    assert told(40, 40, holdout=100, rule=Rule(prefer="shorter", margin=0.06)) == ""
    assert told(40, 40, holdout=100, rule=Rule(prefer="shorter", margin=0.02)) != ""


def test_graded_scores_have_room_where_few_are_full() -> None:
    """What counts is how many could be better at all."""
    assert no_headroom([0.9] * 30, 30, alpha=ALPHA, rule=Rule()) == ""


def test_candidates_that_change_nothing_are_told_from_those_that_gain_as_much_as_they_lose() -> (
    None
):
    """The first say that what is varied does not reach the answers."""
    same = trial("same", 50, tokens=10)
    assert "none of the 1 candidates changed a single score" in nothing_changed([same], INCUMBENT)
    assert nothing_changed([same, trial("other", 49, tokens=10)], INCUMBENT) == ""
    assert nothing_changed([], INCUMBENT) == ""


def test_the_readmes_figures_are_those_of_a_first_search() -> None:
    """What a search adopts: differences that 40 and 200 examples show, and 100 the least margin."""
    assert [round(detectable_effect(n, alpha=level(1)), 2) for n in (40, 200)] == [0.24, 0.11]
    assert round(paired_interval([0.0] * 100, binary=True, alpha=level(1))[1], 2) == 0.04
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    assert (
        "40 shows a difference of about 0.24 in four of five searches, one of 200 about" in readme
    )
    assert "about 0.04 with 100 holdout examples" in readme


def test_a_later_use_of_a_holdout_shows_less() -> None:
    """So do fewer examples."""
    effects = [detectable_effect(n, alpha=alpha) for n, alpha in ((100, 0.025), (100, 0.0042))]
    assert 0.16 < effects[0] < effects[1] < detectable_effect(50, alpha=0.0042)
