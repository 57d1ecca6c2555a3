"""Cells of CSV files that no spreadsheet takes for formulas."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence

_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")


def as_text(cell: str) -> str:
    """The cell as no spreadsheet takes it for a formula: with one more apostrophe before it.

    ``as_written`` takes off exactly what this puts on, so any text comes back as it was.
    """
    return f"'{cell}" if _FORMULA.match(cell) else cell


def as_written(cell: str) -> str:
    """The cell that ``as_text`` made fit to be shown."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def csv_line(cells: Sequence[str]) -> str:
    """A line of a table, with its end."""
    line = io.StringIO()
    # where a spreadsheet splits at these, what follows would begin a cell of its own
    splits = any(char in cell for cell in cells for char in ";\t|")
    # the writer quotes only those line ends that its own terminator has
    writer = csv.writer(
        line, lineterminator="\r\n", quoting=csv.QUOTE_ALL if splits else csv.QUOTE_MINIMAL
    )
    writer.writerow(cells)
    return line.getvalue().removesuffix("\r\n") + "\n"
