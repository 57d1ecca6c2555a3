"""Reading datasets: JSONL, JSON and CSV files, lists of mappings, callables."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from numbers import Integral
from pathlib import Path
from typing import Any

from pytest_lmopt.errors import DatasetError, InputError
from pytest_lmopt.safe_text import text_of
from pytest_lmopt.suites.clusters import with_near_duplicates
from pytest_lmopt.suites.example import Dataset, Example
from pytest_lmopt.suites.reading import (
    MOST_DATASET_BYTES,
    MOST_LEVELS,
    cells_of_any_length,
    distinct,
    read_text,
    too_deep,
)
from pytest_lmopt.suites.spreadsheet import TableError, table_rows
from pytest_lmopt.suites.values import group_name, is_missing

Rows = Iterable[Mapping[str, Any] | Example]
DatasetSource = str | Path | Rows | Callable[[], Rows]

_KEYS = frozenset({"id", "inputs", "expected", "group", "split"})
_SPLITS = frozenset({"train", "dev", "holdout"})
_ID_LENGTH = 12
_WHOLE = "the file"
_Row = tuple[str, Mapping[str, Any] | Example]


def load_dataset(
    source: DatasetSource, *, beside: Path, near_duplicates: float | None = None
) -> Dataset:
    """Read a dataset; a relative file name is looked up in the folder ``beside``.

    A row is ``{"id", "inputs", "expected"}`` with optional ``group`` and ``split``; a CSV has the
    columns ``id``, ``expected``, ``group``, ``split`` and takes every other one as an input. A row
    without id is named by a hash of its content. An id, expected value, group or split that is
    missing (``suites.values.is_missing``) counts as absent. Rows whose inputs share the part
    ``near_duplicates`` in (0, 1] of their words are joined; None joins equal ones only. Raises
    ``DatasetError``, also for a value without content of its own, by which the row could be told
    apart.
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
    if near_duplicates is not None:
        examples = with_near_duplicates(examples, least=near_duplicates)
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
    nul = text.find("\0")
    if nul >= 0:
        raise DatasetError(
            f"line {text.count(chr(10), 0, nul) + 1} holds a NUL character; text in UTF-8 expected."
            " Save the file anew",
            source=name,
        )
    with cells_of_any_length(text):
        return list(reader(text, name))


def _jsonl_rows(text: str, name: str) -> Iterator[_Row]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield f"line {number}", _json(line, f"line {number}", name)


def _json_rows(text: str, name: str) -> Iterator[_Row]:
    document = _json(text, _WHOLE, name)
    if not isinstance(document, list):
        raise DatasetError(f"a list of rows expected, found {_kind(document)}", source=name)
    for number, row in enumerate(document, start=1):
        yield f"row {number}", row


def _csv_rows(text: str, name: str) -> Iterator[_Row]:
    try:
        for line, cells in table_rows(text, known=_KEYS):
            known = {key: value for key, value in cells.items() if key in _KEYS and value != ""}
            inputs = {key: value for key, value in cells.items() if key not in _KEYS}
            yield f"line {line}", {**known, "inputs": inputs}
    except TableError as error:
        raise DatasetError(str(error), source=name) from None


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
        row = {name: getattr(row, name) for name in _KEYS}
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
            f"{place}: 'inputs' must map at least one name to a value, "
            f"found {text_of(inputs, repr):.200}",
            source=name,
        )
    given = {
        key: None if type(value) is not str and is_missing(value) else value
        for key, value in row.items()
    }
    if _holds_nothing(row, given):
        raise DatasetError(
            f"{place}: all inputs and the expected value are missing. Drop the row", source=name
        )
    split = given.get("split")
    if split is not None and split not in tuple(_SPLITS):  # what it holds may have no hash
        raise DatasetError(
            f"{place}: split {split!r} is none of train, dev and holdout", source=name
        )
    identity = given.get("id")
    if identity is not None and (
        isinstance(identity, bool)
        or not isinstance(identity, str | Integral)
        or str(identity).strip() == ""
    ):
        raise DatasetError(
            f"{place}: id {identity!r} is neither text nor a whole number", source=name
        )
    example = Example(
        id="" if identity is None else str(identity),
        inputs=dict(inputs),
        expected=given.get("expected"),
        group=_group(given.get("group"), place, name),
        split=None if split is None else str(split),
    )
    content = _content(example, place, name)
    if identity is None:
        example = example.named(content[:_ID_LENGTH])
    for text in (example.id, str(example.group)):
        if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
            raise DatasetError(
                f"{place}: {text!r} holds half a surrogate pair, which no file can hold",
                source=name,
            )
    return example


def _holds_nothing(row: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
    """Whether a row is one that tables end with: nothing but their markers of missing cells.

    None alone is an input like any other: it was written on purpose.
    """
    inputs = row["inputs"].values()
    marked = any(value is not None for value in inputs)
    return marked and given.get("expected") is None and all(map(is_missing, inputs))


def _group(value: Any, place: str, name: str) -> str | None:
    try:
        return group_name(value)  # rows without one are independent, not one cluster
    except ValueError as error:
        raise DatasetError(f"{place}: group: {error}, found {_kind(value)}", source=name) from None


def _named(row: Mapping[str, Any] | Example) -> bool:
    return isinstance(row, Example) or not is_missing(row.get("id"))


def _content(example: Example, place: str, name: str) -> str:
    """The digest of a row; of each row, as one without content can't be compared with itself."""
    try:
        return example.digest
    except InputError as error:
        raise DatasetError(f"{place}: {error}", source=name) from error
    except Exception as error:  # its values may be of any class
        advice = "; use text for all keys" if isinstance(error, TypeError) else ""
        raise DatasetError(
            f"{place}: inputs or expected value can't be written as JSON: {error}{advice}",
            source=name,
        ) from error


def _json(text: str, place: str, name: str) -> Any:
    try:
        return json.loads(
            text, object_pairs_hook=distinct, parse_constant=_no_number, parse_float=_float
        )
    except (ValueError, RecursionError) as error:
        lines = "; a file with a row a line ends in .jsonl" if place == _WHOLE else ""
        advice = lines if str(error).startswith("Extra data") else ""
        raise DatasetError(f"{place} is not JSON: {error}{advice}", source=name) from None


def _float(written: str) -> float:
    """A JSON number; one that a float would take for infinite or for 0 is refused."""
    found = float(written)
    if math.isinf(found) or (found == 0 and written.lower().partition("e")[0].strip("-0.")):
        raise ValueError(f"{written:.40} is a number that a float can't hold; write it as text")
    return found


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number; write null")


def _kind(value: object) -> str:
    return f"{type(value).__name__} {text_of(value, repr):.60}"
