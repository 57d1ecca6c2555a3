"""Transfer: what the prompts found on one model do on the others of a parametrised test."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pytest_lmopt.reports.text import one_line

LONGEST_REASON = 120


@dataclass(frozen=True, kw_only=True)
class Tried:
    """A winner on one suite: its mean paired difference to the prompts as they stand.

    ``difference`` is None where it could not be tried; ``told`` is the verdict, or why not. On the
    suite it was found on the difference is that on holdout, elsewhere on dev and holdout, which the
    search there did not see.
    """

    suite: str
    difference: float | None
    told: str
    holds: bool


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """The winner ``found_on`` one suite, which rewrites prompt ``files``, on all its siblings."""

    found_on: str
    files: tuple[str, ...]
    tried: tuple[Tried, ...]

    @property
    def holds(self) -> bool:
        """Whether it passes the gate of every suite."""
        return all(each.holds for each in self.tried)

    @property
    def gain(self) -> float:
        """Mean difference over the suites."""
        gains = math.fsum(each.difference or 0.0 for each in self.tried)
        return gains / max(1, len(self.tried))


def best_of(transfers: Sequence[Transfer]) -> Transfer | None:
    """The one that holds everywhere with the largest mean gain; the first of equals."""
    return max((each for each in transfers if each.holds), key=lambda one: one.gain, default=None)


def best_of_each(transfers: Sequence[Transfer]) -> list[Transfer]:
    """The best ones, of each parametrised test that has any."""
    return [best for family in _families(transfers) if (best := best_of(family)) is not None]


def transfer_lines(transfers: Sequence[Transfer], *, accepting: bool) -> Iterator[str]:
    """A small table for each winner, and which one is written."""
    for transfer in transfers:
        yield f"prompt found on {transfer.found_on} ({', '.join(transfer.files)}):"
        for each in transfer.tried:
            gain = "" if each.difference is None else f"{each.difference:+.3f}"
            yield f"  {gain:>6}  {each.suite}: {one_line(each.told, LONGEST_REASON)}"
    yield from settled_lines(transfers, accepting=accepting)


def settled_lines(transfers: Sequence[Transfer], *, accepting: bool) -> Iterator[str]:
    """Which winner is written, for each parametrised test."""
    for family in _families(transfers):
        best = best_of(family)
        if best is None:
            yield "none of them holds on every model, so none can be written for all"
        elif len(best.tried) > 1:
            says = "is written" if accepting else "would be written by --lm-snapshot-update"
            yield (
                f"what {best.found_on} found holds everywhere, with a mean gain of "
                f"{best.gain:+.3f}: it {says}"
            )


def _families(transfers: Sequence[Transfer]) -> Iterator[list[Transfer]]:
    suites = list(dict.fromkeys(frozenset(each.suite for each in one.tried) for one in transfers))
    for family in suites:
        yield [one for one in transfers if frozenset(each.suite for each in one.tried) == family]
