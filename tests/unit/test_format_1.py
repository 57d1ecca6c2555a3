"""Snapshots of format 1 are read for ever, as what they mean in format 2."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from projects.documents import ROOT

from pytest_lmopt.assessment.placement import as_split
from pytest_lmopt.errors import SnapshotError
from pytest_lmopt.metrics import exact_match
from pytest_lmopt.snapshots.overlap import overlap
from pytest_lmopt.snapshots.snapshot import Snapshot, dump_snapshot, parse_snapshot
from pytest_lmopt.snapshots.store import load_snapshot
from pytest_lmopt.suites.dataset import load_dataset
from pytest_lmopt.suites.example import Dataset, Example
from pytest_lmopt.suites.suite import Suite

FILES = ROOT / "tests/projects/format_1"
SIZES = {
    "test_ledger": {"train": 44, "dev": 52, "holdout": 54},
    "test_messages": {"train": 45, "dev": 78, "holdout": 57},
}
"""Sizes that format 1 wrote into its snapshots of the example project."""


def suite_over(dataset: Dataset) -> Suite:
    """A suite over some rows."""
    return Suite(name="s", pipeline=lambda _: None, dataset=dataset, metric=exact_match)


def backoffice(name: str) -> Suite:
    """A suite over a dataset of the example project."""
    file = f"{name.removeprefix('test_')}.jsonl"
    return suite_over(load_dataset(file, beside=ROOT / "example_project/tests"))


def loaded(path: Path, suite: Suite) -> Snapshot:
    """The snapshot at a path that has one."""
    snapshot = load_snapshot(path, suite)
    assert snapshot is not None
    return snapshot


@pytest.mark.parametrize("name", SIZES)
def test_the_projects_own_snapshots_migrate(name: str) -> None:
    """Every row keeps its split and its score, and what is then written reads the same."""
    suite = backoffice(name)
    snapshot = loaded(FILES / f"{name}.yaml", suite)
    assert as_split(suite, snapshot, None).splits.names == {
        identity: row.split for identity, row in snapshot.rows.items()
    }
    assert snapshot.splits == SIZES[name]
    assert snapshot.models == ("local",)
    found = overlap(snapshot, suite.dataset)
    assert len(found.scores) == snapshot.score["n"]
    assert found.words([]) == ""
    written = dump_snapshot(snapshot)
    assert dump_snapshot(parse_snapshot(*written, path=FILES / "s.yaml")) == written


YAML = """\
version: 1
suite: test_route
model: openai/a, openai/b
dataset: d
metric: m
prompts: {}
splits: {dev: 3, holdout: 3, train: 2}
split_seed: 0
score: {high: 1.0, low: 0.0, mean: 0.5, n: 6}
usage: {calls: 6, tokens: 0, usd: 0.0}
holdout_uses: 3
"""
DRAWN = {
    "e0": "train",
    "e1": "dev",
    "e2": "dev",
    "e3": "dev",
    "e4": "train",
    "e5": "holdout",
}
"""The splits that format 1 drew by these ids."""


def written(folder: Path, scores: Mapping[str, float], *, yaml: str = YAML) -> Path:
    """A snapshot of format 1 in a folder, whose rows had other inputs than today's."""
    lines = [f"{identity},{score:g},0123" for identity, score in scores.items()]
    mean = sum(scores.values()) / len(scores)
    text = yaml.replace("mean: 0.5, n: 6", f"mean: {mean:.6f}, n: {len(scores)}")
    (folder / "s.yaml").write_text(text)
    (folder / "s.scores.csv").write_text("\n".join(["id,score,example", *lines, ""]))
    return folder / "s.yaml"


def rows(*names: str) -> Dataset:
    """Rows with these ids."""
    found = [Example(id=name, inputs={"n": name}, expected="x") for name in names]
    return Dataset(examples=tuple(found), source="rows")


def test_three_holdout_uses_stand_on_each_holdout_row(tmp_path: Path) -> None:
    """The next new confirmation is the fourth; a holdout of new rows alone begins afresh."""
    path = written(tmp_path, {"e1": 1, "e2": 0, "e3": 1, "e5": 0})
    suite = suite_over(rows(*DRAWN))
    snapshot = loaded(path, suite)
    assert snapshot.holdout_uses == 3
    assert snapshot.models == ("openai/a", "openai/b")
    placed = as_split(suite, snapshot, None)
    assert placed.splits.names == DRAWN
    assert placed.splits.use_of() == 4
    for seed in (1, 0, 2):
        again = as_split(suite, snapshot, seed).splits
        if any(example.id == "e5" for example in again.holdout):
            assert again.use_of() == 4


def test_old_train_and_dev_rows_never_become_holdout(tmp_path: Path) -> None:
    """Nor those that had no score, though format 1 did not record them."""
    path = written(tmp_path, {"e1": 1, "e5": 0})
    new = [f"new{n}" for n in range(60)]
    suite = suite_over(rows(*DRAWN, *new))
    names = as_split(suite, loaded(path, suite), None).splits.names
    assert {name: names[name] for name in DRAWN} == DRAWN
    assert {names[name] for name in new} == {"train", "dev", "holdout"}


def test_rows_removed_from_the_dataset_count_as_removed(tmp_path: Path) -> None:
    """They belong to the baseline that a gate must have half of."""
    suite = suite_over(rows("e1"))
    found = overlap(loaded(written(tmp_path, {"e1": 1, "e2": 0, "e5": 0}), suite), suite.dataset)
    assert found.accepted == 3
    assert set(found.removed) == {"e2", "e5"}


def test_a_group_given_since_changes_no_row(tmp_path: Path) -> None:
    """Format 1 counted the group as content; today's digest doesn't."""
    path = FILES / "test_ledger.yaml"
    suite = backoffice("test_ledger")
    grouped = [replace(example, group="g") for example in suite.dataset]
    suite = suite_over(Dataset(examples=tuple(grouped), source="rows"))
    snapshot = loaded(path, suite)
    assert len(overlap(snapshot, suite.dataset).scores) == snapshot.score["n"]
    assert {row.split for row in snapshot.rows.values() if row.scores} == {"dev", "holdout"}


def test_rows_numbered_anew_are_found_by_their_content() -> None:
    """Deleting the first row of a numbered file costs one row of the baseline."""
    suite = backoffice("test_messages")
    before = loaded(FILES / "test_messages.yaml", suite)
    rows = list(suite.dataset)
    shifted = [
        replace(each, id=former.id) for each, former in zip(rows[1:], rows[:-1], strict=True)
    ]
    moved = suite_over(Dataset(examples=tuple(shifted), source="rows"))
    found = overlap(loaded(FILES / "test_messages.yaml", moved), moved.dataset)
    scored = {each.id for each in rows[1:]} & before.baselines.keys()
    assert len(found.scores) == len(scored)


def test_renamed_rows_are_found_by_their_content() -> None:
    """Ids that were added later don't cost the baseline, nor move a row to another split."""
    suite = backoffice("test_messages")
    before = loaded(FILES / "test_messages.yaml", suite)
    renamed = [
        replace(each, id=f"new-{each.id}") if each.id in before.baselines else each
        for each in suite.dataset
    ]
    suite = suite_over(Dataset(examples=tuple(renamed), source="rows"))
    snapshot = loaded(FILES / "test_messages.yaml", suite)
    assert len(overlap(snapshot, suite.dataset).scores) == snapshot.score["n"]
    names = as_split(suite, snapshot, None).splits.names
    for identity, row in before.baselines.items():
        assert names[f"new-{identity}"] == row.split


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("holdout_uses: 3", "holdout_uses: -1", "field 'holdout_uses' is -1"),
        ("model: openai/a, openai/b", "model: 3", "field 'model' is 3: expected text"),
        ("usage:", "usages:", "field 'usage' is None"),
    ],
)
def test_a_malformed_field_is_named(tmp_path: Path, old: str, new: str, found: str) -> None:
    """As in a snapshot of format 2."""
    path = written(tmp_path, {"e1": 1}, yaml=YAML.replace(old, new))
    with pytest.raises(SnapshotError, match=found):
        load_snapshot(path, suite_over(rows("e1")))


@pytest.mark.parametrize("rows_left", [0, 1, 50])
def test_a_cut_table_is_refused(tmp_path: Path, rows_left: int) -> None:
    """The YAML file says how many scores there were, and their mean."""
    (tmp_path / "s.yaml").write_text((FILES / "test_ledger.yaml").read_text())
    lines = (FILES / "test_ledger.scores.csv").read_text().splitlines(keepends=True)
    (tmp_path / "s.scores.csv").write_text("".join(lines[: 1 + rows_left]))
    with pytest.raises(SnapshotError, match="rows don't match"):
        load_snapshot(tmp_path / "s.yaml", backoffice("test_ledger"))


@pytest.mark.parametrize("line", ["e1,1", "e1,2,x", "e1,nan,x", "e5,1,x\ne5,1,x", "e1,1,x,y"])
def test_a_malformed_row_is_shown_with_its_line(tmp_path: Path, line: str) -> None:
    """As in a snapshot of format 2."""
    path = written(tmp_path, {"e5": 1})
    table = path.with_suffix(".scores.csv")
    table.write_text(table.read_text() + line + "\n")
    with pytest.raises(SnapshotError, match=r"line \d: expected a unique id, a score"):
        load_snapshot(path, suite_over(rows("e1")))
