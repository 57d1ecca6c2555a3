"""Where snapshots lie, and what state a suite's is in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from pytest_lmopt.errors import SnapshotError
from pytest_lmopt.snapshots.snapshot import Snapshot, dump_snapshot, parse_snapshot
from pytest_lmopt.suites.canonical import digest
from pytest_lmopt.suites.example import Dataset
from pytest_lmopt.suites.places import name_from
from pytest_lmopt.suites.reading import MOST_PROMPT_BYTES, MOST_SCORES_BYTES, read_text

FOLDER = "__lm_snapshots__"
UP = "__up__"
"""Stands for ``..`` in the place of a record file."""
NO_MODEL = "none"
"""The model of a suite that makes no calls."""
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


def load_snapshot(path: Path) -> Snapshot | None:
    """The snapshot at ``path``, None where there is none; raises ``SnapshotError``."""
    if not path.exists():
        return None
    table = path.with_suffix(".scores.csv")
    try:
        text = read_text(path, most_bytes=MOST_PROMPT_BYTES)
        scores = read_text(table, most_bytes=MOST_SCORES_BYTES, newline="")
    except (OSError, ValueError) as error:
        raise SnapshotError(
            f"can't be read with its scores beside it: {error}; restore both from git, or delete "
            "both and run --lm-snapshot-update",
            path=path,
        ) from None
    return parse_snapshot(text, scores, path=path)


def snapshot_files(path: Path, snapshot: Snapshot) -> dict[Path, str]:
    """The files to write, with their text."""
    text, table = dump_snapshot(snapshot)
    return {path: text, path.with_suffix(".scores.csv"): table}


def stale_because(snapshot: Snapshot, *, dataset: str, metric: str, model: str) -> list[str]:
    """What changed since the snapshot that makes its scores another thing's: never the prompts.

    Nor the model where none was asked then or now: asking one, or no longer, is the pipeline's
    doing.
    """
    now = {"dataset": dataset, "metric": metric}
    if NO_MODEL not in (model, snapshot.model):
        now["model"] = model
    return [name for name, value in now.items() if getattr(snapshot, name) != value]


def comparable_scores(snapshot: Snapshot, dataset: Dataset) -> Mapping[str, float]:
    """The accepted scores of examples that are still what they were."""
    now = {example.id: example.digest for example in dataset}
    return {
        identity: baseline.score
        for identity, baseline in snapshot.baselines.items()
        if now.get(identity) == baseline.example
    }
