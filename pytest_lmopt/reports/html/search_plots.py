"""What a search tried: gain against cost, and what each score costs per call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytest_lmopt.reports.html.drawing import ACCENT, FAINT, GOOD, INK, LINE, Plot, plot
from pytest_lmopt.reports.suite_report import SearchReport, TrialReport
from pytest_lmopt.reports.wording import mean_text
from pytest_lmopt.safe_text import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_HEIGHT = 2.7
_LONGEST_NAME = 24


def gain_plot(search: SearchReport, name: str) -> Plot | None:
    """Each candidate's gain on dev by the calls spent until then; None where none was raced."""
    trials = sorted(search.trials, key=lambda trial: trial.calls)
    if not trials:
        return None

    def draw(axes: Axes) -> dict[str, str]:
        axes.axhline(0.0, color=INK, linewidth=1)
        best, steps = 0.0, [(0, 0.0)]
        for trial in trials:
            best = max(best, trial.difference)
            steps.append((trial.calls, best))
        axes.step(*zip(*steps, strict=True), where="post", color=LINE, linewidth=2, zorder=1)
        hints = {}
        for place, trial in enumerate(trials):
            won = trial.name == search.winner
            colour = (GOOD if search.accepted else ACCENT) if won else FAINT
            axes.plot([trial.calls] * 2, [trial.low, trial.high], color=colour, linewidth=1.2)
            axes.plot(
                trial.calls, trial.difference, "*" if won else "o", color=colour,
                markersize=12 if won else 5, gid=f"t{place}",
            )  # fmt: skip
            hints[f"t{place}"] = _gain(trial)
            if won:
                _name(axes, trial, trial.calls, trial.difference, most=trials[-1].calls)
        axes.set_xlim(left=0)
        _frame(axes)
        axes.set_xlabel("calls spent by the search")
        axes.set_ylabel("gain over the incumbent")
        return hints

    passed = "which passed on holdout" if search.accepted else "which did not pass on holdout"
    ending = f"; the winner is {search.winner}, {passed}" if search.winner else ""
    return plot(
        draw,
        name=name,
        height=_HEIGHT,
        title="Gain on dev against calls spent",
        description=". ".join(map(_gain, trials)) + ending,
        caption="A point for each candidate, with its 95 % interval, where the search had spent "
        "so many calls; the line is the best so far. Star: the winner"
        + (f", {passed}." if search.winner else "."),
    )


def trade_off_plot(search: SearchReport, name: str) -> Plot | None:
    """Score on dev by tokens per call; None where none was raced and scored."""
    scores = {trial: trial.score for trial in search.trials if trial.score is not None}
    trials = list(scores)
    if not trials:
        return None

    def draw(axes: Axes) -> dict[str, str]:
        front = sorted((t for t in trials if t.efficient), key=lambda trial: trial.tokens)
        axes.plot(
            [trial.tokens for trial in front], [scores[trial] for trial in front],
            color=LINE, linewidth=1.5,
        )  # fmt: skip
        hints = {}
        dearest = max(trial.tokens for trial in trials)
        largest = max(trial.size for trial in trials) or 1
        for place, trial in enumerate(trials):
            won = trial.name == search.winner
            colour = ACCENT if trial.efficient else FAINT
            axes.plot(
                trial.tokens, scores[trial], "*" if won else "o", gid=f"t{place}",
                markersize=(8 if won else 4) + 6 * (trial.size / largest) ** 0.5,
                markerfacecolor=colour if trial.efficient else "none", markeredgecolor=colour,
            )  # fmt: skip
            hints[f"t{place}"] = _costs(trial)
            if won:
                _name(axes, trial, trial.tokens, scores[trial], most=dearest)
        _frame(axes)
        axes.set_xlabel("tokens per call")
        axes.set_ylabel("score on dev")
        return hints

    return plot(
        draw,
        name=name,
        height=_HEIGHT,
        title="Score on dev against tokens per call",
        description=". ".join(map(_costs, trials)),
        caption="Filled: no other candidate is better in score, tokens and seconds at once. The "
        "larger a point, the longer its prompts. Star: the winner.",
    )


def reliability_plot(passed: Sequence[int], k: int, name: str) -> Plot:
    """How many examples passed how many of their ``k`` runs."""
    counts = [sum(each == number for each in passed) for number in range(k + 1)]

    def draw(axes: Axes) -> dict[str, str]:
        bars = axes.bar(range(k + 1), counts, color=ACCENT, width=0.7)
        axes.bar_label(bars, color=INK, padding=2)
        axes.set_xticks(range(k + 1) if k <= 12 else range(0, k + 1, k // 6))
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(f"runs of {k} that score 1")
        axes.set_ylabel("examples")
        return {}

    told = (f"{count} examples passed {number} of {k}" for number, count in enumerate(counts))
    return plot(
        draw,
        name=name,
        height=2.1,
        title="Reliability of repeated runs",
        description=", ".join(told),
        caption="Examples between the ends are those that pass by chance.",
    )


def _frame(axes: Axes) -> None:
    axes.grid(axis="y", color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.margins(x=0.08, y=0.12)


def _name(axes: Axes, trial: TrialReport, x: float, y: float, *, most: float) -> None:
    """Name a point, on the side where there is room."""
    left = x > most / 2
    axes.annotate(
        printable(trial.name)[:_LONGEST_NAME],
        (x, y),
        xytext=(-8 if left else 8, 5),
        textcoords="offset points",
        ha="right" if left else "left",
        color=INK,
    )


def _gain(trial: TrialReport) -> str:
    return (
        f"{trial.name}: {trial.difference:+.3f} [{trial.low:+.3f}, {trial.high:+.3f}] on "
        f"{trial.n} dev examples, after {trial.calls} calls"
    )


def _costs(trial: TrialReport) -> str:
    return (
        f"{trial.name}: score {mean_text(trial.score)}, {trial.tokens:.0f} tokens and "
        f"{trial.seconds:.2f} s per call, prompts of {trial.size} characters"
    )
