"""Paths of snapshots, and their files read and written."""

from __future__ import annotations

import re
from pathlib import Path

from pytest_lmopt.errors import SnapshotError
from pytest_lmopt.snapshots import format_1
from pytest_lmopt.snapshots.snapshot import (
    MEND,
    Snapshot,
    dump_snapshot,
    parse_snapshot,
    read_fields,
)
from pytest_lmopt.suites.canonical import digest
from pytest_lmopt.suites.reading import MOST_PROMPT_BYTES, MOST_SCORES_BYTES, read_text
from pytest_lmopt.suites.suite import Suite

FOLDER = "__lm_snapshots__"
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
    below = tests.relative_to(root) if tests.is_relative_to(root) else Path()
    return folder / below / snapshot.parent.name / f"{snapshot.stem}.jsonl"


def load_snapshot(path: Path, suite: Suite) -> Snapshot | None:
    """The snapshot of a suite at ``path``, None where there is none; raises ``SnapshotError``.

    One of format 1 is read as the snapshot of format 2 that it means for the suite.
    """
    if not path.exists():
        return None
    table = path.with_suffix(".scores.csv")
    try:
        text = read_text(path, most_bytes=MOST_PROMPT_BYTES)
        rows = read_text(table, most_bytes=MOST_SCORES_BYTES, newline="")
    except (OSError, ValueError) as error:
        raise SnapshotError(
            f"can't be read with its scores beside it: {error}; {MEND}", path=path
        ) from None
    fields = read_fields(text, path=path)
    if fields.get("version") == format_1.VERSION:
        del fields["version"]
        return format_1.migrate(fields, rows, suite, path=path)
    return parse_snapshot(text, rows, path=path)


def snapshot_files(path: Path, snapshot: Snapshot) -> dict[Path, str]:
    """The files to write, with their text."""
    text, table = dump_snapshot(snapshot)
    return {path: text, path.with_suffix(".scores.csv"): table}
