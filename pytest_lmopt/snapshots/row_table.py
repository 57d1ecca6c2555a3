"""The row table of a snapshot: a CSV line for each row, with its split, uses and scores."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pytest_lmopt.errors import SnapshotError
from pytest_lmopt.snapshots.cells import as_text, as_written, csv_line
from pytest_lmopt.suites.reading import cells_of_any_length
from pytest_lmopt.suites.splits import NAMES, PlacedRow

EARLIER = 10
"""Most scores of earlier runs that a row keeps."""

_COLUMNS = ["id", "inputs", "row", "split", "uses", "learned"]


@dataclass(frozen=True, kw_only=True)
class Row(PlacedRow):
    """A row of the dataset with its split and accepted scores.

    ``example`` is the digest of inputs and expected value. ``scores`` maps each criterion to the
    accepted score in [0, 1], ``earlier`` to those of up to ``EARLIER`` earlier runs of the accepted
    prompts, latest first. Without ``example`` the row left the dataset: its split and uses stay.
    """

    example: str
    scores: Mapping[str, float] = field(default_factory=dict)
    earlier: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


def dump_rows(rows: Mapping[str, Row], criteria: Sequence[str]) -> str:
    """The table's text: for each of ``criteria`` a column of scores and one of earlier scores."""
    header = _COLUMNS + [column for name in criteria for column in (name, _earlier(name))]
    lines = [
        [
            as_text(row.id),
            as_text(row.inputs),
            as_text(row.example),
            row.split,
            " ".join(row.uses),
            "yes" if row.learned else "",
            *(cell for name in criteria for cell in _cells(row, name)),
        ]
        for _, row in sorted(rows.items())
    ]
    return "".join(map(csv_line, [header, *lines]))


def parse_rows(table: str, criteria: Sequence[str], *, path: Path) -> dict[str, Row]:
    """Rows by id from a table's text; raises ``SnapshotError`` naming the line."""
    header = _COLUMNS + [column for name in criteria for column in (name, _earlier(name))]
    lines = read_lines(table, header, path=path)
    rows: dict[str, Row] = {}
    for number, cells in enumerate(lines, start=2):
        try:
            row = _row(cells, criteria, width=len(header))
        except (ValueError, IndexError):
            row = None
        if row is None or row.id in rows:
            raise SnapshotError(
                f"line {number}: expected a unique id, three digests or splits, and scores in "
                f"[0, 1]; found {str(cells)[:200]}",
                path=path,
            )
        rows[row.id] = row
    return rows


def read_lines(table: str, header: Sequence[str], *, path: Path) -> list[list[str]]:
    """The cells below the header of a CSV text; raises ``SnapshotError`` for another header."""
    try:
        with cells_of_any_length(table):
            lines = [*csv.reader(io.StringIO(table, newline=""), strict=True)]
    except csv.Error as error:
        raise SnapshotError(f"malformed CSV: {error}", path=path) from None
    lines = [line for line in lines if line]
    if lines[:1] != [list(header)]:
        raise SnapshotError(
            f"columns {', '.join(header)} expected, found {str(lines[:1])[:200]}", path=path
        )
    return lines[1:]


def _row(cells: Sequence[str], criteria: Sequence[str], *, width: int) -> Row:
    if len(cells) != width or cells[3] not in NAMES or cells[5] not in ("", "yes"):
        raise ValueError
    scores: dict[str, float] = {}
    earlier: dict[str, tuple[float, ...]] = {}
    for place, name in enumerate(criteria):
        now, before = cells[len(_COLUMNS) + 2 * place :][:2]
        if now:
            scores[name] = score_of(now)
        if before:
            earlier[name] = tuple(map(score_of, before.split(" ")[:EARLIER]))
    return Row(
        id=as_written(cells[0]),
        inputs=as_written(cells[1]),
        example=as_written(cells[2]),
        split=cells[3],
        uses=tuple(cells[4].split(" ")) if cells[4] else (),
        learned=cells[5] == "yes",
        scores=scores,
        earlier=earlier,
    )


def score_of(cell: str) -> float:
    """A score in [0, 1]; raises ``ValueError`` for any other text."""
    score = float(cell)
    if not 0.0 <= score <= 1.0:
        raise ValueError
    return score


def _cells(row: Row, criterion: str) -> tuple[str, str]:
    score = row.scores.get(criterion)
    before = row.earlier.get(criterion, ())
    return _digits(score), " ".join(map(_digits, before[:EARLIER]))


def _digits(score: float | None) -> str:
    return "" if score is None else f"{score:.12g}"


def _earlier(criterion: str) -> str:
    return f"{criterion} earlier"
