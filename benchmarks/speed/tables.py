"""Tables of throughput in Markdown: medians of all rounds, what a call takes, and the targets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean, median

from speed.cases import ASYNC, CLIENT, OURS, REPLAY, Case
from speed.clients import PEERS
from speed.processes import Figures
from speed.targets import Medians, Results, target_rows

HEADER = "| | examples | latency | wall s (least–most) | CPU s | steady /s | at once | MB | load |"
SLOPE_HEADER = "| | start CPU s | CPU ms a call |"
TARGET_HEADER = "| target | at most | found | |"


def all_tables(results: Results) -> str:
    """Return what the benchmark prints."""
    tables = [
        (HEADER, [_row(case, found) for case, found in results.items()]),
        (SLOPE_HEADER, [*_slope_rows(results)]),
        (TARGET_HEADER, [*target_rows(results)]),
    ]
    return "\n\n".join(_table(header, rows) for header, rows in tables if rows)


def profile_table(case: Case, found: Mapping[str, float]) -> str:
    """Return where the CPU of one run went."""
    total = sum(found.values())
    few = total / 100
    small = {part for part in found if part.startswith("imports") and found[part] < few}
    shown = {part: used for part, used in found.items() if part not in small}
    shown["imports below 1 % each"] = sum(found[part] for part in small)
    rows = [f"| {part} | {used:.2f} | {used / total:.0%} |" for part, used in shown.items()]
    title = f"{case.name}, {case.examples} examples, 0 ms: {total:.1f} s of CPU"
    return f"{title}\n\n" + _table("| | CPU s | share |", rows)


def _row(case: Case, found: Sequence[Figures]) -> str:
    walls = sorted(run.seconds for run in found)
    asked = case.requests > 0
    return " | ".join(
        [
            f"| {case.name}",
            f"{case.examples:,}",
            f"{1000 * case.latency:.0f} ms" if asked else "–",
            f"{median(walls):.2f} ({walls[0]:.2f}–{walls[-1]:.2f})",
            f"{median(run.cpu_seconds for run in found):.2f}",
            f"{median(run.steady_rate for run in found):,.0f}" if asked else "–",
            f"{median(run.most_at_once for run in found):.0f}" if asked else "–",
            f"{median(run.megabytes for run in found):.0f}",
            f"{fmean(run.load for run in found):.1f} |",
        ]
    )


def _slope_rows(results: Results) -> Iterator[str]:
    measured = {case.name for case in results if not case.latency}
    for name in filter(measured.__contains__, (*PEERS, OURS, ASYNC, CLIENT, REPLAY)):
        start, each = Medians(results).slope(name)
        yield f"| {name} | {start:.2f} | {each:.2f} |"


def _table(header: str, rows: Sequence[str]) -> str:
    return "\n".join([header, "|---" * (header.count("|") - 1) + "|", *rows])
