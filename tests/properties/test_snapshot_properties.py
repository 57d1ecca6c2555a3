"""Whatever a snapshot holds, its two files bring it back."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import replace
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from pytest_lmopt.snapshots.row_table import Row
from pytest_lmopt.snapshots.snapshot import Snapshot, dump_snapshot, parse_snapshot
from pytest_lmopt.snapshots.store import snapshot_path

PATH = Path("snapshot.yaml")

texts = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.sampled_from(["1e3", "0123", "true", "null", "~", "2024-01-01", "a: b", "# a", "x\ny\r\nz"]),
    st.text("0123456789e", min_size=1, max_size=16),
    st.text("'=+-@\t\r\n＝;,\"a", max_size=6),
)
counts = st.integers(0, 10**9)
figures = st.integers(0, 10**9).map(lambda number: number / 10**6)
scores = st.integers(0, 10**9).map(lambda number: number / 10**9)
names = st.text("0123456789abcdef", min_size=1, max_size=8)

rows = st.builds(
    Row,
    id=texts,
    inputs=texts,
    split=st.sampled_from(["train", "dev", "holdout"]),
    uses=st.lists(names, max_size=3).map(tuple),
    learned=st.booleans(),
    example=texts,
    scores=st.one_of(st.just({}), st.fixed_dictionaries({"score": scores})),
    earlier=st.one_of(
        st.just({}),
        st.fixed_dictionaries({"score": st.lists(scores, min_size=1, max_size=10).map(tuple)}),
    ),
)


def snapshot_of(
    table: list[Row], texts: dict[str, str], models: list[str], suite: str, seed: int
) -> Snapshot:
    """A snapshot with the figures that its rows have."""
    found = {row.id: row for row in table}
    values = [row.scores["score"] for row in found.values() if row.scores]
    mean = round(math.fsum(values) / len(values), 6) if values else 0.0
    return Snapshot(
        suite=suite,
        models=tuple(models),
        dataset=suite,
        criteria={"score": suite},
        texts=texts,
        choices=dict(texts),
        split_seed=seed,
        score={"n": len(values), "mean": mean},
        usage={"calls": seed, "usd": mean},
        rows=found,
    )


snapshots = st.builds(
    snapshot_of,
    st.lists(rows, max_size=5),
    st.dictionaries(texts, texts, max_size=3),
    st.lists(texts, max_size=2),
    texts,
    st.integers(0, 99),
)


@given(snapshots)
def test_a_dumped_snapshot_parses_to_itself(snapshot: Snapshot) -> None:
    """Any text, id and figure of six places survives."""
    assert parse_snapshot(*dump_snapshot(snapshot), path=PATH) == snapshot


@given(snapshots, st.lists(st.floats(0.0, 1.0), min_size=1, max_size=5))
def test_dumping_what_was_parsed_gives_the_same_bytes(
    snapshot: Snapshot, scores: list[float]
) -> None:
    """Scores of any length are shortened once and stay as they are from then on."""
    table = {
        str(number): Row(id=str(number), inputs="", split="dev", example="e", scores={"score": one})
        for number, one in enumerate(scores)
    }
    figures = {"n": len(scores), "mean": math.fsum(scores) / len(scores)}
    files = dump_snapshot(replace(snapshot, rows=table, score=figures))
    assert dump_snapshot(parse_snapshot(*files, path=PATH)) == files


@given(st.lists(texts, unique=True, max_size=6))
@example(["=1+1", "'=1+1", "''=1+1", "'a", "-1", "@x", "\t=1", "a;=1+1", "a\t=1", "＝1"])
def test_no_spreadsheet_finds_a_formula_among_the_ids(ids: list[str]) -> None:
    """However it splits cells, none begins like one; and all ids come back as they were."""
    table = [Row(id=identity, inputs="i", split="dev", example="e") for identity in ids]
    snapshot = snapshot_of(table, {}, [], "", 0)
    text, lines = dump_snapshot(snapshot)
    for delimiter in ",;\t|":
        for row in csv.reader(io.StringIO(lines, newline=""), delimiter=delimiter):
            assert not any(cell.startswith(tuple("=+-@\t\r\n＝＋－＠")) for cell in row), row
    assert parse_snapshot(text, lines, path=PATH).rows == snapshot.rows


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200))
def test_any_name_of_a_suite_gives_a_safe_path(suite: str) -> None:
    """The file lies in its folder, is not hidden, and fits a file system."""
    folder = Path("tests/__lm_snapshots__/test_shop")
    path = snapshot_path(Path("tests/test_shop.py"), suite)
    assert path.parent == folder
    assert path.name.endswith(".yaml")
    assert len(path.with_suffix(".scores.csv").name.encode()) < 255
    assert not set(path.name) & set('/\\:*?"<>|\0\n\r\t ')
