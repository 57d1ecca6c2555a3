"""The figures of the documents: what the functions in ``pytest_lmopt.stats`` do, computed.

For 0/1 scores all that matters of n pairs is how many were gained and lost, so each rate is a sum
over those two counts, weighed by their multinomial probability: no simulation, no seed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pytest_lmopt.stats.intervals import t_interval
from pytest_lmopt.stats.mcnemar import exact_p, mid_p, tango_interval
from pytest_lmopt.stats.power import minimum_detectable_effect

SIZES = (10, 15, 20, 30, 40, 60, 80, 120, 160, 200)
NEGLIGIBLE = 1e-5
"""Pairs of counts less likely than this are left out."""

COLOURS = ("#1a5fb4", "#c64600", "#26734d")
STYLES = ("-", "--", "-.")


def counts(n: int, gained: float, lost: float) -> Iterator[tuple[int, int, float]]:
    """(gained, lost, probability) of n independent pairs, each gained or lost so often."""
    rest = 1.0 - gained - lost
    for up in range(n + 1):
        for down in range(n + 1 - up):
            same = n - up - down
            log = math.lgamma(n + 1) - sum(math.lgamma(k + 1) for k in (up, down, same))
            log += up * math.log(gained) + down * math.log(lost) + same * math.log(rest)
            if log > math.log(NEGLIGIBLE):
                yield up, down, math.exp(log)


def rate(n: int, gained: float, lost: float, event: Callable[[int, int], bool]) -> float:
    """How often an event of the counts occurs."""
    seen = list(counts(n, gained, lost))
    return sum(p for up, down, p in seen if event(up, down)) / sum(p for *_, p in seen)


@cache
def tango(up: int, down: int, n: int) -> tuple[float, float]:
    """Tango's interval."""
    return tango_interval(up, down, n)


@cache
def plain_t(up: int, down: int, n: int) -> tuple[float, float]:
    """The t-interval of the same pairs."""
    return t_interval([1.0] * up + [-1.0] * down + [0.0] * (n - up - down))


def coverage(into: Path) -> None:
    """How often the 95 % interval holds the true difference."""
    gained, lost = 0.08, 0.03

    def covered(n: int, interval: Callable[[int, int, int], tuple[float, float]]) -> float:
        def holds(up: int, down: int) -> bool:
            low, high = interval(up, down, n)
            return low <= gained - lost <= high

        return rate(n, gained, lost, holds)

    lines = {
        "Tango's score interval (used)": [covered(n, tango) for n in SIZES],
        "t-interval": [covered(n, plain_t) for n in SIZES],
    }
    _draw(into / "coverage.svg", lines, "intervals that hold the truth", level=0.95)


def false_alarms(into: Path) -> None:
    """How often equal prompts look different, where a tenth of the answers change by chance."""
    rules: dict[str, Callable[[int, int], bool]] = {
        '"the score fell"': lambda up, down: down > up,
        "mid-p McNemar (used)": lambda up, down: mid_p(up, down) < 0.05,
        "exact McNemar": lambda up, down: exact_p(up, down) < 0.05,
    }
    lines = {name: [rate(n, 0.05, 0.05, rule) for n in SIZES] for name, rule in rules.items()}
    _draw(into / "false_alarms.svg", lines, "alarms though nothing changed", level=0.05)


def detectable(into: Path) -> None:
    """The smallest difference found with 80 % power."""
    lines = {
        f"{share:.0%} of the answers change": [
            minimum_detectable_effect(math.sqrt(share), n) for n in SIZES
        ]
        for share in (0.4, 0.2, 0.1)
    }
    _draw(into / "detectable.svg", lines, "smallest difference shown")


def draw_all(into: Path) -> None:
    """Write every figure to a folder."""
    into.mkdir(parents=True, exist_ok=True)
    for figure in (coverage, false_alarms, detectable):
        figure(into)


def _draw(
    path: Path, lines: Mapping[str, Sequence[float]], what: str, *, level: float | None = None
) -> None:
    import matplotlib as mpl

    mpl.use("svg")
    # the same bytes each time, and text as text
    mpl.rcParams.update({"svg.hashsalt": "pytest-lmopt", "svg.fonttype": "none", "font.size": 11})
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
    drawn: Any = axes
    for (name, values), colour, style in zip(lines.items(), COLOURS, STYLES, strict=False):
        drawn.plot(SIZES, values, style, color=colour, label=name, marker="o", markersize=4)
    if level is not None:
        drawn.axhline(level, color="#666666", linewidth=1, linestyle=":")
    drawn.set_xlabel("examples")
    drawn.set_ylabel(what)
    drawn.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    drawn.grid(alpha=0.3)
    drawn.legend(frameon=False)
    figure.savefig(path, metadata={"Date": None}, facecolor="white")
    plt.close(figure)


if __name__ == "__main__":
    draw_all(Path(__file__).parent / "explanation" / "figures")
