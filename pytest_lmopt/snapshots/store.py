"""Paths of snapshots, and their files read and written."""

from __future__ import annotations

import re
from pathlib import Path

from pytest_lmopt.canonical import digest
from pytest_lmopt.errors import SnapshotError
from pytest_lmopt.snapshots.snapshot import (
    MEND,
    Snapshot,
    dump_snapshot,
    read_fields,
    snapshot_from,
)
from pytest_lmopt.suites.places import name_from
from pytest_lmopt.suites.reading import MOST_PROMPT_BYTES, MOST_SCORES_BYTES, read_text
from pytest_lmopt.suites.suite import Suite

FOLDER = "__lm_snapshots__"
UP = "__up__"
"""Stands for ``..`` in the place of a record file."""
LONGEST = 180
"""Most bytes of a suite's name in a file name: file systems end at 255."""


def snapshot_path(test_file: Path, suite: str) -> Path:
    """The YAML file of a suite: beside its test file, under that file's name."""
    safe = re.sub(r"[^\w.-]+", "-", suite).strip("-.")
    safe = safe.encode()[:LONGEST].decode(errors="ignore")
    if safe != suite:
        safe = f"{safe}-{digest(suite, length=6)}"
    return test_file.parent / FOLDER / test_file.stem / f"{safe}.yaml"


def record_path(snapshot: Path, *, folder: Path, root: Path) -> Path:
    """The record file of the suite with this snapshot: in ``folder`` as in the tests' folders."""
    tests = snapshot.parent.parent.parent
    # a folder outside of the root has a place of its own, too
    below = Path(*(UP if part == ".." else part for part in Path(name_from(tests, root)).parts))
    return folder / below / snapshot.parent.name / f"{snapshot.stem}.jsonl"


def load_snapshot(path: Path, suite: Suite) -> Snapshot | None:
    """The snapshot of a suite at ``path``, None where there is none; raises ``SnapshotError``.

    One of format 1 is read as the snapshot of format 2 that it means for the suite.
    """
    table = path.with_suffix(".scores.csv")
    if not path.exists():
        if table.exists():
            raise SnapshotError(f"is missing, though {table.name} is there; {MEND}", path=path)
        return None
    text = _text(path)
    try:
        rows = read_text(table, most_bytes=MOST_SCORES_BYTES, newline="")
    except (OSError, ValueError) as error:
        raise SnapshotError(
            f"can't be read with its scores beside it: {error}; {MEND}", path=path
        ) from None
    fields = read_fields(text, path=path)
    if fields.get("version") == 1:
        from pytest_lmopt.snapshots import format_1

        del fields["version"]
        return format_1.migrate(fields, rows, suite, path=path)
    return snapshot_from(fields, rows, path=path)


def accepted_texts(path: Path) -> tuple[str, ...]:
    """Names of the texts in the snapshot at ``path``, whatever its suite; none where there is none.

    Raises ``SnapshotError``.
    """
    fields = read_fields(_text(path), path=path) if path.exists() else {}
    texts = fields.get("texts", fields.get("prompts"))
    return tuple(sorted(map(str, texts))) if isinstance(texts, dict) else ()


def _text(path: Path) -> str:
    try:
        return read_text(path, most_bytes=MOST_PROMPT_BYTES)
    except (OSError, ValueError) as error:
        raise SnapshotError(f"can't be read: {error}; {MEND}", path=path) from None


def snapshot_files(path: Path, snapshot: Snapshot) -> dict[Path, str]:
    """The files to write, with their text."""
    return dict(zip(snapshot_paths(path), dump_snapshot(snapshot), strict=True))


def snapshot_paths(path: Path) -> tuple[Path, Path]:
    """The files of a snapshot: itself, and its table of rows."""
    return path, path.with_suffix(".scores.csv")
