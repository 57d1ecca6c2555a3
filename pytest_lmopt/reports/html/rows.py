"""The table of examples as blocks of JSON: an index to filter by, and what single rows unfold to.

The page reads a block of rows only when one of them is looked at.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from pytest_lmopt.reports.example_rows import ExampleRow, RunRow
from pytest_lmopt.reports.stored_runs import StoredRun
from pytest_lmopt.safe_text import printable

BLOCK = 50
SHORT = 160
"""Characters of a text that are shown in the table and searched."""


def index(run: StoredRun) -> str:
    """What the table shows and filters by, as JSON for ``<script type="application/json">``."""
    places = {suite.suite: place for place, suite in enumerate(run.suites)}
    return data_block(
        {
            "block": BLOCK,
            "suites": [printable(name) for name in places],
            "rows": [_short(row, places[suite.suite]) for suite, row in run.rows],
        }
    )


def blocks(run: StoredRun) -> Iterator[str]:
    """The whole rows, so many at a time."""
    rows = (row for _, row in run.rows)
    while block := list(islice(rows, BLOCK)):
        yield data_block([_readable(row) for row in block])


def data_block(value: Any) -> str:
    """JSON that no HTML parser sees an end or a comment in."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def _short(row: ExampleRow, suite: int) -> list[Any]:
    first = row["runs"][0] if row["runs"] else None
    endings = {_ending(run) for run in row["runs"]}
    state = next((each for each in ("missing", "wrong", "skipped") if each in endings), "")
    texts = (
        " · ".join(row["inputs"].values()),
        row["expected"],
        first["got"] if first else "",
        first["feedback"] if first else "",
    )
    return [
        suite,
        _readable(row["id"]),
        row["split"],
        row["score"],
        row["baseline"],
        row["winner"],
        sum(run["tokens"] for run in row["runs"]),
        state,
        *(_readable(text[:SHORT]) + "…" * (len(text) > SHORT) for text in texts),
    ]


def _ending(run: RunRow) -> str:
    """A run that returned has no score only where its judge gave no answer."""
    unjudged = run["ending"] == "returned" and run["score"] is None
    return "missing" if unjudged else run["ending"]


def _readable(value: Any) -> Any:
    """The same with control characters, and what turns text around, written out."""
    if isinstance(value, str):
        return value if value.isprintable() else printable(value)
    if isinstance(value, dict):
        return {_readable(key): _readable(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_readable(each) for each in value]
    return value
