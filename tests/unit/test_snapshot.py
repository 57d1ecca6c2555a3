"""The two files of a snapshot: what they look like, and what is said of a damaged one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

from pytest_lmopt.errors import SnapshotError
from pytest_lmopt.snapshots.snapshot import Baseline, Snapshot, dump_snapshot, parse_snapshot

T = TypeVar("T")

PATH = Path("__lm_snapshots__/test_shop/test_triage.yaml")

SNAPSHOT = Snapshot(
    suite="test_triage",
    model="openai/small",
    dataset="0123456789abcdef",
    metric="1234e5678",
    prompts={"prompts/route.yaml": "ffff", "prompts/extract.yaml": "eeee"},
    splits={"train": 40, "dev": 30, "holdout": 30},
    split_seed=0,
    score={"n": 60, "mean": 0.75, "low": 0.627, "high": 0.842346},
    usage={"calls": 120, "tokens": 5400, "usd": 0.0123},
    holdout_uses=2,
    baselines={
        "t2": Baseline(score=1.0, example="bb"),
        "t1": Baseline(score=0.5, example="aa"),
    },
)

TEXT = """\
version: 1
suite: test_triage
model: openai/small
dataset: 0123456789abcdef
metric: '1234e5678'
prompts:
  prompts/extract.yaml: eeee
  prompts/route.yaml: ffff
splits:
  dev: 30
  holdout: 30
  train: 40
split_seed: 0
score:
  high: 0.842346
  low: 0.627
  mean: 0.75
  n: 60
usage:
  calls: 120
  tokens: 5400
  usd: 0.0123
holdout_uses: 2
"""

TABLE = """\
id,score,example
t1,0.5,aa
t2,1,bb
"""


def backwards(mapping: Mapping[str, T]) -> dict[str, T]:
    """The same mapping, gathered in the opposite order."""
    return dict(reversed(list(mapping.items())))


def parsed(text: str = TEXT, table: str = TABLE) -> Snapshot:
    """The snapshot of two texts, of which a test changes one."""
    return parse_snapshot(text, table, path=PATH)


def problem(text: str = TEXT, table: str = TABLE) -> str:
    """What is said of a snapshot that can't be read."""
    with pytest.raises(SnapshotError) as caught:
        parsed(text, table)
    return str(caught.value)


def test_a_snapshot_reads_well_in_a_review() -> None:
    """One fact a line, keys in order, numbers short, text that looks like a number quoted."""
    assert dump_snapshot(SNAPSHOT) == (TEXT, TABLE)


def test_what_was_written_is_read_back() -> None:
    """Parsing the two texts gives the snapshot they were dumped from."""
    assert parsed() == SNAPSHOT


def test_equal_snapshots_give_equal_bytes() -> None:
    """The order in which prompts, figures and examples were gathered leaves no mark."""
    shuffled = replace(
        SNAPSHOT,
        prompts=backwards(SNAPSHOT.prompts),
        score=backwards(SNAPSHOT.score),
        baselines=backwards(SNAPSHOT.baselines),
    )
    assert dump_snapshot(shuffled) == dump_snapshot(SNAPSHOT)


def test_long_fractions_are_shortened() -> None:
    """Figures keep six places, an example's score twelve digits."""
    long = replace(
        SNAPSHOT,
        score={"mean": 2 / 3},
        baselines={"a": Baseline(score=2 / 3, example="x")},
    )
    text, table = dump_snapshot(long)
    assert "mean: 0.666667\n" in text
    assert table == "id,score,example\na,0.666666666667,x\n"


@pytest.mark.parametrize("identity", ["a,b", 'say "hi"', "two\nlines", "a\rb", "a\r\nb", " ", "é"])
def test_any_id_survives_the_table(identity: str) -> None:
    """Ids with commas, quotes or line ends come back as they were."""
    odd = replace(SNAPSHOT, baselines={identity: Baseline(score=0.0, example="x")})
    assert parsed(*dump_snapshot(odd)) == odd


def test_an_id_may_be_a_whole_document() -> None:
    """A dataset may name its rows so, and what is accepted must be readable."""
    long = replace(SNAPSHOT, baselines={"x" * 200_000: Baseline(score=1.0, example="aa")})
    assert parsed(*dump_snapshot(long)) == long


def test_ids_that_a_spreadsheet_would_run_are_written_as_text() -> None:
    """An apostrophe before them, as a person would type it; older files without it load too."""
    odd = replace(SNAPSHOT, baselines={"=1+1": Baseline(score=1.0, example="x")})
    text, table = dump_snapshot(odd)
    assert table == "id,score,example\n'=1+1,1,x\n"
    assert parsed(text, table) == odd
    assert parsed(text, table.replace("'", "")) == odd


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("holdout_uses: 2", "holdout_uses: -1", "field 'holdout_uses' is -1"),
        ("n: 60", "n: .nan", "field 'score', entry 'n': a number expected, found nan"),
        ("calls: 120", "calls: .inf", "field 'usage', entry 'calls': a number expected"),
        ("train: 40", "train: " + "9" * 400, "field 'splits', entry 'train': a number expected"),
        ("suite: test_triage", "1: x\nsuite: test_triage", "unknown field '1'"),
    ],
)
def test_figures_nobody_can_count_with_are_refused(old: str, new: str, found: str) -> None:
    """They would end in a division by zero, an overflow or a nan later on."""
    assert found in problem(TEXT.replace(old, new))


def test_scores_are_the_baselines_scores() -> None:
    """The accepted scores by example id."""
    assert SNAPSHOT.scores == {"t1": 0.5, "t2": 1.0}


def test_line_ends_of_another_system_are_understood() -> None:
    """A checkout that turned line ends into CRLF is the same snapshot."""
    assert parsed(TEXT.replace("\n", "\r\n"), TABLE.replace("\n", "\r\n")) == SNAPSHOT


def test_a_newer_format_asks_for_a_newer_plugin() -> None:
    """A snapshot written by a later version is not half understood."""
    said = problem(TEXT.replace("version: 1", "version: 2"))
    assert said == f"{PATH}: format version 2, 1 expected; update pytest-lmopt"


@pytest.mark.parametrize("version", ["", "version: one\n", "version: 0\n"])
def test_a_version_that_never_was_asks_for_a_new_snapshot(version: str) -> None:
    """Where the version is missing or nonsense, the file is to be made anew."""
    said = problem(TEXT.replace("version: 1\n", version))
    assert "delete it and run --lm-snapshot-update" in said


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("suite: test_triage", "suite: 3", "field 'suite' is 3"),
        ("model: openai/small\n", "", "field 'model' is None"),
        ("holdout_uses: 2", "holdout_uses: two", "field 'holdout_uses' is 'two'"),
        ("prompts/route.yaml: ffff", "prompts/route.yaml: 5", "entry 'prompts/route.yaml'"),
        ("train: 40", "train: many", "field 'splits', entry 'train': a number expected"),
        ("mean: 0.75", "mean: good", "field 'score', entry 'mean': a number expected"),
        ("usd: 0.0123", "usd: null", "field 'usage', entry 'usd': a number expected"),
        ("usage:", "usages:", "field 'usage' is None"),
        ("holdout_uses: 2", "holdout_uses: 2\ncolour: red", "unknown field 'colour'"),
    ],
)
def test_a_malformed_field_is_named(old: str, new: str, found: str) -> None:
    """The message names file, field and what was found."""
    said = problem(TEXT.replace(old, new))
    assert said.startswith(f"{PATH}: ")
    assert found in said


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just text"])
def test_a_file_that_is_no_mapping(text: str) -> None:
    """A YAML file of another shape is described."""
    assert "a mapping expected" in problem(text)


@pytest.mark.parametrize("text", ["{", "<<<<<<< HEAD\nversion: 1\n", "version: 1\nversion: 1\n"])
def test_a_file_that_is_no_yaml(text: str) -> None:
    """Broken YAML, merge conflicts and doubled keys among it, is an error with the file's name."""
    assert problem(text).startswith(f"{PATH}: malformed YAML")


@pytest.mark.parametrize(
    "row",
    ["t3", "t3,high,cc", "t3,nan,cc", "t3,1.5,cc", "t3,1", "t3,1,cc,dd", "t1,1,aa", "======="],
)
def test_a_malformed_score_is_shown_with_its_line(row: str) -> None:
    """A row that is short, long, doubled or no score from 0 to 1 is quoted."""
    said = problem(table=f"{TABLE}{row}\n")
    assert said.startswith(f"{PATH.with_suffix('.scores.csv')}: line 4: ")
    assert str(row.split(",")) in said


@pytest.mark.parametrize("table", ["", "id,score\nt1,1\n", "t1,0.5,aa\n"])
def test_a_table_without_its_header_is_refused(table: str) -> None:
    """A truncated file is not taken for one without examples."""
    assert "columns id, score, example expected" in problem(table=table)
