"""The scores of every example as CSV."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_lmopt.reports.stored_runs import StoredRun
from pytest_lmopt.safe_text import printable
from pytest_lmopt.snapshots.cells import as_text, csv_line

COLUMNS = ("suite", "id", "split", "group", "score", "baseline", "winner", "runs", "tokens")


def csv_lines(run: StoredRun) -> Iterator[str]:
    """A line for each example, after one with the columns' names.

    ``score``, ``baseline`` and ``winner`` (of a search) are in [0, 1], empty where there is none;
    ``runs`` are the scores of its runs, with spaces between. Control characters and line ends in
    names are written out, so each line is one row.
    """
    yield csv_line(COLUMNS)
    for suite, row in run.rows:
        runs = " ".join(_number(each["score"]) or "-" for each in row["runs"])
        yield csv_line(
            [
                as_text(_on_one_line(suite.suite)),
                as_text(_on_one_line(row["id"])),
                row["split"],
                as_text(_on_one_line(row["group"] or "")),
                _number(row["score"]),
                _number(row["baseline"]),
                _number(row["winner"]),
                as_text(runs),
                str(sum(each["tokens"] for each in row["runs"])),
            ]
        )


def _on_one_line(text: str) -> str:
    return printable(text).replace("\n", "\\n")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.12g}"
