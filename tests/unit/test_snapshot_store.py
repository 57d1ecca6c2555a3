"""Where snapshots lie, how they are loaded, and what today's dataset has in common with them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pytest_lmopt.errors import SnapshotError
from pytest_lmopt.metrics import exact_match
from pytest_lmopt.snapshots.overlap import overlap
from pytest_lmopt.snapshots.row_table import Row
from pytest_lmopt.snapshots.snapshot import Snapshot
from pytest_lmopt.snapshots.store import load_snapshot, snapshot_files, snapshot_path
from pytest_lmopt.suites.example import Dataset, Example
from pytest_lmopt.suites.suite import Suite

TEST_FILE = Path("tests/test_shop.py")


def example(identity: str, text: str = "") -> Example:
    """An example that asks for its own id, or for another text."""
    return Example(id=identity, inputs={"text": text or identity}, expected="yes")


def accepted(example: Example, score: float | None) -> Row:
    """The row of an example with this score."""
    return Row(
        id=example.id,
        inputs=example.input_digest,
        split="dev",
        example=example.digest,
        scores={} if score is None else {"score": score},
    )


SNAPSHOT = Snapshot(
    suite="test_triage",
    models=("openai/small",),
    dataset="d1",
    criteria={"score": "m1"},
    texts={"route.yaml": "p1"},
    score={"mean": 0.5, "n": 1},
    usage={"calls": 3},
    rows={"café": accepted(example("café"), 0.5)},
)


def suite(*examples: Example) -> Suite:
    """A suite over some examples."""
    dataset = Dataset(examples=examples or (example("café"),), source="rows")
    return Suite(name="s", pipeline=lambda _: None, dataset=dataset, metric=exact_match)


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
    "name",
    ["TestShop::test_triage", "test_a[x/y]", "test_a[../../etc]", "test_a[a b:c*?]", "..", "["],
)
def test_file_names_are_safe(name: str) -> None:
    """Whatever a parameter is called, the file stays in its folder, with a name any system has."""
    path = snapshot_path(TEST_FILE, name)
    assert path.parent == Path("tests/__lm_snapshots__/test_shop")
    assert path.suffix == ".yaml"
    assert all(char.isalnum() or char in "_.-" for char in path.name)
    assert not path.name.startswith(".")


def test_names_that_look_alike_are_kept_apart() -> None:
    """Parameters that differ only in unsafe characters, or beyond the cut, get their own files."""
    suites = ["test_a[x/y]", "test_a[x:y]", "test_a[x-y]", "test_a-x-y", "test_a[x y]"]
    suites += [f"test_a[{'x' * 300}{end}]" for end in "12"]
    assert len({snapshot_path(TEST_FILE, name) for name in suites}) == len(suites)


@pytest.mark.parametrize("char", ["x", "é", "漢"])
def test_long_names_fit_any_file_system(char: str) -> None:
    """File names of both files stay under 255 bytes."""
    path = snapshot_path(TEST_FILE, f"test_a[{char * 500}]")
    assert len(path.with_suffix(".scores.csv").name.encode()) < 255


def test_a_dot_in_a_parameter_keeps_both_files_together() -> None:
    """``test_a[1.5]`` and ``test_a[1.6]`` share no scores file."""
    tables = {
        table
        for name in ("test_a[1.5]", "test_a[1.6]")
        for table in snapshot_files(snapshot_path(TEST_FILE, name), SNAPSHOT)
    }
    assert len(tables) == 4


def test_no_file_is_no_snapshot(tmp_path: Path) -> None:
    """A suite that was never accepted has none."""
    assert load_snapshot(tmp_path / "none.yaml", suite()) is None


def test_written_files_load_again(tmp_path: Path) -> None:
    """The files to write, once written, are the snapshot."""
    path = snapshot_path(tmp_path / "test_shop.py", "test_triage")
    write(snapshot_files(path, SNAPSHOT))
    assert load_snapshot(path, suite()) == SNAPSHOT


def test_an_id_with_a_carriage_return_loads_again(tmp_path: Path) -> None:
    """Line ends inside an id are not translated on the way."""
    odd = replace(SNAPSHOT, rows={"a\rb": accepted(example("a\rb"), 0.5)})
    write(snapshot_files(tmp_path / "s.yaml", odd))
    assert load_snapshot(tmp_path / "s.yaml", suite()) == odd


def test_a_snapshot_without_its_scores_says_how_to_mend_it(tmp_path: Path) -> None:
    """Of two files, one alone is damage, not a first run."""
    path = tmp_path / "s.yaml"
    write(snapshot_files(path, SNAPSHOT))
    path.with_suffix(".scores.csv").unlink()
    with pytest.raises(SnapshotError, match="restore both files from git, or delete both") as error:
        load_snapshot(path, suite())
    assert error.value.path == path


def test_scores_without_their_snapshot_are_damage_too(tmp_path: Path) -> None:
    """A lost YAML file must not switch the gate off."""
    path = tmp_path / "s.yaml"
    write(snapshot_files(path, SNAPSHOT))
    path.unlink()
    with pytest.raises(SnapshotError, match=r"is missing, though s.scores.csv is there"):
        load_snapshot(path, suite())


def test_a_file_in_another_encoding_is_an_error_with_its_name(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 do not end in a traceback."""
    path = tmp_path / "s.yaml"
    write(snapshot_files(path, SNAPSHOT))
    path.with_suffix(".scores.csv").write_bytes("id,score,example\ncafé,1,e\n".encode("latin-1"))
    with pytest.raises(SnapshotError, match="can't be read"):
        load_snapshot(path, suite())


def test_only_examples_that_are_what_they_were_are_comparable() -> None:
    """Scores of edited or removed rows are left out; new rows have none; all are named."""
    kept, edited, renamed, train = map(example, ("kept", "edited", "renamed", "train"))
    snapshot = replace(
        SNAPSHOT,
        rows={
            "kept": accepted(kept, 0.25),
            "edited": accepted(example("edited", "what it was before"), 1.0),
            "former": replace(accepted(renamed, 0.75), id="former"),
            "removed": accepted(example("removed"), 1.0),
            "train": accepted(train, None),
        },
    )
    dataset = Dataset(examples=(kept, edited, example("added"), renamed, train), source="rows")
    found = overlap(snapshot, dataset)
    assert found.scores == {"kept": 0.25, "renamed": 0.75}
    assert (found.new, found.changed, found.removed) == (("added",), ("edited",), ("removed",))
    assert found.words([0.5]) == (
        "the dataset changed: 2 of the baseline's 4 rows are the same; 1 removed, 1 changed, 1 new "
        "(mean score 0.500)"
    )


@pytest.mark.parametrize(
    ("accepted", "compared", "enough"),
    [(60, 30, True), (60, 29, False), (15, 9, False), (12, 10, True), (6, 6, True), (6, 5, False)],
)
def test_a_gate_needs_ten_rows_and_half_of_the_baseline(
    accepted: int, compared: int, enough: bool
) -> None:
    """A baseline that never had ten rows needs all of them."""
    rows = {str(n): replace(SNAPSHOT.rows["café"], id=str(n)) for n in range(accepted)}
    found = overlap(replace(SNAPSHOT, rows=rows), suite().dataset)
    assert (found.too_few(compared) == "") is enough
