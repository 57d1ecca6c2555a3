"""Lines on what a suite opened past the interception, the same in every report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_lmopt.lm.net.openings import Opening
from pytest_lmopt.reports.suite_report import SuiteReport

MOST_NAMED = 5


def opening_lines(report: SuiteReport) -> Iterator[str]:
    """A line for each kind of opening; connections whose calls were not seen come first."""
    if report.intercept_off:
        yield (
            f"INTERCEPTION IS OFF for {report.intercept_off} (lm_intercept, or intercept= in "
            "lm_suite): calls there are "
            "neither counted nor recorded"
        )
    yield from lines_of(report.openings)


def lines_of(found: Sequence[Opening]) -> Iterator[str]:
    """A line for each kind of opening."""
    named = [each for each in found if each.kind == "name"]
    for kind, said in (
        ("", ". Their calls are neither counted nor recorded"),
        ("refused", ", refused"),
        ("off", ", where interception is off"),
        ("no models", ", known to serve no models"),
    ):
        chosen = [each for each in named if each.harmless == kind]
        if chosen:
            yield f"{_connections(chosen)} past the plugin, to {_targets(chosen)}{said}"
    addresses = [each for each in found if each.kind == "address"]
    if addresses:
        refused = sum(each.times for each in addresses if each.harmless == "refused")
        yield (
            f"{_connections(addresses)} to addresses without a name: {_targets(addresses)}"
            + (f"; {refused:,} of them refused" if refused else "")
        )
    started = [each for each in found if each.kind == "process"]
    if started:
        yield f"started a process: {_targets(started)}. Calls of child processes are not seen"
    loaded = [each.target for each in found if each.kind == "library"]
    if loaded:
        yield f"{', '.join(loaded)} loaded: connections of such libraries are not seen"


def _connections(openings: Sequence[Opening]) -> str:
    times = sum(each.times for each in openings)
    return f"{times:,} connection{'' if times == 1 else 's'}"


def _targets(openings: Sequence[Opening]) -> str:
    names = ", ".join(
        each.target + (f" ({each.times:,} times)" if each.times > 1 and len(openings) > 1 else "")
        for each in openings[:MOST_NAMED]
    )
    more = f" and {len(openings) - MOST_NAMED:,} more" if len(openings) > MOST_NAMED else ""
    first = openings[0].example
    return f"{names}{more} (first in {f'example {first}' if first else 'a fixture'})"
