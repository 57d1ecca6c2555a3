"""Datasets load from files, lists and functions; every mistake names its place."""

from __future__ import annotations

import csv
import json
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pytest_lmopt.errors import DatasetError
from pytest_lmopt.suites.clusters import groups_of
from pytest_lmopt.suites.dataset import DatasetSource, load_dataset
from pytest_lmopt.suites.example import Dataset, Example

ROWS: list[dict[str, Any]] = [
    {"id": "a", "inputs": {"text": "hi"}, "expected": "HI", "group": 7, "split": "dev"},
    {"inputs": {"text": "ho"}},
]


def written(folder: Path, name: str, text: str) -> Dataset:
    """Load the dataset ``name`` after writing ``text`` to it."""
    (folder / name).write_text(text, encoding="utf-8", newline="")
    return load_dataset(name, beside=folder)


def refusal(source: DatasetSource, folder: Path) -> str:
    """What loading ``source`` is refused with."""
    with pytest.raises(DatasetError) as caught:
        load_dataset(source, beside=folder)
    assert str(caught.value).startswith(f"dataset {caught.value.source}: ")
    return str(caught.value)


def refused_text(folder: Path, name: str, text: str) -> str:
    """What a file with this text is refused with."""
    (folder / name).write_text(text, encoding="utf-8", newline="")
    message = refusal(name, folder)
    assert message.startswith(f"dataset {name}: ")
    return message


def test_jsonl_rows_become_examples(tmp_path: Path) -> None:
    """One row a line; blank lines are skipped; numbers as ids and groups become text."""
    dataset = written(
        tmp_path, "d.jsonl", json.dumps(ROWS[0]) + "\n\n" + '{"id": 5, "inputs": {"text": "ho"}}\n'
    )

    assert dataset.examples == (
        Example(id="a", inputs={"text": "hi"}, expected="HI", group="7", split="dev"),
        Example(id="5", inputs={"text": "ho"}),
    )
    assert (dataset.source, len(dataset)) == ("d.jsonl", 2)


def test_json_holds_a_list_of_rows(tmp_path: Path) -> None:
    """A JSON file gives the same examples as the same rows in a list."""
    from_file = written(tmp_path, "d.json", json.dumps(ROWS))

    assert from_file.examples == load_dataset(ROWS, beside=tmp_path).examples
    assert from_file.digest == load_dataset(ROWS, beside=tmp_path).digest


def test_csv_columns_that_mean_nothing_else_are_inputs(tmp_path: Path) -> None:
    """Cells are text; empty ids, groups, splits and expected values count as absent."""
    dataset = written(
        tmp_path,
        "d.csv",
        "id,text,tier,expected,group,split\n1,hi,2,HI,g,dev\n2,,3,,,\n",
    )

    assert dataset.examples == (
        Example(id="1", inputs={"text": "hi", "tier": "2"}, expected="HI", group="g", split="dev"),
        Example(id="2", inputs={"text": "", "tier": "3"}),
    )


def test_a_csv_cell_may_hold_commas_quotes_and_lines(tmp_path: Path) -> None:
    """Quoting is that of RFC 4180, with either line ending."""
    dataset = written(tmp_path, "d.csv", 'text,expected\r\n"a, ""b""\r\nc",x\r\n')

    assert dataset.examples[0].inputs == {"text": 'a, "b"\nc'}


def test_a_csv_cell_may_hold_a_whole_document(tmp_path: Path) -> None:
    """The limit of the ``csv`` module is lifted for the reading alone."""
    limit = csv.field_size_limit()
    dataset = written(tmp_path, "d.csv", f"text\n{'x' * 200_000}\n")

    assert dataset.examples[0].inputs == {"text": "x" * 200_000}
    assert csv.field_size_limit() == limit


def test_rows_may_come_from_a_function_or_a_generator(tmp_path: Path) -> None:
    """A callable is called once, when the suite is collected."""

    def rows() -> Iterator[dict[str, Any]]:
        yield from ROWS

    expected = load_dataset(ROWS, beside=tmp_path).examples
    assert load_dataset(rows, beside=tmp_path).examples == expected
    assert load_dataset(lambda: ROWS, beside=tmp_path).examples == expected
    assert load_dataset(rows(), beside=tmp_path).examples == expected


def test_example_objects_are_taken_as_they_are(tmp_path: Path) -> None:
    """Rows and examples may be mixed."""
    example = Example(id="x", inputs={"text": "hi"}, expected={"any": "thing"}, split="train")

    assert load_dataset([example, ROWS[1]], beside=tmp_path).examples[0] == example


def test_a_relative_file_lies_beside_the_test_and_an_absolute_one_where_it_says(
    tmp_path: Path,
) -> None:
    """Where pytest was started does not matter."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data/d.json").write_text(json.dumps(ROWS), encoding="utf-8")

    assert len(load_dataset("data/d.json", beside=tmp_path)) == 2
    assert len(load_dataset(tmp_path / "data/d.json", beside=Path("/nowhere"))) == 2


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("d.jsonl", '{"id": "a", "inputs": {"text": "hi"}}\n'),
        ("d.json", '[{"id": "a", "inputs": {"text": "hi"}}]'),
        ("d.csv", "id,text\na,hi\n"),
        ("D.JSONL", '{"id": "a", "inputs": {"text": "hi"}}\r\n'),
    ],
)
def test_a_byte_order_mark_is_not_part_of_the_data(tmp_path: Path, name: str, text: str) -> None:
    """Spreadsheets write one; the first column's name must not begin with it."""
    assert written(tmp_path, name, "\ufeff" + text).examples == (
        Example(id="a", inputs={"text": "hi"}),
    )


def test_a_row_without_id_is_named_by_its_content(tmp_path: Path) -> None:
    """The id follows inputs and expected value, wherever the row stands."""
    first = {"inputs": {"text": "hi", "tier": 1}, "expected": "x"}
    reordered = {"expected": "x", "inputs": {"tier": 1, "text": "hi"}}
    other = {"inputs": {"text": "hi", "tier": 1}, "expected": "y"}

    def ids(*rows: dict[str, Any]) -> list[str]:
        return [example.id for example in load_dataset(rows, beside=tmp_path)]

    assert len(ids(first)[0]) == 12
    assert ids(first) == ids(reordered) == ids(other, first)[1:]
    assert ids(first) != ids(other)


@pytest.mark.parametrize("blank", ["", "  ", "\t\n"])
def test_a_blank_group_is_none(tmp_path: Path, blank: str) -> None:
    """In one cluster, such rows would count as one observation and hide a regression."""
    rows = [{"inputs": {"q": n}, "group": blank} for n in range(3)]

    assert groups_of(load_dataset(rows, beside=tmp_path)) is None
    assert groups_of(written(tmp_path, "d.csv", f'q,group\n1,"{blank}"\n')) is None


MISSING = [None, math.nan, np.nan, np.float32("nan"), pd.NA, pd.NaT, np.datetime64("NaT")]


@pytest.mark.parametrize("marker", MISSING)
@pytest.mark.parametrize("as_object", [False, True])
def test_a_missing_marker_is_none(tmp_path: Path, marker: Any, as_object: bool) -> None:
    """As id, expected value, group and split; "nan" would be one cluster of unrelated rows."""
    fields: Any = dict.fromkeys(("expected", "group", "split"), marker)
    rows: list[Any] = [{"id": marker, "inputs": {"q": 1}, **fields}]
    if as_object:
        rows = [Example(id="a", inputs={"q": 1}, **fields)]
    example = load_dataset(rows, beside=tmp_path).examples[0]
    assert (example.expected, example.group, example.split) == (None, None, None)
    assert groups_of([example]) is None
    assert example.id == "a" or example.id == example.digest[:12]


def test_tables_of_pandas_have_no_group_nan(tmp_path: Path) -> None:
    """Whole numbers that a column with gaps holds as floats are the same groups as before."""
    frame = pd.DataFrame({"q": ["a", "b", "c"], "group": [1, None, 1]})
    rows = [{"inputs": {"q": row.q}, "group": row.group} for row in frame.itertuples()]
    groups = [example.group for example in load_dataset(rows, beside=tmp_path)]
    assert groups == ["1", None, "1"]


@pytest.mark.parametrize("value", [[1], {"a": 1}, object()])
def test_a_group_without_text_is_refused(tmp_path: Path, value: object) -> None:
    """It would be another one in each process."""
    message = refusal([{"inputs": {"q": 1}, "group": value}], tmp_path)
    assert f"row 1: group: a text or a number expected, found {type(value).__name__} " in message


def test_ids_may_be_numbers_of_numpy(tmp_path: Path) -> None:
    """As rows of a table have them."""
    rows: Any = [{"id": np.int64(7), "inputs": {"q": 1}}]
    assert load_dataset(rows, beside=tmp_path).examples[0].id == "7"


def test_a_row_of_missing_cells_is_refused(tmp_path: Path) -> None:
    """A table's last rows may be empty; None is an input, as it was written on purpose."""
    empty: dict[str, Any] = {"inputs": {"a": math.nan, "b": pd.NA}, "expected": math.nan}
    message = refusal([ROWS[0], empty], tmp_path)
    assert message.endswith("row 2: all inputs and the expected value are missing. Drop the row")
    given: dict[str, Any] = {"inputs": {"a": None}}
    assert load_dataset([given], beside=tmp_path).examples[0].inputs == {"a": None}


def test_arrays_are_told_apart_by_all_of_their_elements(tmp_path: Path) -> None:
    """Not by their shortened text; equal ones are the same row."""
    arrays = [np.zeros(2000) for _ in range(60)]
    for number, each in enumerate(arrays):
        each[1000] = number
    rows: list[dict[str, Any]] = [{"inputs": {"x": each}, "expected": 1} for each in arrays]
    dataset = load_dataset(rows, beside=tmp_path)
    assert len({example.id for example in dataset}) == 60
    assert "row 2 and row 1 are the same" in refusal([rows[3], rows[3]], tmp_path)


def test_the_digest_of_a_row_is_its_inputs_and_expected_value(tmp_path: Path) -> None:
    """Neither id, group nor split makes another row of it."""
    row = {"inputs": {"q": 1}, "expected": 2}
    others: list[dict[str, Any]] = [{"id": "b"}, {"group": "g"}, {"split": "dev"}]
    first = load_dataset([row], beside=tmp_path).examples[0]
    for other in others:
        assert load_dataset([{**row, **other}], beside=tmp_path).examples[0].digest == first.digest
    for change in ({"inputs": {"q": 2}}, {"expected": 3}):
        changed = load_dataset([{**row, **change}], beside=tmp_path).examples[0]
        assert changed.digest != first.digest


@pytest.mark.parametrize("end", ["", ', "k29999": 1'])
def test_a_row_with_many_keys_is_read_at_once(tmp_path: Path, end: str) -> None:
    """Or refused at once, if one of them stands there twice."""
    keys = ", ".join(f'"k{number}": {number}' for number in range(30_000))
    text = f'{{"inputs": {{{keys}{end}}}}}\n'
    began = time.thread_time()
    if end:
        assert "found 'k29999' twice" in refused_text(tmp_path, "d.jsonl", text)
    else:
        assert len(written(tmp_path, "d.jsonl", text).examples[0].inputs) == 30_000
    assert time.thread_time() - began < 2.0


def test_the_expected_value_may_be_absent(tmp_path: Path) -> None:
    """Assertions or a judge need none."""
    assert load_dataset([{"inputs": {"q": 1}}], beside=tmp_path).examples[0].expected is None


def test_the_digest_ignores_order_and_sees_every_content(tmp_path: Path) -> None:
    """Sorting a file changes nothing; changing an answer or a group does."""
    rows = [{"id": str(n), "inputs": {"q": n}, "expected": n} for n in range(3)]

    def digest(rows: list[dict[str, Any]]) -> str:
        return load_dataset(rows, beside=tmp_path).digest

    assert digest(rows) == digest(rows[::-1])
    for change in ({"expected": 9}, {"inputs": {"q": 9}}, {"id": "9"}, {"group": "g"}):
        assert digest(rows) != digest([{**rows[0], **change}, *rows[1:]])


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ([1], "{place}: a mapping expected, found list [1]"),
        ({"inputs": {"q": 1}, "expect": 2}, "{place} has 'expect'; a row has id, inputs, expected"),
        ({"expected": 2}, "{place}: 'inputs' must map at least one name to a value, found None"),
        ({"inputs": {}}, "{place}: 'inputs' must map at least one name to a value, found {{}}"),
        ({"inputs": "hi"}, "{place}: 'inputs' must map at least one name to a value, found 'hi'"),
        ({"inputs": {"q": 1}, "split": "test"}, "{place}: split 'test' is none of train, dev and"),
        ({"inputs": {"q": 1}, "split": ["dev"]}, "{place}: split ['dev'] is none of train"),
        ({"inputs": {"q": 1}, "id": ""}, "{place}: id '' is neither text nor a whole number"),
        ({"inputs": {"q": 1}, "id": [1]}, "{place}: id [1] is neither text nor a whole number"),
        ({"inputs": {"q": 1}, "id": 1.0}, "{place}: id 1.0 is neither text nor a whole number"),
        ({"inputs": {"q": 1}, "id": True}, "{place}: id True is neither text nor a whole number"),
        ({"id": "a", "inputs": {"q": 1}}, "{place} has the id 'a', which {first} has already"),
    ],
)
def test_a_wrong_row_is_named_by_its_place(tmp_path: Path, row: object, problem: str) -> None:
    """The message names line or row, and what was found there."""
    rows = [{"id": "a", "inputs": {"q": 0}}, row]

    by_line = refused_text(tmp_path, "d.jsonl", "\n".join(json.dumps(row) for row in rows))
    by_row = refused_text(tmp_path, "d.json", json.dumps(rows))
    given = refusal(rows, tmp_path)  # type: ignore[arg-type]  # what the test is about

    assert problem.format(place="line 2", first="line 1") in by_line
    assert problem.format(place="row 2", first="row 1") in by_row
    assert given == "dataset from a list: " + by_row.removeprefix("dataset d.json: ")


def test_a_wrong_example_object_is_refused_like_a_row(tmp_path: Path) -> None:
    """An unknown split in an object would otherwise surface much later."""
    wrong = Example(id="a", inputs={"q": 1}, split="test")

    assert "row 1: split 'test' is none of" in refusal([wrong], tmp_path)


@pytest.mark.parametrize("named", [{}, {"id": "a"}])
@pytest.mark.parametrize("part", ["inputs", "expected"])
@pytest.mark.parametrize(
    "value", [{1: 2, "b": 3}, {(1, 2): 3}, 10**5000], ids=["mixed", "tuple", "huge"]
)
def test_a_row_that_can_not_be_hashed_is_refused(
    tmp_path: Path, named: dict[str, str], part: str, value: object
) -> None:
    """Mixed keys can't be sorted, and JSON has no tuples as keys; whether or not it has an id."""
    row = {"inputs": {"q": 1}, **named, part: {"q": value}}

    message = refusal([ROWS[1], row], tmp_path)
    assert "row 2: inputs or expected value can't be written as JSON: " in message
    assert isinstance(value, int) or message.endswith("; use text for all keys")


def test_two_equal_rows_without_ids_are_duplicates(tmp_path: Path) -> None:
    """The same content twice would count twice, so it needs distinct ids."""
    message = refusal([ROWS[1], ROWS[1]], tmp_path)

    assert message == (
        "dataset from a list: row 2 and row 1 are the same; give each an id of its own if both "
        "are to count"
    )


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("d.jsonl", '{"inputs": {"q": 1}}\n{"inputs": \n', "line 2 is not JSON: "),
        ("d.jsonl", "[" * 100_000, "line 1 is not JSON: "),
        ("d.json", "[1,", "the file is not JSON: "),
        ("d.json", '{"inputs": {"q": 1}}', "a list of rows expected, found dict {'inputs'"),
        ("d.csv", "id,text\n1,hi\n2\n", "line 3 has not as many cells as the header"),
        ("d.csv", "id,text\n1,hi,ho\n", "line 2 has not as many cells as the header"),
        ("d.csv", 'id,text\n1,"h\ni"\n\n2\n', "line 5 has not as many cells as the header"),
        ("d.csv", "text,text\na,b\n", "line 1 names a column twice: ['text', 'text']"),
        ("d.csv", "id, expected,q\n1,2,3\n", "line 1 has a column ' expected'; name it, without"),
        ("d.csv", ",q\n1,2\n", "line 1 has a column ''; name it, without blanks"),
        ("d.csv", "id,inputs,q\n1,2,3\n", "line 1 names a column 'inputs'; a CSV has a column of"),
        ("d.csv", "id,expected\n1,2\n", "line 2: 'inputs' must map at least one name to a value"),
        ("d.jsonl", "\n\n", "is empty; at least one example is needed"),
        ("d.json", "[]", "is empty; at least one example is needed"),
        ("d.csv", "", "is empty; at least one example is needed"),
        ("d.csv", "id,text\n", "is empty; at least one example is needed"),
        ("d.json", '{"inputs": {"q": 1}}\n{"inputs": {"q": 2}}', "a row a line ends in .jsonl"),
        ("d.jsonl", '{"inputs": {"q": 1}}{"inputs": {"q": 2}}', "line 1 is not JSON: Extra data"),
        ("d.jsonl", '{"inputs": {"q": 1}}\n{"inputs": {"q"', "line 2 is not JSON: "),
        ("d.jsonl", '{"inputs": {"q": 1e999}}', "line 1 is not JSON: 1e999 is a number that a flo"),
        ("d.json", '[{"inputs": {"q": [-1E999]}}]', "-1E999 is a number that a float can't hold"),
        ("d.jsonl", '{"inputs": {"q": 1e-999}}', "1e-999 is a number that a float can't hold"),
        ("d.jsonl", '{"inputs": {"q": 1}}\n\0', "line 2 holds a NUL character; text in UTF-8"),
        ("d.txt", "hi", "ends in '.txt'; .jsonl, .json or .csv expected"),
    ],
)
def test_a_file_that_can_not_be_used_says_why(
    tmp_path: Path, name: str, text: str, problem: str
) -> None:
    """The message names the file, and the line where there is one."""
    assert problem in refused_text(tmp_path, name, text)


def test_a_file_that_is_not_there_says_where_it_was_looked_for(tmp_path: Path) -> None:
    """The folder is the test's, which the author may not expect."""
    assert refusal("d.jsonl", tmp_path).startswith(f"dataset d.jsonl: no such file in {tmp_path}; ")


def test_a_file_that_is_not_utf8_can_not_be_read(tmp_path: Path) -> None:
    """Other encodings are refused rather than misread."""
    (tmp_path / "d.csv").write_bytes(b"text\ncaf\xe9\n")

    assert "can't be read: 'utf-8' codec can't decode" in refusal("d.csv", tmp_path)


@pytest.mark.parametrize("coding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("name", ["d.csv", "d.jsonl"])
def test_other_encodings_are_named(tmp_path: Path, coding: str, name: str) -> None:
    """Spreadsheets save them as "Unicode text"."""
    text = "text\nhi\n" if name == "d.csv" else '{"inputs": {"text": "hi"}}'
    (tmp_path / name).write_bytes(text.encode(coding))
    assert "UTF-8" in refusal(name, tmp_path)


def test_a_source_that_is_no_list_is_refused(tmp_path: Path) -> None:
    """One row alone is a mapping, and a number is nothing at all."""
    assert "a list of rows expected, found dict" in refusal({"inputs": {}}, tmp_path)  # type: ignore[dict-item]
    assert "a list of rows expected, found int 3" in refusal(lambda: 3, tmp_path)  # type: ignore[arg-type,return-value]


def test_a_function_that_raises_is_named_with_its_error(tmp_path: Path) -> None:
    """Whether it fails when called or while yielding its rows."""

    def broken() -> list[dict[str, Any]]:
        raise OSError("no network")

    def breaking() -> Iterator[dict[str, Any]]:
        yield ROWS[0]
        raise OSError("connection lost")

    assert "broken: raised OSError: no network" in refusal(broken, tmp_path)
    assert "breaking: raised OSError: connection lost" in refusal(breaking, tmp_path)


def test_half_a_surrogate_pair_is_a_text_like_any_other(tmp_path: Path) -> None:
    """JSON allows it, so an example may hold it and still has an identity."""
    dataset = written(tmp_path, "d.jsonl", '{"inputs": {"q": "\\ud800"}}')

    assert dataset.examples[0].inputs == {"q": "\ud800"}
    assert len(dataset.digest) == 16
