"""Tables in CSV files: each line is read as a row, or refused with its number."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pytest_lmopt.suites.values import look_of

_DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_SHORT = ("id", "expected", "group", "split")
"""Columns whose cells mostly have one form, as ids and labels do."""

_QUOTED = re.compile(r'"[^"]*(?:""[^"]*)*("?)')
_BARE = re.compile(r"[^,\n]*")
_LETTERS, _DIGITS = re.compile(r"[^\W\d_]+"), re.compile(r"\d+")


class TableError(ValueError):
    """A text that does not hold the table expected; the message names the line."""


@dataclass(frozen=True, kw_only=True)
class _Record:
    """Cells of a row, which begins in ``line`` (1-based) and ends in ``last``."""

    line: int
    last: int
    cells: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class _Cell:
    """A quoted cell: its column (0-based), and the lines where it opens and closes, if it does.

    ``ended`` says that a comma or the line's end follows.
    """

    column: int
    opens: int
    closes: int | None
    content: str
    ended: bool


def table_rows(text: str, *, known: Container[str]) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Line and cells by column of each row with content; lines end with a line feed.

    ``known`` are the columns with a meaning. Blank rows are left out, as spreadsheets end with
    some. Raises ``TableError`` for what would be misread: other delimiters, a known column in
    another spelling, a quote that takes in the rows behind it, a row with too few or many cells.
    """
    records = _records(text)
    first = next(records, None)
    header = first.cells if first is not None else []
    _check_header(header, known)
    lines = text.split("\n")
    rows = [record for record in records if not _is_blank(record, lines, width=len(header))]
    forms = _forms(header, rows)
    for record in rows:
        if record.last > record.line:
            _check_quotes(record, lines, header, forms)
        if len(record.cells) != len(header):
            quoted = "; is a quote in it unclosed?" if record.last > record.line else ""
            raise TableError(f"line {record.line} has not as many cells as the header{quoted}")
        row = dict(zip(header, record.cells, strict=True))
        _check_content(row, record.line)
        yield record.line, row


def _records(text: str) -> Iterator[_Record]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        line = reader.line_num + 1  # a quoted cell may run over several lines
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise TableError(_refusal(text, line, error)) from None
        if cells is None:
            return
        if cells:
            yield _Record(line=line, last=reader.line_num, cells=cells)


def _refusal(text: str, line: int, error: csv.Error) -> str:
    """Why a record that begins in this line can't be read."""
    record = text.split("\n", line - 1)[-1]
    wrong = next((cell for cell in _quoted(record, line) if not cell.ended), None)
    if wrong is None:
        return f"line {line} is not CSV: {error}"
    if wrong.closes is None:
        return f"line {wrong.opens}: a quote opens a cell and never closes. Close it in its row"
    return (
        f"line {wrong.opens}: a quote opens a cell and closes in line {wrong.closes}, where text "
        "follows. Close it in its row; double each quote that belongs to a cell"
    )


def _quoted(record: str, line: int) -> Iterator[_Cell]:
    """The quoted cells of the record that a text begins with, in line ``line``."""
    place, column = 0, 0
    while True:
        quoted = _QUOTED.match(record, place)
        found = quoted or _BARE.match(record, place)
        assert found is not None
        after = record[found.end() : found.end() + 1]
        if quoted:
            opens, line = line, line + quoted[0].count("\n")
            yield _Cell(
                column=column,
                opens=opens,
                closes=line if quoted[1] else None,
                content=quoted[0],
                ended=bool(quoted[1]) and after in ("", ",", "\n"),
            )
        if after != ",":
            return
        place, column = found.end() + 1, column + 1


def _check_header(header: Sequence[str], known: Container[str]) -> None:
    for mark, name in _DELIMITERS.items():
        parts = [look_of(part).casefold() for column in header for part in column.split(mark)]
        whole = [look_of(column).casefold() for column in header]
        alone = len(header) == 1 and mark in header[0]
        if alone or any(part in known and part not in whole for part in parts):
            raise TableError(
                f"line 1 has {name} between its columns; commas expected. Save the file with "
                "commas, or as JSON Lines"
            )
    odd = next((column for column in header if column != column.strip() or not column), None)
    if odd is not None:
        raise TableError(f"line 1 has a column {odd!r}; name it, without blanks around its name")
    if len(set(header)) < len(header):
        raise TableError(f"line 1 names a column twice: {header}")
    for column in header:
        meant = look_of(column).casefold()
        if meant == "inputs":
            raise TableError(
                f"line 1 names a column {column!r}; a CSV has a column of its name for each input"
            )
        if column not in known and meant in known:
            raise TableError(
                f"line 1 has a column {column!r}; {meant!r} expected. Rename it, or give it "
                "another name if it is an input"
            )


def _is_blank(record: _Record, lines: Sequence[str], *, width: int) -> bool:
    """Whether all cells are blank; the only one of its row may be so on purpose, in quotes."""
    if any(cell.strip() for cell in record.cells):
        return False
    return width > 1 or '"' not in lines[record.line - 1]


def _check_content(row: Mapping[str, str], line: int) -> None:
    filled = [name for name, cell in row.items() if cell.strip()]
    if "expected" in row and filled and all(name in ("id", "group", "split") for name in filled):
        raise TableError(
            f"line {line} has no input and no expected value, only {', '.join(filled)}. Fill the "
            "row, or drop it"
        )


def _forms(header: Sequence[str], rows: Sequence[_Record]) -> dict[int, set[str]]:
    """The forms of ids and labels, by column, in the rows that stand in one line."""
    whole = [row.cells for row in rows if row.line == row.last and len(row.cells) == len(header)]
    return {
        number: {_form(cells[number]) for cells in whole}
        for number, name in enumerate(header)
        if name in _SHORT and whole
    }


def _form(cell: str) -> str:
    return _DIGITS.sub("9", _LETTERS.sub("a", cell))


def _check_quotes(
    record: _Record, lines: Sequence[str], header: Sequence[str], forms: Mapping[int, set[str]]
) -> None:
    """Refuse a cell that has taken in rows, as the quote before them was closed by another's.

    Its lines have as many cells as the header says, no blank behind a comma, and ids and labels of
    the form that these have in other rows.
    """
    if len(header) < 2:
        return
    text = "\n".join(lines[record.line - 1 : record.last])
    for cell in _quoted(text, record.line):
        if cell.closes == cell.opens:
            continue
        parts = [line.split(",") for line in cell.content[1:-1].split("\n") if line]
        placed = [
            list(enumerate(each, start=cell.column if number == 0 else 0))
            for number, each in enumerate(parts)
        ]
        widths = [each[-1][0] + 1 for each in placed[:-1]]
        if (
            len(parts) < 2
            or any(width != len(header) for width in widths)
            or len(parts[-1]) != cell.column + 1
            or any(part != part.strip() for each in parts for part in each)
        ):
            continue
        short = [(column, part) for each in placed for column, part in each if column in forms]
        like_rows = all(_form(part) in forms[column] for column, part in short)
        if like_rows and (short or len(parts) > 4):
            raise TableError(
                f"line {cell.opens}: a quote opens a cell that closes in line {cell.closes}, and "
                "its lines look like rows of their own. Close the quote in its row; a cell that "
                "holds such lines can stand in JSON Lines"
            )
