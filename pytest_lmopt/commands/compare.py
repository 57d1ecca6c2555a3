"""``compare``: two stored runs, judged again example by example."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pytest_lmopt.comparison.gate import GateMode, gate_failure
from pytest_lmopt.comparison.verdict import Comparison
from pytest_lmopt.comparison.verdict import compare as compare_scores
from pytest_lmopt.reports.comparison_lines import comparison_lines
from pytest_lmopt.reports.example_rows import ExampleRow
from pytest_lmopt.reports.look import Look
from pytest_lmopt.reports.stored_runs import StoredRun, find_run, read_run
from pytest_lmopt.reports.suite_report import SuiteReport
from pytest_lmopt.safe_text import without_commands


def compare(old: str, new: str, folder: Path, *, margin: float | None, mode: GateMode) -> int:
    """Print what each suite of both runs shows; returns 1 if one fails its gate, else 0."""
    runs = [read_run(find_run(given, folder)) for given in (old, new)]
    lines, failed = compared_runs(*runs, margin=margin, mode=mode)
    look = Look(encoding=sys.stdout.encoding)
    for line in lines:
        print(without_commands(look.fit(line)))
    return 1 if failed else 0


def compared_runs(
    old: StoredRun, new: StoredRun, *, margin: float | None, mode: GateMode
) -> tuple[list[str], bool]:
    """The lines to show, and whether a suite fails its gate, or was not judged to the end."""
    before = {suite.suite: suite for suite in old.suites}
    lines, failed = [], False
    for suite in new.suites:
        if suite.suite not in before:
            lines.append(f"{suite.suite}: only in the new run")
            continue
        if suite.status not in ("passed", "failed"):
            before.pop(suite.suite)
            lines.append(
                f"{suite.suite}: not compared, as the new run did not judge it to the end "
                f"({suite.status}: {suite.problem})"
            )
            failed = failed or mode != "off"
            continue
        allowed = suite.margin if margin is None else margin
        was = before.pop(suite.suite)
        found = _compared(was, suite, old=old, new=new, margin=allowed)
        if found is None or 2 * found.n < was.n:
            count = found.n if found else 0
            lines.append(
                f"{suite.suite}: NOT GATED: {count} of the old run's {was.n} examples were scored "
                "in both runs with the same content"
            )
            failed = failed or mode == "noninferior"
            continue
        lines += comparison_lines(suite.suite, found)
        problem = gate_failure(found.new_mean, found, threshold=None, margin=allowed, mode=mode)
        failed = failed or problem is not None
    lines += [f"{name}: only in the old run" for name in before]
    return lines, failed


def _compared(
    before: SuiteReport, now: SuiteReport, *, old: StoredRun, new: StoredRun, margin: float
) -> Comparison | None:
    was, rows = _by_id(old.examples[before.suite]), _by_id(new.examples[now.suite])
    same = [
        name for name, row in rows.items() if name in was and was[name]["digest"] == row["digest"]
    ]
    groups = {name: rows[name]["group"] for name in same}
    return compare_scores(
        dict(_scores(was, same)),
        dict(_scores(rows, same)),
        groups={name: group for name, group in groups.items() if group is not None} or None,
        margin=margin,
        unchanged=_what(before) == _what(now),
        seed=new.facts.seed,
    )


def _by_id(rows: Sequence[ExampleRow]) -> dict[str, ExampleRow]:
    return {row["id"]: row for row in rows}


def _scores(rows: Mapping[str, ExampleRow], names: Sequence[str]) -> Iterator[tuple[str, float]]:
    for name in names:
        score = rows[name]["score"]
        if score is not None:
            yield name, score


def _what(suite: SuiteReport) -> tuple[object, ...]:
    """What the scores are of: if it is the same, nothing changed."""
    return suite.model, suite.dataset, suite.metric, dict(suite.digests)
