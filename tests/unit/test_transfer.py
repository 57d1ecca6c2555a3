"""What prompts found on one model do on others, told in a table."""

from __future__ import annotations

from pytest_lmopt.reports.transfer import Transfer, Tried, best_of, transfer_lines


def transfer(found_on: str, **tried: float | None) -> Transfer:
    """A winner and its differences by suite; it does not hold where it lost or was not tried."""
    return Transfer(
        found_on=found_on,
        files=("p.yaml",),
        tried=tuple(
            Tried(
                suite=suite,
                difference=difference,
                told="not tried" if difference is None else "as told",
                holds=difference is not None and difference >= 0.0,
            )
            for suite, difference in tried.items()
        ),
    )


def test_the_one_that_holds_everywhere_with_the_largest_mean_gain_is_best() -> None:
    """A larger gain does not make up for a loss on one of them; the first of equals wins."""
    uneven = transfer("a", a=0.9, b=-0.1)
    small, large = transfer("b", a=0.1, b=0.1), transfer("c", a=0.0, b=0.3)
    assert best_of([uneven, small, large]) is large
    assert best_of([small, transfer("d", a=0.1, b=0.1)]) is small
    assert best_of([uneven]) is None


def test_what_was_not_tried_does_not_hold() -> None:
    """And has no difference to show."""
    unknown = transfer("a", a=0.2, b=None)
    assert best_of([unknown]) is None
    lines = list(transfer_lines([unknown], accepting=True))
    assert lines == [
        "prompt found on a (p.yaml):",
        "  +0.200  a: as told",
        "          b: not tried",
        "none of them holds on every model, so none can be written for all",
    ]


def test_each_test_has_a_best_of_its_own() -> None:
    """Two parametrised tests are settled one by one."""
    lines = list(
        transfer_lines([transfer("a", a=0.1, b=0.1), transfer("x", x=0.2, y=0.2)], accepting=False)
    )
    assert [line for line in lines if "everywhere" in line] == [
        "what a found holds everywhere, with a mean gain of +0.100: it would be written by "
        "--lm-snapshot-update",
        "what x found holds everywhere, with a mean gain of +0.200: it would be written by "
        "--lm-snapshot-update",
    ]
