"""The comparison, as Markdown: for every task each peer, and ours with that peer's calls."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, median, stdev

from parity.results import Result
from parity.tasks import TASKS

HEAD = (
    "task", "peer", "seeds", "incumbent", "theirs", "ours", "ours − theirs [95 %]", "calls",
    "ours, calls", "to 95 %: theirs", "ours", "false adoption: theirs", "ours",
    "optimism: theirs", "ours",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A peer's run, and ours with its calls."""

    theirs: Result
    ours: Result


def paired(results: Iterable[Result], method: str) -> dict[tuple[str, str], list[Pair]]:
    """Pairs of runs by task and peer, for one of our methods."""
    every = list(results)
    peers = {(r.task, r.method, r.seed): r for r in every if not r.against}
    pairs = defaultdict(list)
    for ours in every:
        theirs = peers.get((ours.task, ours.against, ours.seed))
        if ours.method == method and theirs is not None:
            pairs[ours.task, ours.against].append(Pair(theirs=theirs, ours=ours))
    return pairs


def table(results: Iterable[Result], method: str) -> str:
    """Markdown: a row for each task and peer, and below it what the rows come to."""
    pairs = paired(results, method)
    rows = [
        _row(task, peer, pairs[task, peer])
        for task in TASKS
        for peer in sorted({peer for _, peer in pairs})
        if (task, peer) in pairs
    ]
    if not rows:
        return f"No runs of {method!r} yet."
    lines = ["| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([f"#### {method}", "", *lines, "", summary(pairs)])


def summary(pairs: dict[tuple[str, str], list[Pair]]) -> str:
    """Wins and losses over tasks with headroom, and the rates over all."""
    won: list[str] = []
    lost: list[str] = []
    even: list[str] = []
    for (task, peer), runs in pairs.items():
        if TASKS[task].headroom:
            low, mean, high = interval([p.ours.true - p.theirs.true for p in runs])
            where = won if low > 0 else lost if high < 0 else even
            where.append(f"{task} against {peer} ({mean:+.3f})")
    every = [pair for runs in pairs.values() for pair in runs]
    over = max(pair.ours.calls - (pair.ours.budget or 0) for pair in every)
    ours = {id(pair.ours): pair.ours for pair in every}.values()
    theirs = {id(pair.theirs): pair.theirs for pair in every}.values()
    share = fmean(pair.ours.calls / pair.theirs.calls for pair in every)
    return (
        f"Tasks with headroom: above {len(won)}, undecided {len(even)}, below {len(lost)}. "
        f"Above: {'; '.join(won) or 'none'}. Below: {'; '.join(lost) or 'none'}. "
        f"False adoption over all tasks: ours {_share(ours)}, theirs {_share(theirs)}. "
        f"Calls over budget at most: {max(0, over)}. "
        f"Ours spent {share:.0%} of the peers' calls on average."
    )


def interval(differences: Sequence[float]) -> tuple[float, float, float]:
    """Lower end, mean and upper end of a 95 % interval (t by Cornish–Fisher, mean over seeds)."""
    mean, n = fmean(differences), len(differences)
    if n < 2:
        return -math.inf, mean, math.inf
    half = _t975(n - 1) * stdev(differences) / math.sqrt(n)
    return mean - half, mean, mean + half


def false_adoption(results: Iterable[Result]) -> tuple[int, int]:
    """How many runs adopted what is truly no better than the incumbent, and of how many."""
    every = list(results)
    return sum(r.adopted and r.true <= r.base + 1e-9 for r in every), len(every)


def reached(result: Result, target: float) -> int | None:
    """Calls until a prompt at least as good as ``target`` was first tried, if one was."""
    return next((calls for calls, true in result.best if true >= target - 1e-9), None)


def _row(task: str, peer: str, runs: Sequence[Pair]) -> list[str]:
    theirs, ours = [pair.theirs for pair in runs], [pair.ours for pair in runs]
    low, mean, high = interval([pair.ours.true - pair.theirs.true for pair in runs])
    return [
        task,
        peer,
        str(len(runs)),
        f"{fmean(r.base for r in ours):.3f}",
        f"{fmean(r.true for r in theirs):.3f}",
        f"{fmean(r.true for r in ours):.3f}",
        f"{mean:+.3f} [{low:+.3f}, {high:+.3f}]",
        f"{fmean(r.calls for r in theirs):,.0f}",
        f"{fmean(r.calls for r in ours):,.0f}",
        _to_best(runs, theirs=True),
        _to_best(runs, theirs=False),
        _share(theirs),
        _share(ours),
        f"{fmean(r.reported - r.true for r in theirs):+.3f}",
        f"{fmean(r.reported - r.true for r in ours):+.3f}",
    ]


def _to_best(runs: Sequence[Pair], *, theirs: bool) -> str:
    """Median calls until 95 % of the larger of both gains was first tried; (in how many runs)."""
    took, counted = [], 0
    for pair in runs:
        gain = max(pair.theirs.true, pair.ours.true) - pair.ours.base
        if gain <= 0:
            continue
        counted += 1
        result = pair.theirs if theirs else pair.ours
        calls = reached(result, result.base + 0.95 * gain)
        if calls is not None:
            took.append(calls)
    return f"{median(took):,.0f} ({len(took)}/{counted})" if took else f"– (0/{counted})"


def _share(results: Iterable[Result]) -> str:
    wrong, of = false_adoption(results)
    return f"{wrong}/{of}"


def _t975(df: int) -> float:
    """97.5 % quantile of Student's t (Cornish–Fisher; within 0.4 % from 4 degrees on)."""
    z = 1.959964
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return math.fsum(term / df**power for power, term in enumerate(terms))
