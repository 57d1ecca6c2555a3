"""Forest plots of suites: what changed, and where each stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from pytest_lmopt.comparison.digits import as_score, limit_text, spelled_apart
from pytest_lmopt.comparison.gate import is_under
from pytest_lmopt.comparison.verdict import Comparison, Verdict
from pytest_lmopt.reports.html.drawing import (
    ACCENT,
    BAD,
    FAINT,
    GOOD,
    INK,
    LINE,
    Plot,
    plot,
)
from pytest_lmopt.reports.suite_report import SuiteReport
from pytest_lmopt.safe_text import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROW = 0.46
"""Inches."""
_REST = 0.62
_LONGEST_NAME = 44
_MARKS = {Verdict.IMPROVED: ("^", GOOD), Verdict.REGRESSED: ("v", BAD)}


def change_plot(suites: Sequence[SuiteReport]) -> Plot | None:
    """Each suite's change against its baseline; None where none was compared."""
    compared = [(suite, suite.comparison) for suite in suites if suite.comparison is not None]
    if not compared:
        return None

    def draw(axes: Axes) -> dict[str, str]:
        hints = {}
        axes.axvline(0.0, color=INK, linewidth=1)
        for place, (suite, found) in enumerate(reversed(compared)):
            mark, colour = _MARKS.get(found.verdict, ("o", INK))
            if suite.baseline != "compared":
                mark, colour = "o", FAINT
            axes.plot([found.low, found.high], [place, place], color=colour, linewidth=2)
            axes.plot(found.difference, place, mark, color=colour, markersize=7, gid=f"s{place}")
            if suite.margin:
                axes.plot(
                    [-suite.margin, -suite.margin], [place - 0.25, place + 0.25],
                    color=BAD, linewidth=1.5, linestyle=(0, (2, 1.5)),
                )  # fmt: skip
            _label(axes, place, suite.suite, f"{found.difference:+.3f} {_verdict(suite, found)}")
            hints[f"s{place}"] = _sentence(suite, found)
        low = min(min(found.low, -suite.margin) for suite, found in compared)
        high = max(found.high for _, found in compared)
        _frame(axes, len(compared), low=min(low, 0.0), high=max(high, 0.0))
        axes.set_xlabel("change of the mean score against the baseline")
        return hints

    return _forest(
        draw,
        len(compared),
        name="change",
        title="Change of each suite against its baseline",
        description=". ".join(_sentence(suite, found) for suite, found in compared),
        caption="Points: mean paired difference (▲ improved, ▼ regressed, ● neither). Bars: 95 % "
        "interval. Solid line: no change. Dashed: the largest harmless loss (margin).",
    )


def score_plot(suites: Sequence[SuiteReport]) -> Plot | None:
    """Each suite's score with its threshold; None where nothing was scored."""
    scored = [suite for suite in suites if suite.score is not None]
    if not scored:
        return None

    def draw(axes: Axes) -> dict[str, str]:
        hints = {}
        for place, suite in enumerate(reversed(scored)):
            low, high = suite.low or 0.0, suite.high or 0.0
            under = is_under(suite.score or 0.0, suite.threshold)
            colour = BAD if under else ACCENT
            axes.plot([low, high], [place, place], color=colour, linewidth=2)
            axes.plot(suite.score or 0.0, place, "o", color=colour, markersize=7, gid=f"s{place}")
            if suite.comparison is not None:
                axes.plot(
                    suite.comparison.old_mean, place, "D", markerfacecolor="none",
                    markeredgecolor=INK, markersize=6,
                )  # fmt: skip
            if suite.threshold is not None:
                axes.plot(
                    [suite.threshold, suite.threshold], [place - 0.25, place + 0.25],
                    color=BAD, linewidth=1.5, linestyle=(0, (2, 1.5)),
                )  # fmt: skip
            _label(axes, place, suite.suite, f"{_score(suite)}{' under threshold' * under}")
            hints[f"s{place}"] = _standing(suite)
        _frame(axes, len(scored), low=0.0, high=1.0)
        axes.set_xlabel("mean score")
        return hints

    return _forest(
        draw,
        len(scored),
        name="score",
        title="Score of each suite",
        description=". ".join(map(_standing, scored)),
        caption="Points: mean score. Bars: 95 % interval. Diamonds: the baseline on the shared "
        "examples. Dashed: threshold.",
    )


def _forest(
    draw: Callable[[Axes], Mapping[str, str]],
    rows: int,
    *,
    name: str,
    title: str,
    description: str,
    caption: str,
) -> Plot:
    return plot(
        draw,
        name=name,
        height=_REST + _ROW * rows,
        title=title,
        description=description,
        caption=caption,
    )


def _frame(axes: Axes, rows: int, *, low: float, high: float) -> None:
    room = max(0.05 * (high - low), 0.02)
    axes.set_xlim(low - room, high + room)
    axes.set_ylim(-0.5, rows - 0.15)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)


def _label(axes: Axes, place: int, name: str, found: str) -> None:
    """The suite's name above its row: beside it there is no room on a narrow screen."""
    shown = printable(name)
    if len(shown) > _LONGEST_NAME:
        shown = f"…{shown[1 - _LONGEST_NAME :]}"
    across = axes.get_yaxis_transform()
    axes.text(0.0, place + 0.36, shown, transform=across, fontsize=9)
    axes.text(1.0, place + 0.36, found, transform=across, fontsize=9, ha="right", color=FAINT)


def _verdict(suite: SuiteReport, found: Comparison) -> str:
    return str(found.verdict) if suite.baseline == "compared" else "not judged"


def _sentence(suite: SuiteReport, found: Comparison) -> str:
    return (
        f"{suite.suite}: {found.difference:+.3f}, 95 % interval {found.low:+.3f} to "
        f"{found.high:+.3f}, {_verdict(suite, found)}"
    )


def _score(suite: SuiteReport) -> str:
    limits = () if suite.threshold is None else (suite.threshold,)
    return spelled_apart(suite.score or 0.0, *limits, spell=as_score)


def _standing(suite: SuiteReport) -> str:
    limit, score = suite.threshold, suite.score or 0.0
    threshold = "" if limit is None else f", threshold {limit_text(limit, score)}"
    return (
        f"{suite.suite}: {_score(suite)}, 95 % interval {suite.low:.3f} to "
        f"{suite.high:.3f}{threshold}"
    )
