"""How far suites have come, on one line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_lmopt.blocks.progress import Progress, Running, Spending
from pytest_lmopt.reports.text import columns, cut, duration, printable

SLOW_SECONDS = 60.0
"""A run that takes as long is named: it may never end."""
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
        name = f"…{cut(name[::-1], room - 1)[::-1]}"
    line = f"{name} {rest}"
    return line if columns(line) <= width else f"{cut(line, width - 1)}…"


def _flat(text: str) -> str:
    return printable(text).replace("\n", " ")


def _parts(progress: Progress, now: float) -> Iterator[str]:
    yield f"{progress.phase or 'begins'}{f' {progress.done}/{progress.of}' if progress.of else ''}"
    longest = progress.longest
    if longest is not None and now - longest.began >= SLOW_SECONDS:
        yield f"example {_flat(longest.example)} has been running for {_since(longest, now)}"
    best = progress.best
    if best is not None and best.gain:
        yield f"best {_flat(best.name)} {best.value:+.3f} [{best.low:+.2f}, {best.high:+.2f}]"
    elif best is not None:
        yield f"{best.name} {best.value:.3f} [{best.low:.2f}, {best.high:.2f}]"
    yield from map(_spending, progress.spending)
    yield duration(now - progress.began)
    if 0 < progress.done < progress.of:
        rest = (progress.of - progress.done) / progress.done
        left = rest * (progress.done_at - progress.phase_began) - (now - progress.done_at)
        if left <= 0.0:  # the runs under way take longer than those before
            left = rest * (now - progress.phase_began)
        yield f"about {duration(left)} left"


def _since(run: Running, now: float) -> str:
    return f"{now - run.began:.0f} s" if now - run.began < 120.0 else duration(now - run.began)


def _spending(spending: Spending) -> str:
    kind, spent, limit = spending
    if kind == "usd":
        return f"${spent:.4f}" + (f"/${limit:g}" if limit is not None else "")
    unit = "s" if kind == "seconds" else kind
    return f"{spent:,.0f}" + (f"/{limit:,.0f}" if limit is not None else "") + f" {unit}"
