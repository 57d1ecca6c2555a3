"""Each verdict, reached by an example small enough to check by eye."""

from __future__ import annotations

import pytest

from pytest_lmopt.comparison.verdict import Comparison, Verdict, compare


def scores(*values: float) -> dict[str, float]:
    """Scores by the ids e0, e1, …"""
    return {f"e{number}": value for number, value in enumerate(values)}


def passes(count: int, *, of: int) -> dict[str, float]:
    """The first ``count`` examples pass, the others fail."""
    return scores(*[1.0] * count, *[0.0] * (of - count))


def compared(
    old: dict[str, float],
    new: dict[str, float],
    *,
    groups: dict[str, str] | None = None,
    margin: float = 0.0,
    alpha: float = 0.05,
    unchanged: bool = False,
) -> Comparison:
    """A comparison of scores that share examples."""
    comparison = compare(old, new, groups=groups, margin=margin, alpha=alpha, unchanged=unchanged)
    assert comparison is not None
    return comparison


def test_many_gains_and_no_loss_are_an_improvement() -> None:
    """Of 20 examples 8 more pass and none fails: improved, with p = 1/256."""
    comparison = compared(passes(10, of=20), passes(18, of=20))
    assert comparison.verdict is Verdict.IMPROVED
    assert comparison.p_value == pytest.approx(1 / 256)
    assert (comparison.old_mean, comparison.new_mean) == (0.5, 0.9)
    assert comparison.difference == pytest.approx(0.4)
    assert 0.0 < comparison.low < 0.4 < comparison.high


def test_many_losses_and_no_gain_are_a_regression() -> None:
    """The same examples the other way round: regressed."""
    comparison = compared(passes(18, of=20), passes(10, of=20))
    assert comparison.verdict is Verdict.REGRESSED
    assert comparison.high < 0.0


def test_gains_that_losses_balance_are_inconclusive() -> None:
    """Three gained and three lost of 20 could still be a loss."""
    old = scores(*[0.0] * 3, *[1.0] * 17)
    new = scores(*[1.0] * 3, *[0.0] * 3, *[1.0] * 14)
    comparison = compared(old, new)
    assert comparison.verdict is Verdict.INCONCLUSIVE
    assert comparison.detectable is not None
    assert comparison.detectable > 0.3
    assert comparison.needed is None, "no number of examples shows a difference of zero"


def test_an_inconclusive_loss_says_how_many_examples_would_decide() -> None:
    """Two lost of 20 is not enough; about 70 such examples would be."""
    comparison = compared(passes(20, of=20), passes(18, of=20))
    assert comparison.verdict is Verdict.INCONCLUSIVE
    assert comparison.needed == 75


def test_a_small_loss_within_the_margin_holds() -> None:
    """One lost of 100 is shown to be less than 6 points, so it holds with that margin only."""
    old, new = passes(90, of=100), passes(89, of=100)
    assert compared(old, new, margin=0.06).verdict is Verdict.HOLDS
    assert compared(old, new, margin=0.05).verdict is Verdict.INCONCLUSIVE


def test_a_proven_loss_smaller_than_the_margin_is_no_regression() -> None:
    """A loss of 3 points in every example is certain, and allowed by a margin of 5."""
    old, new = scores(*[0.9] * 20), scores(*[0.87] * 20)
    assert compared(old, new).verdict is Verdict.REGRESSED
    assert compared(old, new, margin=0.05).verdict is Verdict.HOLDS


def test_a_loss_that_may_exceed_the_margin_neither_holds_nor_regresses() -> None:
    """Proven to be a loss, by less than the margin on average, but not surely: inconclusive."""
    old = scores(*[0.9] * 20)
    new = scores(*[0.9, 0.9, 0.8, 0.8, 0.82] * 4)
    comparison = compared(old, new, margin=0.06)
    assert comparison.high < 0.0
    assert comparison.low < -0.06 < comparison.difference
    assert comparison.verdict is Verdict.INCONCLUSIVE


def test_a_margin_is_no_hurdle_for_an_improvement() -> None:
    """The margin concerns losses only."""
    assert compared(passes(10, of=20), passes(18, of=20), margin=0.5).verdict is Verdict.IMPROVED


def test_fewer_than_ten_examples_are_described_not_judged() -> None:
    """Nine examples that all turn from failing to passing get no verdict; ten do."""
    assert compared(passes(0, of=9), passes(9, of=9)).verdict is Verdict.INSUFFICIENT
    assert compared(passes(0, of=10), passes(10, of=10)).verdict is Verdict.IMPROVED


def test_what_did_not_change_holds_without_statistics() -> None:
    """The same prompts, model and answers hold, however few the examples."""
    few = passes(2, of=3)
    assert compared(few, few, unchanged=True).verdict is Verdict.HOLDS


def test_unchanged_prompts_with_other_scores_are_judged_like_any_others() -> None:
    """A model that answers differently to the same prompts has changed something."""
    old, new = passes(18, of=20), passes(10, of=20)
    assert compared(old, new, unchanged=True).verdict is Verdict.REGRESSED


def test_ties_of_changed_prompts_prove_no_more_than_their_number() -> None:
    """Thirty ties bound a loss at 11.6 points: inconclusive without a margin, held with 0.12."""
    same = passes(20, of=30)
    assert compared(same, same).verdict is Verdict.INCONCLUSIVE
    assert compared(same, same, margin=0.12).verdict is Verdict.HOLDS
    assert compared(same, same, margin=0.11).verdict is Verdict.INCONCLUSIVE


def test_a_stricter_alpha_asks_for_more() -> None:
    """What improves at 5 % need not at 1 in 1000, and the comparison says what was asked."""
    old, new = passes(10, of=20), passes(18, of=20)
    strict = compared(old, new, alpha=0.001)
    assert strict.verdict is not Verdict.IMPROVED
    assert strict.alpha == 0.001


def test_a_stricter_alpha_asks_for_more_of_holds_too() -> None:
    """100 ties bound a loss at 3.6 points with 95 % confidence, at 4.3 with 97.5 %."""
    same = passes(50, of=100)
    assert compared(same, same, margin=0.04).verdict is Verdict.HOLDS
    strict = compared(same, same, margin=0.04, alpha=0.025)
    assert strict.verdict is Verdict.INCONCLUSIVE
    assert strict.low == compared(same, same, margin=0.04).low


def test_only_shared_examples_are_compared() -> None:
    """Examples that one side lacks are left out of means and n."""
    old = {**passes(10, of=20), "only old": 1.0}
    new = {**passes(18, of=20), "only new": 0.0}
    comparison = compared(old, new)
    assert (comparison.n, comparison.old_mean, comparison.new_mean) == (20, 0.5, 0.9)


def test_nothing_shared_is_no_comparison() -> None:
    """Without a shared example there is nothing to compare."""
    assert compare({"a": 1.0}, {"b": 1.0}) is None


def test_the_order_of_examples_is_of_no_account() -> None:
    """Scores that arrive in another order give the same comparison, drawn p-value included."""
    old = scores(*[0.5] * 30)
    new = scores(*[0.4 + 0.013 * (number % 17) for number in range(30)])
    assert compared(old, dict(reversed(new.items()))) == compared(old, new)


def test_examples_of_one_group_are_one_piece_of_evidence() -> None:
    """Eight gains improve; where they all come from one customer of five, they don't."""
    old, new = passes(10, of=20), passes(18, of=20)
    groups = {
        f"e{number}": "one" if 10 <= number < 18 else f"c{number % 4}" for number in range(20)
    }
    grouped = compared(old, new, groups=groups)
    assert compared(old, new).verdict is Verdict.IMPROVED
    assert grouped.verdict is Verdict.INCONCLUSIVE
    assert grouped.warning == "only 5 groups: the interval is approximate"


def test_twenty_groups_come_without_a_warning() -> None:
    """From 20 groups on, the clustered interval is trusted."""
    old, new = passes(20, of=40), passes(36, of=40)
    groups = {f"e{number}": f"g{number // 2}" for number in range(40)}
    comparison = compared(old, new, groups=groups)
    assert comparison.warning == ""
    assert comparison.verdict is Verdict.IMPROVED


def test_an_example_without_a_group_is_its_own() -> None:
    """Where only some examples name a group, the others stand for themselves."""
    old, new = passes(10, of=20), passes(18, of=20)
    assert (
        compared(old, new, groups={"e0": "c", "e1": "c"}).warning
        == "only 19 groups: the interval is approximate"
    )


def test_a_single_group_is_told_as_one() -> None:
    """Its interval is that of nothing known."""
    old, new = passes(10, of=20), passes(18, of=20)
    one = compared(old, new, groups=dict.fromkeys(old, "c"))
    assert one.warning == "only 1 group: the interval is approximate"


def test_scores_equal_on_paper_are_ties() -> None:
    """A third, as twelve digits in a file and as computed today, is no loss and no gain."""
    old = scores(*[0.666666666667] * 20)
    new = scores(*[2 / 3] * 20)
    comparison = compared(old, new)
    assert comparison.test == "no difference"
    assert comparison.difference == 0.0
    assert compared(old, new, unchanged=True).verdict is Verdict.HOLDS
