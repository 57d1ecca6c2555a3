"""The two files of a snapshot: what they look like, and what is said of a damaged one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

from pytest_lmopt.errors import SnapshotError
from pytest_lmopt.snapshots.row_table import Row
from pytest_lmopt.snapshots.snapshot import Snapshot, dump_snapshot, parse_snapshot

T = TypeVar("T")

PATH = Path("__lm_snapshots__/test_shop/test_triage.yaml")


def row(identity: str, score: float | None = None, *, split: str = "dev") -> Row:
    """A row of a table, with its score where it has one."""
    scores = {} if score is None else {"score": score}
    return Row(id=identity, inputs="ii", split=split, example="ee", scores=scores)


ROWS = {
    "t2": replace(row("t2", 1.0, split="holdout"), uses=("w1", "w2")),
    "t1": replace(row("t1", 0.5), earlier={"score": (0.25, 1.0)}),
    "t3": replace(row("t3", split="train"), learned=True),
    "gone": replace(row("gone", split="holdout"), example="", uses=("w1", "w2", "w3")),
}

SNAPSHOT = Snapshot(
    suite="test_triage",
    models=("openai/small",),
    dataset="0123456789abcdef",
    criteria={"score": "1234e5678"},
    texts={"prompts/route.yaml": "ffff", "prompts/extract.yaml": "eeee"},
    choices={"temperature": 0.3},
    searched=True,
    score={"n": 2, "mean": 0.75, "low": 0.627, "high": 0.842346},
    usage={"calls": 120, "tokens": 5400, "usd": 0.0123},
    rows=ROWS,
)

TEXT = """\
version: 2
suite: test_triage
models:
- openai/small
dataset: 0123456789abcdef
criteria:
  score: '1234e5678'
texts:
  prompts/extract.yaml: eeee
  prompts/route.yaml: ffff
choices:
  temperature: 0.3
splits:
  dev: 1
  holdout: 1
  train: 1
split_seed: 0
shares:
  dev: 0.375
  train: 0.25
holdout_uses: 2
searched: true
score:
  high: 0.842346
  low: 0.627
  mean: 0.75
  n: 2
usage:
  calls: 120
  tokens: 5400
  usd: 0.0123
"""

TABLE = """\
id,inputs,row,split,uses,learned,score,score earlier
gone,ii,,holdout,w1 w2 w3,,,
t1,ii,ee,dev,,,0.5,0.25 1
t2,ii,ee,holdout,w1 w2,,1,
t3,ii,ee,train,,yes,,
"""


def with_rows(*rows: Row) -> Snapshot:
    """The snapshot with another table, and the figures that belong to it."""
    scores = [each.scores["score"] for each in rows if each.scores]
    mean = sum(scores) / max(1, len(scores))
    table = {each.id: each for each in rows}
    return replace(SNAPSHOT, rows=table, score={"n": len(scores), "mean": mean})


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
    """The order in which prompts, figures and rows were gathered leaves no mark."""
    shuffled = replace(
        SNAPSHOT,
        texts=backwards(SNAPSHOT.texts),
        score=backwards(SNAPSHOT.score),
        rows=backwards(SNAPSHOT.rows),
    )
    assert dump_snapshot(shuffled) == dump_snapshot(SNAPSHOT)


def test_long_fractions_are_shortened() -> None:
    """Figures keep six places, an example's score twelve digits."""
    text, table = dump_snapshot(with_rows(row("a", 2 / 3)))
    assert "mean: 0.666667\n" in text
    assert table.splitlines()[1] == "a,ii,ee,dev,,,0.666666666667,"
    assert parsed(text, table).scores == {"a": 0.666666666667}


@pytest.mark.parametrize("identity", ["a,b", 'say "hi"', "two\nlines", "a\rb", "a\r\nb", " ", "é"])
def test_any_id_survives_the_table(identity: str) -> None:
    """Ids with commas, quotes or line ends come back as they were."""
    odd = with_rows(row(identity, 0.0))
    assert parsed(*dump_snapshot(odd)) == odd


def test_an_id_may_be_a_whole_document() -> None:
    """A dataset may name its rows so, and what is accepted must be readable."""
    long = with_rows(row("x" * 200_000, 1.0))
    assert parsed(*dump_snapshot(long)) == long


def test_ids_that_a_spreadsheet_would_run_are_written_as_text() -> None:
    """An apostrophe before them, as a person would type it; a table without it loads too."""
    odd = with_rows(row("=1+1", 1.0))
    text, table = dump_snapshot(odd)
    assert table.splitlines()[1] == "'=1+1,ii,ee,dev,,,1,"
    assert parsed(text, table) == odd
    assert parsed(text, table.replace("'", "")) == odd


def test_two_criteria_have_two_columns_each() -> None:
    """A criterion has a score and its earlier scores; a row may lack either."""
    both = replace(row("a", 1.0), scores={"label": 1.0, "polite": 0.5}, earlier={"polite": (0.0,)})
    snapshot = replace(
        SNAPSHOT,
        rows={"a": both},
        criteria={"label": "m1", "polite": "m2"},
        score={"n": 1, "mean": 1.0},
    )
    text, table = dump_snapshot(snapshot)
    assert table.splitlines() == [
        "id,inputs,row,split,uses,learned,label,label earlier,polite,polite earlier",
        "a,ii,ee,dev,,,1,,0.5,0",
    ]
    assert parsed(text, table) == snapshot
    assert parsed(text, table).scores == {"a": 1.0}


def test_the_scores_of_a_snapshot() -> None:
    """Accepted scores by id; sizes and uses are those of rows that the dataset still has."""
    assert SNAPSHOT.scores == {"t1": 0.5, "t2": 1.0}
    assert SNAPSHOT.splits == {"train": 1, "dev": 1, "holdout": 1}
    assert SNAPSHOT.metric == "1234e5678"


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("  n: 2\n", "", "field 'score': expected n and mean, found"),
        ("  n: 2", "  n: .nan", "field 'score', entry 'n': a number expected, found nan"),
        ("calls: 120", "calls: .inf", "field 'usage', entry 'calls': a number expected"),
        ("train: 1", "train: " + "9" * 400, "field 'splits', entry 'train': a whole number"),
        ("suite: test_triage", "1: x\nsuite: test_triage", "unknown field '1'"),
        ("train: 0.25", "train: 0.9", "field 'shares': expected shares of train and dev"),
        ("  train: 0.25\n", "", "field 'shares': expected shares of train and dev"),
    ],
)
def test_impossible_figures_are_refused(old: str, new: str, found: str) -> None:
    """They would end in a division by zero, an overflow or a nan later on."""
    assert found in problem(TEXT.replace(old, new))


def test_line_ends_of_another_system_are_understood() -> None:
    """A checkout that turned line ends into CRLF is the same snapshot."""
    assert parsed(TEXT.replace("\n", "\r\n"), TABLE.replace("\n", "\r\n")) == SNAPSHOT


def test_a_newer_format_asks_for_a_newer_plugin() -> None:
    """A snapshot written by a later version is not half understood."""
    said = problem(TEXT.replace("version: 2", "version: 3"))
    assert said == (
        f"{PATH}: unknown format version: expected 1 or 2, found 3. Update pytest-lmopt"
    )


@pytest.mark.parametrize("version", ["", "version: one\n", "version: 0\n"])
def test_an_impossible_version_asks_for_a_new_snapshot(version: str) -> None:
    """Where the version is missing or nonsense, the file is to be made anew."""
    said = problem(TEXT.replace("version: 2\n", version))
    assert "Delete it and run --lm-snapshot-update" in said


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("suite: test_triage", "suite: 3", "field 'suite' is 3: expected text"),
        ("models:\n- openai/small\n", "", "field 'models' is None: expected a list"),
        ("- openai/small", "- 5", "field 'models', entry 0: text expected, found 5"),
        ("holdout_uses: 2", "holdout_uses: two", "field 'holdout_uses' is 'two'"),
        ("searched: true", "searched: 1", "field 'searched' is 1: expected true or false"),
        ("prompts/route.yaml: ffff", "prompts/route.yaml: 5", "entry 'prompts/route.yaml'"),
        ("mean: 0.75", "mean: good", "field 'score', entry 'mean': a number expected"),
        ("usd: 0.0123", "usd: null", "field 'usage', entry 'usd': a number expected"),
        ("usage:", "usages:", "field 'usage' is None"),
        ("searched: true", "searched: true\ncolour: red", "unknown field 'colour'"),
    ],
)
def test_a_malformed_field_is_named(old: str, new: str, found: str) -> None:
    """The message names file, field and value."""
    said = problem(TEXT.replace(old, new))
    assert said.startswith(f"{PATH}: ")
    assert found in said


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  n: 2", "  n: 3"),
        ("mean: 0.75", "mean: 0.76"),
        ("dev: 1\n", "dev: 2\n"),
        ("holdout_uses: 2", "holdout_uses: 3"),
    ],
)
def test_files_that_contradict_each_other_are_refused(old: str, new: str) -> None:
    """One of them lost a part, or a merge took each from another side."""
    said = problem(TEXT.replace(old, new))
    assert said.startswith(f"{PATH.with_suffix('.scores.csv')}: its rows don't match")
    assert "Restore both files from git, or delete both" in said


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just text"])
def test_a_file_of_another_shape(text: str) -> None:
    """A YAML file of another shape is described."""
    assert "a mapping expected" in problem(text)


@pytest.mark.parametrize("text", ["{", "<<<<<<< HEAD\nversion: 1\n", "version: 1\nversion: 1\n"])
def test_broken_yaml(text: str) -> None:
    """Broken YAML, merge conflicts and doubled keys among it, is an error with the file's name."""
    assert problem(text).startswith(f"{PATH}: malformed YAML")


@pytest.mark.parametrize(
    "line",
    [
        "t4",
        "t4,ii,ee,dev,,,high,",
        "t4,ii,ee,dev,,,nan,",
        "t4,ii,ee,dev,,,1.5,",
        "t4,ii,ee,dev,,,1,2",
        "t4,ii,ee,none,,,1,",
        "t4,ii,ee,dev,,no,1,",
        "t4,ii,ee,dev,,,1",
        "t4,ii,ee,dev,,,1,,",
        "t1,ii,ee,dev,,,1,",
        "=======",
    ],
)
def test_a_malformed_row_is_shown_with_its_line(line: str) -> None:
    """A row that is short, long, doubled, or has an impossible cell is quoted."""
    said = problem(table=f"{TABLE}{line}\n")
    assert said.startswith(f"{PATH.with_suffix('.scores.csv')}: line 6: ")
    assert str(line.split(",")) in said


@pytest.mark.parametrize("table", ["", "id,score,example\nt1,1,x\n", "t1,0.5,aa\n"])
def test_a_table_without_its_header_is_refused(table: str) -> None:
    """A truncated file is not taken for one without rows."""
    assert "columns id, inputs, row, split, uses, learned, score" in problem(table=table)
