"""How far suites have come, on one line."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

from pytest_lmopt.blocks.progress import Progress, Spending
from pytest_lmopt.reports.text import printable

SHARE_OF_NAME = 0.4
"""Most of a narrow line that the suite's name may take: its end tells most."""


def progress_line(suites: Sequence[Progress], *, now: float, width: int) -> str:
    """The first suite's progress and how many others are under way, cut to ``width`` columns.

    ``now`` in Unix time; empty where no suite is under way.
    """
    if not suites:
        return ""
    first, more = suites[0], len(suites) - 1
    name = _flat(first.suite)
    rest = ", ".join([*_parts(first, now), *([f"and {more} more"] if more else [])])
    room = max(int(width * SHARE_OF_NAME), width - columns(rest) - 1)
    if columns(name) > room:
        name = f"…{_cut(name[::-1], room - 1)[::-1]}"
    line = f"{name} {rest}"
    return line if columns(line) <= width else f"{_cut(line, width - 1)}…"


def columns(text: str) -> int:
    """How many columns of a terminal a line takes."""
    return sum(map(_columns_of, text))


def _columns_of(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _cut(text: str, width: int) -> str:
    taken = 0
    for place, char in enumerate(text):
        taken += _columns_of(char)
        if taken > width:
            return text[:place]
    return text


def _flat(text: str) -> str:
    return printable(text).replace("\n", " ")


def _parts(progress: Progress, now: float) -> Iterator[str]:
    yield f"{progress.phase or 'begins'}{f' {progress.done}/{progress.of}' if progress.of else ''}"
    best = progress.best
    if best is not None and best.gain:
        yield f"best {_flat(best.name)} {best.value:+.3f} [{best.low:+.2f}, {best.high:+.2f}]"
    elif best is not None:
        yield f"{best.name} {best.value:.3f} [{best.low:.2f}, {best.high:.2f}]"
    yield from map(_spending, progress.spending)
    yield _seconds(now - progress.began)
    if 0 < progress.done < progress.of:
        each = (progress.done_at - progress.phase_began) / progress.done
        left = each * (progress.of - progress.done) - (now - progress.done_at)
        yield f"about {_seconds(left)} left"


def _spending(spending: Spending) -> str:
    kind, spent, limit = spending
    if kind == "usd":
        return f"${spent:.4f}" + (f"/${limit:g}" if limit is not None else "")
    unit = "s" if kind == "seconds" else kind
    return f"{spent:,.0f}" + (f"/{limit:,.0f}" if limit is not None else "") + f" {unit}"


def _seconds(seconds: float) -> str:
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
