"""The scores of every example as CSV."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_lmopt.reports.stored_runs import StoredRun
from pytest_lmopt.snapshots.cells import as_text, csv_line

COLUMNS = ("suite", "id", "split", "group", "score", "baseline", "winner", "runs", "tokens")


def csv_lines(run: StoredRun) -> Iterator[str]:
    """A line for each example, after one with the columns' names.

    ``score``, ``baseline`` and ``winner`` (of a search) are in [0, 1], empty where there is none;
    ``runs`` are the scores of its runs, with spaces between.
    """
    yield csv_line(COLUMNS)
    for suite, row in run.rows:
        runs = " ".join(_number(each["score"]) or "-" for each in row["runs"])
        yield csv_line(
            [
                as_text(suite.suite),
                as_text(row["id"]),
                row["split"],
                as_text(row["group"] or ""),
                _number(row["score"]),
                _number(row["baseline"]),
                _number(row["winner"]),
                as_text(runs),
                str(sum(each["tokens"] for each in row["runs"])),
            ]
        )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.12g}"
