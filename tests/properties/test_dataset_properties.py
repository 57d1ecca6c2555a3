"""Whatever stands in a dataset file, it loads or is refused as a dataset."""

from __future__ import annotations

import copy
import csv
import io
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_lmopt.errors import DatasetError
from pytest_lmopt.suites.content import row_digest
from pytest_lmopt.suites.dataset import load_dataset
from pytest_lmopt.suites.example import Dataset

NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | NUMBERS | st.text(max_size=8)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)
ROW_LIKE = st.dictionaries(
    st.sampled_from(["id", "inputs", "expected", "group", "split", "other"]),
    JSON | st.sampled_from(["train", "dev", "holdout"]),
    max_size=6,
)
GOOD_ROW = st.fixed_dictionaries(
    {"inputs": st.dictionaries(st.text(max_size=4), JSON, min_size=1, max_size=3)},
    optional={"expected": JSON, "split": st.sampled_from(["train", "dev", "holdout"])},
)
CSV_LIKE = st.text(alphabet=st.sampled_from('ab,"\n\r \tid;\x00é'), max_size=60)


def loaded(name: str, text: str) -> Dataset | None:
    """The dataset of a file with this text, or None if it is refused."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / name).write_bytes(text.encode("utf-8", "surrogatepass"))
        try:
            dataset = load_dataset(name, beside=Path(folder))
        except DatasetError as error:
            refusal = str(error)
        else:
            refusal = ""
    if refusal:
        assert refusal.startswith(f"dataset {name}: ")
        return None
    identities = [example.id for example in dataset]
    assert identities
    assert len(set(identities)) == len(identities)
    assert dataset.digest
    return dataset


@pytest.mark.parametrize("name", ["d.jsonl", "d.json", "d.csv"])
@given(text=st.text(max_size=60))
def test_any_text_loads_or_is_refused(name: str, text: str) -> None:
    """No text whatever raises anything but a DatasetError."""
    loaded(name, text)


@given(rows=st.lists(JSON | ROW_LIKE, max_size=4))
def test_any_json_loads_or_is_refused(rows: list[Any]) -> None:
    """JSON Lines and JSON agree on which rows are good."""
    by_line = loaded("d.jsonl", "\n".join(json.dumps(row) for row in rows))
    by_row = loaded("d.json", json.dumps(rows))

    assert (by_line is None) == (by_row is None)
    if by_line is not None and by_row is not None:
        assert by_line.digest == by_row.digest


@given(text=CSV_LIKE)
def test_any_table_loads_or_is_refused(text: str) -> None:
    """Quotes, line ends and NUL in any place are good cells or a DatasetError."""
    loaded("d.csv", text)


@given(rows=st.lists(GOOD_ROW, min_size=1, max_size=4))
def test_good_rows_are_good_unless_they_repeat(rows: list[dict[str, Any]]) -> None:
    """Rows of the documented form are refused for nothing but equal content."""
    contents = {json.dumps([row["inputs"], row.get("expected")], sort_keys=True) for row in rows}

    dataset = loaded("d.jsonl", "\n".join(json.dumps(row) for row in rows))

    assert (dataset is not None) == (len(contents) == len(rows))


@given(
    cells=st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\x00")),
        min_size=1,
        max_size=5,
        unique=True,
    )
)
def test_cells_come_back_as_they_were_written(cells: list[str]) -> None:
    """Any text survives a CSV file that a proper writer made."""
    table = io.StringIO(newline="")
    csv.writer(table, quoting=csv.QUOTE_ALL).writerows([["q"], *([cell] for cell in cells)])

    dataset = loaded("d.csv", table.getvalue())

    assert dataset is not None
    assert [example.inputs["q"] for example in dataset] == cells


PROSE = st.text(st.sampled_from("ab, .\n\"'"), max_size=30).map(
    lambda text: text.replace(",", ", ")
)


@given(
    rows=st.lists(
        st.tuples(PROSE.filter(str.strip), st.sampled_from(["FIN", "OPS"])), min_size=1, max_size=6
    )
)
def test_tables_come_back_as_they_were_written(rows: list[tuple[str, str]]) -> None:
    """Cells of several lines, with commas and quotes, are not taken for rows."""
    table = io.StringIO(newline="")
    named = [(f"r{number}", *row) for number, row in enumerate(rows)]
    csv.writer(table).writerows([("id", "text", "expected"), *named])

    dataset = loaded("d.csv", table.getvalue())

    assert dataset is not None
    assert [(e.id, e.inputs["text"], e.expected) for e in dataset] == named


@given(
    start=st.integers(0, 9),
    end=st.integers(0, 9),
    column=st.integers(0, 2),
    doubled=st.booleans(),
)
def test_a_stray_quote_never_takes_rows_away(
    start: int, end: int, column: int, doubled: bool
) -> None:
    """One at the beginning of a cell, and perhaps another at a later cell's end."""
    rows = [[f"r{number}", f"message {number}", "FIN"] for number in range(10)]
    rows[start][column] = '"' + rows[start][column]
    if doubled and end > start:
        rows[end][column] += '"'
    text = "id,message,expected\n" + "".join(",".join(row) + "\n" for row in rows)

    dataset = loaded("d.csv", text)

    assert dataset is None


@given(content=st.recursive(SCALARS, lambda inner: st.lists(inner) | st.frozensets(SCALARS)))
def test_content_is_stable(content: Any) -> None:
    """A copy is the same row, and another type around it is another one."""
    same = row_digest({"q": content}, None)
    assert row_digest({"q": copy.deepcopy(content)}, None) == same
    assert row_digest({"q": [content]}, None) != same
    assert row_digest({"q": (content,)}, None) != row_digest({"q": [content]}, None)
