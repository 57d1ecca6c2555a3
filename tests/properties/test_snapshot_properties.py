"""Whatever a snapshot holds, its two files bring it back."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from pytest_lmopt.snapshots.snapshot import Baseline, Snapshot, dump_snapshot, parse_snapshot
from pytest_lmopt.snapshots.store import load_snapshot, snapshot_files, snapshot_path

PATH = Path("snapshot.yaml")

texts = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.sampled_from(["1e3", "0123", "true", "null", "~", "2024-01-01", "a: b", "# a", "x\ny\r\nz"]),
    st.text("0123456789e", min_size=1, max_size=16),
    st.text("'=+-@\t\r\n＝;,\"a", max_size=6),
)
counts = st.integers(0, 10**9)
figures = st.integers(0, 10**9).map(lambda number: number / 10**6)

snapshots = st.builds(
    Snapshot,
    suite=texts,
    model=texts,
    dataset=texts,
    metric=texts,
    prompts=st.dictionaries(texts, texts, max_size=3),
    splits=st.fixed_dictionaries({"train": counts, "dev": counts, "holdout": counts}),
    split_seed=st.integers(0, 99),
    score=st.fixed_dictionaries({"mean": figures, "low": figures, "high": figures, "n": counts}),
    usage=st.fixed_dictionaries({"calls": counts, "tokens": counts, "usd": figures}),
    holdout_uses=counts,
    baselines=st.dictionaries(
        texts,
        st.builds(
            Baseline,
            score=st.integers(0, 10**9).map(lambda number: number / 10**9),
            example=texts,
        ),
        max_size=5,
    ),
)


@settings(max_examples=100, deadline=None)
@given(snapshots)
def test_a_dumped_snapshot_parses_to_itself(snapshot: Snapshot) -> None:
    """Any text, id and figure of six places survives."""
    assert parse_snapshot(*dump_snapshot(snapshot), path=PATH) == snapshot


@settings(max_examples=40, deadline=None)
@given(snapshots, st.lists(st.floats(0.0, 1.0), min_size=1, max_size=5))
def test_dumping_what_was_parsed_gives_the_same_bytes(
    snapshot: Snapshot, scores: list[float]
) -> None:
    """Scores of any length are shortened once and stay as they are from then on."""
    baselines = {
        str(number): Baseline(score=score, example="e") for number, score in enumerate(scores)
    }
    files = dump_snapshot(Snapshot(**{**vars(snapshot), "baselines": baselines}))
    assert dump_snapshot(parse_snapshot(*files, path=PATH)) == files


@settings(max_examples=100, deadline=None)
@given(st.lists(texts, unique=True, max_size=6))
@example(["=1+1", "'=1+1", "''=1+1", "'a", "-1", "@x", "\t=1", "a;=1+1", "a\t=1", "＝1"])
def test_no_spreadsheet_finds_a_formula_among_the_ids(ids: list[str]) -> None:
    """However it splits cells, none begins like one; and all ids come back as they were."""
    baselines = {identity: Baseline(score=0.5, example="e") for identity in ids}
    fields: dict[str, Any] = {
        "suite": "",
        "model": "",
        "dataset": "",
        "metric": "",
        "prompts": {},
        "splits": {},
    }
    figures: dict[str, float] = {}
    snapshot = Snapshot(
        **fields, split_seed=0, score=figures, usage=figures, holdout_uses=0, baselines=baselines
    )
    text, table = dump_snapshot(snapshot)
    for delimiter in ",;\t|":
        for row in csv.reader(io.StringIO(table, newline=""), delimiter=delimiter):
            assert not any(cell.startswith(tuple("=+-@\t\r\n＝＋－＠")) for cell in row), row
    assert parse_snapshot(text, table, path=PATH).baselines == baselines


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200))
def test_any_name_of_a_suite_gives_a_safe_path(suite: str) -> None:
    """The file lies in its folder, is not hidden, and fits a file system."""
    folder = Path("tests/__lm_snapshots__/test_shop")
    path = snapshot_path(Path("tests/test_shop.py"), suite)
    assert path.parent == folder
    assert path.name.endswith(".yaml")
    assert len(path.with_suffix(".scores.csv").name.encode()) < 255
    assert not set(path.name) & set('/\\:*?"<>|\0\n\r\t ')


def test_files_bring_a_snapshot_back_from_disk(tmp_path: Path) -> None:
    """The same through real files, with an id that holds every kind of line end."""
    snapshot = Snapshot(
        suite="s", model="m", dataset="d", metric="x", prompts={}, splits={}, score={}, usage={},
        split_seed=0, holdout_uses=0, baselines={"a\nb\rc\r\nd": Baseline(score=0.5, example="e")},
    )  # fmt: skip
    for path, text in snapshot_files(tmp_path / "s.yaml", snapshot).items():
        path.write_text(text, encoding="utf-8", newline="")
    assert load_snapshot(tmp_path / "s.yaml") == snapshot
