"""Reading datasets: JSONL, JSON and CSV files, lists of mappings, callables."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pytest_lmopt.errors import DatasetError
from pytest_lmopt.suites.canonical import digest
from pytest_lmopt.suites.example import Dataset, Example
from pytest_lmopt.suites.reading import (
    MOST_DATASET_BYTES,
    MOST_LEVELS,
    cells_of_any_length,
    read_text,
    too_deep,
)

Rows = Iterable[Mapping[str, Any] | Example]
DatasetSource = str | Path | Rows | Callable[[], Rows]

_KEYS = frozenset({"id", "inputs", "expected", "group", "split"})
_SPLITS = frozenset({"train", "dev", "holdout"})
_Row = tuple[str, Mapping[str, Any] | Example]


def load_dataset(source: DatasetSource, *, beside: Path) -> Dataset:
    """Read a dataset; a relative file name is looked up in the folder ``beside``.

    A row is ``{"id", "inputs", "expected"}`` with optional ``group`` and ``split``; a CSV has the
    columns ``id``, ``expected``, ``group``, ``split`` and takes every other one as an input. A row
    without id is named by a hash of its content. Raises ``DatasetError``.
    """
    if isinstance(source, str | Path):
        path = beside / source
        name = str(source)
        rows = _file_rows(path, name)
    else:
        name = f"from {getattr(source, '__qualname__', 'a list')}"
        rows = _given_rows(source, name)
    examples = tuple(_example(row, place, name) for place, row in rows)
    if not examples:
        raise DatasetError("is empty; at least one example is needed", source=name)
    seen: dict[str, str] = {}
    for example, (place, row) in zip(examples, rows, strict=True):
        if example.id in seen:
            first = seen[example.id]
            twice = (
                f"has the id {example.id!r}, which {first} has already"
                if _named(row)
                else f"and {first} are the same; give each an id of its own if both are to count"
            )
            raise DatasetError(f"{place} {twice}", source=name)
        seen[example.id] = place
    return Dataset(examples=examples, source=name)


def _file_rows(path: Path, name: str) -> list[_Row]:
    readers: dict[str, Callable[[str, str], Iterator[_Row]]] = {
        ".jsonl": _jsonl_rows,
        ".json": _json_rows,
        ".csv": _csv_rows,
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise DatasetError(f"ends in {path.suffix!r}; .jsonl, .json or .csv expected", source=name)
    try:
        text = read_text(path, most_bytes=MOST_DATASET_BYTES)
    except FileNotFoundError:
        raise DatasetError(
            f"no such file in {path.parent}; a path is relative to the test's folder", source=name
        ) from None
    except (OSError, ValueError) as error:
        raise DatasetError(f"can't be read: {error}", source=name) from None
    with cells_of_any_length(text):
        return list(reader(text, name))


def _jsonl_rows(text: str, name: str) -> Iterator[_Row]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield f"line {number}", _json(line, f"line {number}", name)


def _json_rows(text: str, name: str) -> Iterator[_Row]:
    document = _json(text, "the file", name)
    if not isinstance(document, list):
        raise DatasetError(f"a list of rows expected, found {_kind(document)}", source=name)
    for number, row in enumerate(document, start=1):
        yield f"row {number}", row


def _csv_rows(text: str, name: str) -> Iterator[_Row]:
    try:
        reader = csv.reader(io.StringIO(text, newline=""))
        header = next(reader, [])
        odd = next((column for column in header if column != column.strip() or not column), None)
        if odd is not None:
            raise DatasetError(
                f"line 1 has a column {odd!r}; name it, without blanks around its name",
                source=name,
            )
        if len(set(header)) < len(header):
            raise DatasetError(f"line 1 names a column twice: {header}", source=name)
        if "inputs" in header:
            raise DatasetError(
                "line 1 names a column 'inputs'; a CSV has a column of its name for each input",
                source=name,
            )
        while True:
            number = reader.line_num + 1  # a quoted cell may run over several lines
            cells = next(reader, None)
            if cells is None:
                return
            if not cells:
                continue
            if len(cells) != len(header):
                raise DatasetError(
                    f"line {number} has not as many cells as the header", source=name
                )
            row = dict(zip(header, cells, strict=True))
            known = {key: value for key, value in row.items() if key in _KEYS and value != ""}
            inputs = {key: value for key, value in row.items() if key not in _KEYS}
            yield f"line {number}", {**known, "inputs": inputs}
    except csv.Error as error:
        raise DatasetError(f"not a CSV file: {error}", source=name) from None


def _given_rows(source: Rows | Callable[[], Rows], name: str) -> list[_Row]:
    if callable(source):
        try:
            source = source()
        except Exception as error:
            raise DatasetError(f"raised {type(error).__name__}: {error}", source=name) from error
    if isinstance(source, Mapping) or not isinstance(source, Iterable):
        raise DatasetError(f"a list of rows expected, found {_kind(source)}", source=name)
    try:
        # a generator does its work, and fails, only here
        return [(f"row {number}", row) for number, row in enumerate(source, start=1)]
    except Exception as error:
        raise DatasetError(f"raised {type(error).__name__}: {error}", source=name) from error


def _example(row: Mapping[str, Any] | Example, place: str, name: str) -> Example:
    if isinstance(row, Example):
        row = vars(row)
    if not isinstance(row, Mapping):
        raise DatasetError(f"{place}: a mapping expected, found {_kind(row)}", source=name)
    unknown = sorted(str(key) for key in row.keys() - _KEYS)
    if unknown:
        raise DatasetError(
            f"{place} has {unknown[0]!r}; a row has id, inputs, expected, group and split",
            source=name,
        )
    if too_deep(row):
        raise DatasetError(
            f"{place} holds over {MOST_LEVELS} levels inside each other", source=name
        )
    inputs = row.get("inputs")
    if not isinstance(inputs, Mapping) or not inputs:
        raise DatasetError(
            f"{place}: 'inputs' must map at least one name to a value, found {inputs!r}",
            source=name,
        )
    split = row.get("split")
    if split is not None and split not in tuple(_SPLITS):  # what it holds may have no hash
        raise DatasetError(
            f"{place}: split {split!r} is none of train, dev and holdout", source=name
        )
    content = _content(inputs, row.get("expected"), place, name)
    identity = row.get("id")
    if identity is None:
        identity = content
    if (
        isinstance(identity, bool)
        or not isinstance(identity, str | int)
        or str(identity).strip() == ""
    ):
        raise DatasetError(
            f"{place}: id {identity!r} is neither text nor a whole number", source=name
        )
    group = row.get("group")
    if group is not None and not str(group).strip():
        group = None  # rows without a group are independent, not one cluster
    for text in (str(identity), str(group)):
        if any("\ud800" <= char <= "\udfff" for char in text):
            raise DatasetError(
                f"{place}: {text!r} holds half a surrogate pair, which no file can hold",
                source=name,
            )
    return Example(
        id=str(identity),
        inputs=dict(inputs),
        expected=row.get("expected"),
        group=None if group is None else str(group),
        split=split,
    )


def _named(row: Mapping[str, Any] | Example) -> bool:
    return isinstance(row, Example) or row.get("id") is not None


def _content(inputs: Mapping[str, Any], expected: Any, place: str, name: str) -> str:
    """The id of a row that names none; every row needs its content hashed at some time."""
    try:
        return digest([dict(inputs), expected], length=12)
    except Exception as error:  # what it holds may be anything, with a repr of its own
        advice = "; use text for all keys" if isinstance(error, TypeError) else ""
        raise DatasetError(
            f"{place}: inputs or expected value can't be written as JSON: {error}{advice}",
            source=name,
        ) from error


def _json(text: str, place: str, name: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{place} is not JSON: {error}", source=name) from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for number, (name, _) in enumerate(pairs) if name in dict(pairs[:number]))
        raise ValueError(f"{twice!r} stands twice in one object")
    return found


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number; write null")


def _kind(value: object) -> str:
    return f"{type(value).__name__} {value!r:.60}"
