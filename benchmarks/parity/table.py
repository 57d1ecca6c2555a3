"""The comparison, as Markdown: for every task each peer, and ours with that peer's calls."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median, stdev

from parity.ledger import LEDGER, TASK
from parity.results import Result
from parity.tasks import TASKS

EVERY = {**TASKS, LEDGER: TASK}

ACCEPTS = ("significant", "best")
"""Both ways in which ours may adopt what it found; a result for each."""

SCORES = (
    "task", "peer", "seeds", "incumbent", "theirs", "ours, significant", "− theirs [95 %]",
    "ours, best", "− theirs [95 %]", "calls: theirs", "ours",
)  # fmt: skip
RATES = (
    "task", "peer", "to 95 %: theirs", "ours", "false adoption: theirs", "significant", "best",
    "optimism: theirs", "significant", "best",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Match:
    """A peer's run, and ours with its calls, for each way of accepting."""

    theirs: Result
    ours: Mapping[str, Result]

    def lead(self, accept: str) -> float:
        """How much better is what ours adopted."""
        return self.ours[accept].true - self.theirs.true


Matches = Mapping[tuple[str, str], Sequence[Match]]
"""By task and peer."""


def name_of(strategy: str, accept: str) -> str:
    """Our method's name in the results."""
    return f"ours: {strategy}, {accept}"


def matched(results: Iterable[Result], strategy: str) -> Matches:
    """Every run of ours that has its peer's beside it, in the order of the tasks."""
    by_key = {result.key: result for result in results}
    matches: dict[tuple[str, str], list[Match]] = {}
    peers = [result for result in by_key.values() if not result.against]
    for theirs in sorted(peers, key=lambda r: (list(EVERY).index(r.task), r.method)):
        ours = {}
        for accept in ACCEPTS:
            key = (name_of(strategy, accept), theirs.task, theirs.seed, theirs.method)
            if key in by_key:
                ours[accept] = by_key[key]
        if len(ours) == len(ACCEPTS):
            matches.setdefault((theirs.task, theirs.method), []).append(
                Match(theirs=theirs, ours=ours)
            )
    return matches


def table(results: Iterable[Result], strategy: str) -> str:
    """Markdown: true scores, then rates, then what both come to."""
    matches = matched(results, strategy)
    if not matches:
        return f"No runs of {strategy!r} yet."
    scores = [_scores(task, peer, runs) for (task, peer), runs in matches.items()]
    rates = [_rates(task, peer, runs) for (task, peer), runs in matches.items()]
    parts = [_markdown(SCORES, scores), _markdown(RATES, rates)]
    return "\n\n".join([*parts, *(summary(matches, accept) for accept in ACCEPTS)])


def summary(matches: Matches, accept: str) -> str:
    """Wins and losses over tasks with headroom, and the rates over all."""
    places: dict[str, list[str]] = {"above": [], "undecided": [], "below": []}
    for (task, peer), runs in matches.items():
        if EVERY[task].headroom:
            low, mean, high = interval([match.lead(accept) for match in runs])
            place = "above" if low > 0 else "below" if high < 0 else "undecided"
            places[place].append(f"{task} against {peer} ({mean:+.3f})")
    every = [match for runs in matches.values() for match in runs]
    ours = [match.ours[accept] for match in every]
    theirs = [match.theirs for match in every]
    over = max(result.calls - (result.budget or 0) for result in ours)
    spent = fmean(match.ours[accept].calls / match.theirs.calls for match in every)
    counts = ", ".join(f"{place} {len(names)}" for place, names in places.items())
    return (
        f"*{accept}*: of {sum(map(len, places.values()))} comparisons with headroom, {counts}. "
        f"Above: {'; '.join(places['above']) or 'none'}. "
        f"Below: {'; '.join(places['below']) or 'none'}. "
        f"False adoption over all tasks: ours {_share(ours)}, "
        f"theirs {_share(theirs)}; truly worse than the incumbent in {_worse(ours)} and "
        f"{_worse(theirs)} of them. "
        f"Calls over budget at most: {max(0, over)}. "
        f"Ours spent {spent:.0%} of the peers' calls on average."
    )


def interval(differences: Sequence[float]) -> tuple[float, float, float]:
    """Lower end, mean and upper end of a 95 % t-interval; infinite for a single difference."""
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


def _scores(task: str, peer: str, runs: Sequence[Match]) -> list[str]:
    cells = [task, peer, str(len(runs)), _mean(match.theirs.base for match in runs)]
    cells.append(_mean(match.theirs.true for match in runs))
    for accept in ACCEPTS:
        low, mean, high = interval([match.lead(accept) for match in runs])
        cells.append(_mean(match.ours[accept].true for match in runs))
        cells.append(f"{mean:+.3f} [{low:+.3f}, {high:+.3f}]")
    cells.append(f"{fmean(match.theirs.calls for match in runs):,.0f}")
    cells.append(f"{fmean(match.ours['best'].calls for match in runs):,.0f}")
    return cells


def _rates(task: str, peer: str, runs: Sequence[Match]) -> list[str]:
    theirs = [match.theirs for match in runs]
    ours = [[match.ours[accept] for match in runs] for accept in ACCEPTS]
    sides = [theirs, *ours]
    return [
        task,
        peer,
        *(_to_best(runs, side) for side in (theirs, ours[-1])),
        *(_share(side) for side in sides),
        *(f"{fmean(r.reported - r.true for r in side):+.3f}" for side in sides),
    ]


def _to_best(runs: Sequence[Match], side: Sequence[Result]) -> str:
    """Median calls until 95 % of the larger of both gains was first tried; (in how many runs)."""
    took, counted = [], 0
    for match, result in zip(runs, side, strict=True):
        gain = max(match.theirs.true, match.ours["best"].true) - result.base
        if gain <= 0:
            continue
        counted += 1
        calls = reached(result, result.base + 0.95 * gain)
        if calls is not None:
            took.append(calls)
    return f"{median(took):,.0f} ({len(took)}/{counted})" if took else f"– (0/{counted})"


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _mean(values: Iterable[float]) -> str:
    return f"{fmean(values):.3f}"


def _share(results: Iterable[Result]) -> str:
    wrong, of = false_adoption(results)
    return f"{wrong}/{of}"


def _worse(results: Iterable[Result]) -> int:
    return sum(result.true < result.base - 1e-9 for result in results)


def _t975(df: int) -> float:
    """97.5 % quantile of Student's t (Cornish–Fisher: within 0.4 % from 4 degrees on)."""
    z = 1.959964
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return math.fsum(term / df**power for power, term in enumerate(terms))
