"""As many digits as distinguish a number from the one beside it, and no fewer than usual."""

from __future__ import annotations

from collections.abc import Callable

from pytest_lmopt.comparison.verdict import Comparison

Spelling = Callable[[float, int], str]
"""(number, how many more digits than usual) → text; numbers in order have texts in order."""

MOST_DIGITS = 15
"""More than that a float does not hold."""


def spelled_apart(value: float, *others: float, spell: Spelling) -> str:
    """Spell a number with as many digits as distinguish it from the others beside it.

    Spelled the same way, another number gets the same digits, so the order of both can be seen.
    """
    for more in range(MOST_DIGITS):
        text = spell(value, more)
        # as numbers: "-0.000" equals "+0.000"
        shown = [float(spell(other, more)) for other in others if other != value]
        if float(text) not in shown:
            return text
    return spell(value, MOST_DIGITS)


def as_score(value: float, more: int = 0) -> str:
    """Spell a score with three decimals or more."""
    return f"{value:.{3 + more}f}"


def as_change(value: float, more: int = 0) -> str:
    """Spell a difference of scores with its sign and three decimals or more."""
    return f"{value:+.{3 + more}f}"


def as_p_value(value: float, more: int = 0) -> str:
    """Spell a p-value, or its level, with four decimals or more; small ones in powers of ten."""
    return f"{value:.{4 + more}f}" if value >= 0.0001 else f"{value:.{1 + more}e}"


def as_short_p_value(value: float, more: int = 0) -> str:
    """Spell a p-value with two significant digits or more."""
    return f"{value:.{2 + more}g}"


def limit_text(limit: float, value: float) -> str:
    """Spell a threshold or margin as it was given, if need be with the digits that ``value`` needs.

    ``value`` is spelled by ``as_score`` or ``as_change``.
    """
    short = f"{limit:g}"
    return short if float(short) == limit else spelled_apart(limit, value, spell=as_score)


def means_text(old: float, new: float) -> str:
    """Spell two mean scores, apart from each other unless they are the same."""
    return f"{spelled_apart(old, new, spell=as_score)} → {spelled_apart(new, old, spell=as_score)}"


def change_text(comparison: Comparison, margin: float = 0.0) -> tuple[str, str, str]:
    """Spell the difference of a comparison and the ends of its interval, apart from the margin."""
    ends = (comparison.difference, comparison.low, comparison.high)
    difference, low, high = (spelled_apart(end, 0.0, -margin, spell=as_change) for end in ends)
    return difference, low, high
