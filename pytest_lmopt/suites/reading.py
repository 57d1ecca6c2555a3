"""Reading files that somebody else may have written: how much, how deep, in which encoding."""

from __future__ import annotations

import codecs
import csv
import io
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

MOST_PROMPT_BYTES = 1 << 20
"""Also of a snapshot's YAML file, which has a line per prompt."""

MOST_SCORES_BYTES = 64 << 20
MOST_DATASET_BYTES = 1 << 30

MOST_LEVELS = 64
"""How deep lists and mappings may stand inside each other."""


def read_text(path: Path, *, most_bytes: int, newline: str | None = None) -> str:
    """Text of a UTF-8 file, with or without a byte order mark; ``newline`` as for ``open``.

    Raises ``OSError``, or ``ValueError`` for a file that is too large or not UTF-8. Only a regular
    file is opened: a pipe would block, and a device has no end.
    """
    if "\0" in str(path):  # else the message would be another in each version of Python
        raise ValueError("a file name can't hold a NUL character")
    if found := other_than_file(path):
        raise OSError(f"expected a file, found {found}")
    with path.open("rb") as file:
        data = file.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise ValueError(f"it has {path.stat().st_size:,} bytes, {most_bytes:,} are allowed")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ValueError("it is UTF-16; UTF-8 expected. Save it as UTF-8")
    with io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", newline=newline) as text:
        return text.read()


def other_than_file(path: Path) -> str:
    """Name what stands in a regular file's place; empty for a file. Raises ``OSError``."""
    if stat.S_ISREG(path.stat().st_mode):
        return ""
    return "a folder" if path.is_dir() else "something else"


def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make a mapping of the pairs of a JSON object; raises ``ValueError`` for a name given twice.

    For ``json.loads(object_pairs_hook=...)``, which otherwise keeps the last one.
    """
    fields: dict[str, Any] = {}
    for name, value in pairs:
        if name in fields:
            raise ValueError(f"expected each name once, found {name!r} twice")
        fields[name] = value
    return fields


@contextmanager
def cells_of_any_length(text: str) -> Iterator[None]:
    """Let the ``csv`` module read this text; its own limit is one of the process."""
    before = csv.field_size_limit()
    csv.field_size_limit(max(before, len(text)))
    try:
        yield
    finally:
        csv.field_size_limit(before)


def too_deep(value: object) -> bool:
    """Whether lists and mappings stand inside each other more than ``MOST_LEVELS`` deep.

    So does a list that holds itself. What is deeper overflows the stack of whoever copies, prints
    or hashes it.
    """
    level = [value]
    for _ in range(MOST_LEVELS):
        inside = (item for outer in level for item in _held(outer))
        level = list({id(item): item for item in inside if _held(item) is not _NOTHING}.values())
        if not level:
            return False
    return True


_NOTHING: Iterable[object] = ()


def _held(value: object) -> Iterable[object]:
    if value is None or type(value) in (str, int, float, bool):
        return _NOTHING  # at once: to ask whether it is a mapping takes long
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list | tuple) else _NOTHING
