"""Where snapshots lie, how they are loaded, and when they are stale."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pytest_lmopt.errors import SnapshotError
from pytest_lmopt.snapshots.snapshot import Baseline, Snapshot
from pytest_lmopt.snapshots.store import (
    comparable_scores,
    load_snapshot,
    snapshot_files,
    snapshot_path,
    stale_because,
)
from pytest_lmopt.suites.example import Dataset, Example

TEST_FILE = Path("tests/test_shop.py")

SNAPSHOT = Snapshot(
    suite="test_triage",
    model="openai/small",
    dataset="d1",
    metric="m1",
    prompts={"route.yaml": "p1"},
    splits={"train": 1, "dev": 1, "holdout": 1},
    split_seed=0,
    score={"mean": 0.5},
    usage={"calls": 3},
    holdout_uses=0,
    baselines={"café": Baseline(score=0.5, example="e1")},
)


def write(files: dict[Path, str]) -> None:
    """Write files as the session's owner does."""
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")


def test_a_snapshot_lies_beside_its_test() -> None:
    """A folder for all snapshots, one in it for the test file, a file for the suite."""
    assert snapshot_path(TEST_FILE, "test_triage") == Path(
        "tests/__lm_snapshots__/test_shop/test_triage.yaml"
    )


@pytest.mark.parametrize(
    "suite",
    ["TestShop::test_triage", "test_a[x/y]", "test_a[../../etc]", "test_a[a b:c*?]", "..", "["],
)
def test_file_names_are_safe(suite: str) -> None:
    """Whatever a parameter is called, the file stays in its folder, with a name any system has."""
    path = snapshot_path(TEST_FILE, suite)
    assert path.parent == Path("tests/__lm_snapshots__/test_shop")
    assert path.suffix == ".yaml"
    assert all(char.isalnum() or char in "_.-" for char in path.name)
    assert not path.name.startswith(".")


def test_names_that_look_alike_are_kept_apart() -> None:
    """Parameters that differ only in unsafe characters, or beyond the cut, get their own files."""
    suites = ["test_a[x/y]", "test_a[x:y]", "test_a[x-y]", "test_a-x-y", "test_a[x y]"]
    suites += [f"test_a[{'x' * 300}{end}]" for end in "12"]
    assert len({snapshot_path(TEST_FILE, suite) for suite in suites}) == len(suites)


@pytest.mark.parametrize("char", ["x", "é", "漢"])
def test_long_names_fit_any_file_system(char: str) -> None:
    """File names of both files stay under 255 bytes."""
    path = snapshot_path(TEST_FILE, f"test_a[{char * 500}]")
    assert len(path.with_suffix(".scores.csv").name.encode()) < 255


def test_a_dot_in_a_parameter_keeps_both_files_together() -> None:
    """``test_a[1.5]`` and ``test_a[1.6]`` share no scores file."""
    tables = {
        table
        for suite in ("test_a[1.5]", "test_a[1.6]")
        for table in snapshot_files(snapshot_path(TEST_FILE, suite), SNAPSHOT)
    }
    assert len(tables) == 4


def test_no_file_is_no_snapshot(tmp_path: Path) -> None:
    """A suite that was never accepted has none."""
    assert load_snapshot(tmp_path / "none.yaml") is None


def test_written_files_load_again(tmp_path: Path) -> None:
    """The files to write, once written, are the snapshot."""
    path = snapshot_path(tmp_path / "test_shop.py", "test_triage")
    write(snapshot_files(path, SNAPSHOT))
    assert load_snapshot(path) == SNAPSHOT


def test_an_id_with_a_carriage_return_loads_again(tmp_path: Path) -> None:
    """Line ends inside an id are not translated on the way."""
    odd = replace(SNAPSHOT, baselines={"a\rb": Baseline(score=1.0, example="e")})
    write(snapshot_files(tmp_path / "s.yaml", odd))
    assert load_snapshot(tmp_path / "s.yaml") == odd


def test_a_snapshot_without_its_scores_says_how_to_mend_it(tmp_path: Path) -> None:
    """Of two files, one alone is damage, not a first run."""
    path = tmp_path / "s.yaml"
    write(snapshot_files(path, SNAPSHOT))
    path.with_suffix(".scores.csv").unlink()
    with pytest.raises(SnapshotError, match="restore both from git, or delete both") as caught:
        load_snapshot(path)
    assert caught.value.path == path


def test_a_file_in_another_encoding_is_an_error_with_its_name(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 do not end in a traceback."""
    path = tmp_path / "s.yaml"
    write(snapshot_files(path, SNAPSHOT))
    path.with_suffix(".scores.csv").write_bytes("id,score,example\ncafé,1,e\n".encode("latin-1"))
    with pytest.raises(SnapshotError, match="can't be read"):
        load_snapshot(path)


@pytest.mark.parametrize(
    ("dataset", "metric", "model", "reasons"),
    [
        ("d1", "m1", "openai/small", []),
        ("d2", "m1", "openai/small", ["dataset"]),
        ("d1", "m2", "openai/large", ["metric", "model"]),
    ],
)
def test_stale_reasons_name_what_changed(
    dataset: str, metric: str, model: str, reasons: list[str]
) -> None:
    """Another dataset, metric or model makes the scores stale; another prompt never does."""
    assert stale_because(SNAPSHOT, dataset=dataset, metric=metric, model=model) == reasons


def test_only_examples_that_are_what_they_were_are_comparable() -> None:
    """Scores of examples that were edited or removed are left out; new examples have none."""
    kept, edited, added = (
        Example(id=identity, inputs={"text": identity}, expected="yes")
        for identity in ("kept", "edited", "added")
    )
    snapshot = replace(
        SNAPSHOT,
        baselines={
            "kept": Baseline(score=0.25, example=kept.digest),
            "edited": Baseline(score=1.0, example="what it was before"),
            "removed": Baseline(score=1.0, example="gone"),
        },
    )
    dataset = Dataset(examples=(kept, edited, added), source="rows")
    assert comparable_scores(snapshot, dataset) == {"kept": 0.25}
