"""The gate's modes: what fails, and with which words."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from pytest_lmopt.comparison.gate import GateMode, gate_failure
from pytest_lmopt.comparison.verdict import Comparison, Verdict, compare
from pytest_lmopt.reports.wording import p_text

MODES: list[GateMode] = ["regression", "noninferior", "off"]


def comparison(passed_before: int, passed_now: int, *, of: int = 20) -> Comparison:
    """Two evaluations of which the first so many examples pass."""

    def scores(passed: int) -> dict[str, float]:
        return {str(number): float(number < passed) for number in range(of)}

    compared = compare(scores(passed_before), scores(passed_now))
    assert compared is not None
    return compared


REGRESSED = comparison(18, 10)
INCONCLUSIVE = comparison(18, 17)
IMPROVED = comparison(10, 18)
TOO_FEW = comparison(3, 1, of=5)


def gate(
    score: float, compared: Comparison | None, mode: GateMode, *, threshold: float | None = None
) -> str | None:
    """The gate's answer without a margin."""
    return gate_failure(score, compared, threshold=threshold, margin=0.0, mode=mode)


def test_the_examples_are_what_their_names_say() -> None:
    """The comparisons used here have the verdicts they are named for."""
    assert REGRESSED.verdict is Verdict.REGRESSED
    assert INCONCLUSIVE.verdict is Verdict.INCONCLUSIVE
    assert IMPROVED.verdict is Verdict.IMPROVED
    assert TOO_FEW.verdict is Verdict.INSUFFICIENT


@pytest.mark.parametrize("mode", ["regression", "noninferior"])
def test_a_regression_fails_with_its_numbers(mode: GateMode) -> None:
    """The message has both means, n, the difference with its interval, and p."""
    message = gate(0.5, REGRESSED, mode)
    assert message is not None
    assert message.startswith(
        "regressed against the baseline: 0.900 → 0.500 on 20 examples, difference -0.400 [-0."
    )
    assert message.endswith("p = 0.0039")


def test_only_a_regression_fails_the_regression_gate() -> None:
    """What is inconclusive, improved or too little to judge passes by default."""
    for compared in (INCONCLUSIVE, IMPROVED, TOO_FEW, None):
        assert gate(0.5, compared, "regression") is None


@pytest.mark.parametrize("compared", [INCONCLUSIVE, TOO_FEW])
def test_noninferior_fails_what_is_not_shown(compared: Comparison) -> None:
    """Absence of proof fails, and the message names margin and verdict."""
    message = gate_failure(0.5, compared, threshold=None, margin=0.02, mode="noninferior")
    assert message is not None
    assert message.startswith(
        f"not shown to be within the margin 0.02 of the baseline ({compared.verdict}): "
    )


def test_noninferior_passes_what_improved_or_holds() -> None:
    """Improved passes; so does what holds."""
    same = {str(number): 1.0 for number in range(5)}
    holds = compare(same, same, unchanged=True)
    assert gate(0.9, IMPROVED, "noninferior") is None
    assert gate(0.9, holds, "noninferior") is None


@pytest.mark.parametrize("mode", MODES)
def test_without_a_baseline_nothing_is_compared(mode: GateMode) -> None:
    """A first run passes."""
    assert gate(0.1, None, mode) is None


@pytest.mark.parametrize("mode", ["regression", "noninferior"])
def test_a_score_under_the_threshold_fails(mode: GateMode) -> None:
    """The threshold is checked before the baseline; reaching it is enough."""
    assert gate(0.69, IMPROVED, mode, threshold=0.7) == "score 0.690 is under the threshold 0.7"
    assert gate(0.7, IMPROVED, mode, threshold=0.7) is None


@pytest.mark.parametrize(
    ("score", "threshold", "message"),
    [
        (4_999 / 5_000, 1.0, "score 0.9998 is under the threshold 1"),
        (0.69996, 0.7, "score 0.69996 is under the threshold 0.7"),
        (0.5, 0.7, "score 0.500 is under the threshold 0.7"),
        (0.123446, 0.12345, "score 0.1234 is under the threshold 0.12345"),
        (0.99999, 0.99999999, "score 0.99999 is under the threshold 1.00000"),
        (1 / 3, 0.3333334, "score 0.3333333 is under the threshold 0.3333334"),
    ],
)
def test_a_score_is_shown_with_enough_digits_beside_its_threshold(
    score: float, threshold: float, message: str
) -> None:
    """Three if they suffice."""
    assert gate(score, None, "regression", threshold=threshold) == message


def test_a_comparison_is_shown_with_the_digits_that_decided_it() -> None:
    """Means apart from each other, the interval from 0 and the margin, p from its level."""
    close = replace(
        INCONCLUSIVE, old_mean=1.0, new_mean=0.9998, difference=-0.0002, low=-0.02004,
        high=0.0003, p_value=0.0502, alpha=0.05,
    )  # fmt: skip
    message = gate_failure(0.9998, close, threshold=None, margin=0.02, mode="noninferior")
    assert message == (
        "not shown to be within the margin 0.02 of the baseline (inconclusive): 1.0000 → 0.9998 "
        "on 20 examples, difference -0.0002 [-0.02004, +0.0003], p = 0.0502"
    )
    assert p_text(0.049996, 0.05) == "0.049996"
    assert p_text(0.05, 0.049996) == "0.050000"
    assert p_text(0.0000411, 0.0000412) == "4.11e-05"
    assert p_text(0.05, 0.05) == "0.0500"


def test_the_noise_of_floats_is_under_no_threshold() -> None:
    """A sum that means 1 reaches 1; what is really less does not."""
    assert gate(0.7 + 0.2 + 0.1, None, "regression", threshold=1.0) is None
    assert gate(1 / 3, None, "regression", threshold=0.33333333333334) is None
    assert gate(0.99999, None, "regression", threshold=1.0) is not None


def test_off_lets_everything_pass_but_nothing() -> None:
    """Neither regression nor threshold fails when off, but a suite without a score does."""
    assert gate(0.1, REGRESSED, "off", threshold=0.9) is None
    assert gate(math.nan, None, "off") == "no example was scored"


@pytest.mark.parametrize("mode", MODES)
def test_nothing_scored_is_never_green(mode: GateMode) -> None:
    """A suite of which no example was scored fails in every mode."""
    assert gate(math.nan, REGRESSED, mode, threshold=0.5) == "no example was scored"
