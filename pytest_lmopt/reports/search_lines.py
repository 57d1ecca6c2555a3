"""What the terminal says of a search besides its candidates: headroom, trade-offs, the decision."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_lmopt.reports.suite_report import SearchReport
from pytest_lmopt.reports.wording import mean_text, p_text

SHOWN = 6
"""Efficient candidates shown at most."""


def detectable_line(search: SearchReport) -> str:
    """What this holdout can show, if nothing is known but its size."""
    use = f"use {search.holdout_use}" if search.confirmation else "no use"
    return (
        f"{use} of this holdout: {search.holdout} examples can show a "
        f"difference of about {search.detectable:.2f} at p < {p_text(search.alpha)} (80 % power)"
    )


def efficient_lines(search: SearchReport) -> Iterator[str]:
    """The candidates than which none is better without costing more, with the incumbent."""
    efficient = [trial for trial in search.trials if trial.efficient][:SHOWN]
    if search.incumbent is None or not efficient:
        return
    yield "efficient candidates, and the incumbent (dev score, tokens and seconds per call):"
    for trial in sorted([search.incumbent, *efficient], key=lambda each: -(each.score or 0.0)):
        yield (
            f"  {trial.name:<16} {mean_text(trial.score)} on {trial.n}, {trial.tokens:.0f} "
            f"tokens, {trial.seconds:.2f} s"
        )


def change_lines(search: SearchReport) -> Iterator[str]:
    """What the winner changes, and what that brought in the race without the rest of it."""
    if not search.gains:
        yield from search.changes
        return
    whole = len(search.gains) == 1
    for gain in search.gains:
        told = "not tried alone"
        if None not in (gain.difference, gain.low, gain.high):
            found = f"{gain.difference:+.3f} [{gain.low:+.2f}, {gain.high:+.2f}]"
            alone = "alone" if len(gain.changes) == 1 else "these alone"
            told = f"{alone}: {found} on {gain.n} dev examples"
        if whole:
            told = "nothing else, so all of the gain is its"
        yield f"{', '.join(gain.changes)}; {told}"


def decision_lines(search: SearchReport, *, accepting: bool, command: str) -> Iterator[str]:
    """Whether the winner is adopted, on what grounds, and the command that accepts it."""
    found = search.confirmation
    if found is None:
        return
    if not search.accepted:
        yield (
            f"not accepted: use {search.holdout_use} of this holdout asks for improved with "
            f"p < {p_text(found.alpha, found.p_value)}; the prompts stay as they are"
        )
        return
    grounds = "better on holdout"
    if search.basis == "shorter":
        old, new = search.tokens
        grounds = f"not worse by more than the margin, at {new:.0f} tokens per run for {old:.0f}"
    if search.basis == "unproven":
        grounds = "unproven, taken all the same (lm_accept: best)"
        yield (
            f"better by {found.difference:+.3f} on these {found.n} examples, which proves nothing: "
            f"in truth it may be up to {max(0.0, -found.low):.3f} worse (95 % interval), and of "
            "prompts no better than the incumbent every other one would be taken so"
        )
    if search.outdone_by:
        yield f"{grounds}; but what {search.outdone_by} found is taken, see below"
    elif search.withheld:
        yield f"{grounds}, not written: {search.withheld}"
    elif accepting:
        yield f"{grounds}: accepted, with the winner's scores as the new baseline"
    else:
        yield f"{grounds}; to accept it: {command}"
