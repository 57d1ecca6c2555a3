"""Whatever bytes stand in a file we read, it is read or refused with an error of ours."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from doubles.sample_run import FACTS, rows, search_report, suite, transfers
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pytest_lmopt import Completion, Prompt
from pytest_lmopt.errors import (
    DatasetError,
    LmoptError,
    PromptError,
    RecordingsError,
    ReportError,
    SnapshotError,
)
from pytest_lmopt.lm.recordings.store import SqliteRecordings
from pytest_lmopt.reports.html.rows import index
from pytest_lmopt.reports.json_text import json_text
from pytest_lmopt.reports.look import Look
from pytest_lmopt.reports.machine import document
from pytest_lmopt.reports.markdown import markdown_lines
from pytest_lmopt.reports.stored_runs import read_run
from pytest_lmopt.reports.table import csv_lines
from pytest_lmopt.reports.terminal import terminal_lines
from pytest_lmopt.snapshots.row_table import Row
from pytest_lmopt.snapshots.snapshot import Snapshot, dump_snapshot
from pytest_lmopt.snapshots.store import load_snapshot
from pytest_lmopt.suites.dataset import load_dataset
from pytest_lmopt.suites.example import Dataset, Example
from pytest_lmopt.suites.render import render
from pytest_lmopt.suites.splits import split
from pytest_lmopt.suites.suite import Suite
from pytest_lmopt.wire import Message, Request, Usage

FAST = settings(suppress_health_check=[HealthCheck.too_slow])

PROMPT = (
    b"# c\ninstruction: |\n  Say it.\ninputs: [q]\noutputs: [a, b]\nformat: lines\n"
    b"template: '{{ q | upper }}'\ndemos:\n  - {q: x, a: y, b: 1}\nmodel: openai/m\n"
    b"params: {temperature: 0, max_tokens: 5}\nreasoning: true\n"
)
SNAPSHOT = Snapshot(
    suite="s", models=("m",), dataset="d", criteria={"score": "x"}, texts={"p.yaml": "e"},
    score={"mean": 0.75, "low": 0.1, "high": 0.9, "n": 2},
    usage={"calls": 2, "tokens": 9, "usd": 0.01},
    rows={
        "=a": Row(id="=a", inputs="i", split="dev", example="e", scores={"score": 0.5}),
        "b": Row(
            id="b", inputs="j", split="holdout", example="f", uses=("w",), learned=True,
            scores={"score": 1.0}, earlier={"score": (0.5, 0.0)},
        ),
    },
)  # fmt: skip
YAML, TABLE = (text.encode() for text in dump_snapshot(SNAPSHOT))
YAML_1 = b"""version: 1
suite: s
model: m
dataset: d
metric: x
prompts: {p.yaml: e}
splits: {dev: 1, holdout: 1, train: 1}
split_seed: 0
score: {high: 0.9, low: 0.1, mean: 0.75, n: 2}
usage: {calls: 2, tokens: 9, usd: 0.01}
holdout_uses: 1
"""
TABLE_1 = b"id,score,example\n'=a,0.5,e\nb,1,f\n"
SUITE = Suite(
    name="s",
    pipeline=lambda _: None,
    dataset=Dataset(examples=(Example(id="b", inputs={"q": 1}),), source="rows"),
)
JSONL = b'{"id": "a", "inputs": {"q": "x"}, "expected": 1, "group": "g"}\n{"inputs": {"q": [2]}}\n'
JSON = b"[" + JSONL.strip().replace(b"\n", b",") + b"]"
CSV = b'id,q,expected,split\na,x,1,dev\nb,"two\nlines",,train\n'

_ROWS = rows(3, seed=0)
_REPORT = replace(suite("s", _ROWS), search=search_report())
RUN = "".join(document(FACTS, [_REPORT], lambda _: map(json_text, _ROWS), transfers("?"))).encode()

PIECES = [
    b"\x00", b"\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\\ud800", b"\\u0000", b"\x1b[2J",
    b"&a ", b"*a", b"<<: *a\n", b"&a [*a]", b"!!python/object:os.system ", b"!!binary x", b"!!set ",
    b"!!int ", b"!!timestamp ", b"%YAML 1.1\n---\n", b"---\n", b"...", b"? ", b"- " * 70, b"[" * 70,
    b"{" * 70, b'{"a":' * 2000, b"[" * 2000, b"]" * 70, b"9" * 5000, b"0x" + b"f" * 5000, b"1e999",
    b"-" * 300, b"1:" * 3000, b".nan", b".inf", b"NaN", b"-Infinity", b"null", b"~", b"true", b"-1",
    b"{{", b"}}", b"{%", b"((((", b"'", b'"', b"\\", b"\r", b"\n", b"\t", b",", b":", b": ", b"#",
    b"id", b"inputs", b"params", b"version", b"holdout_uses", b"=1+1", b"2024-99-99", b"1__0",
]  # fmt: skip
LAUGHS = [b"x%d: &a%d [*a%d, *a%d]\n" % (n, n, n - 1, n - 1) for n in range(1, 60)]


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """A good file's bytes with a few places cut out, repeated or overwritten."""
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(content)))
        end = draw(st.integers(start, min(len(content), start + 40)))
        piece = draw(st.sampled_from(PIECES) | st.binary(max_size=8) | st.just(content[start:end]))
        content = content[:start] + piece + content[end:]
    return content


def files(content: bytes) -> st.SearchStrategy[bytes]:
    """Good files, damaged ones, and files of pieces alone."""
    return damaged(content) | st.lists(st.sampled_from(PIECES), max_size=6).map(b"".join)


def reads_or_refuses(
    read: Callable[[Path], object], contents: dict[str, bytes], error: type[LmoptError]
) -> None:
    """Call ``read`` on a folder with these files; only ``error`` may come of it."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in contents.items():
            (Path(folder) / name).write_bytes(content)
        try:
            read(Path(folder))
        except error as refusal:
            shown = str(refusal)
            assert all(char.isprintable() or char == "\n" for char in shown)
            assert len(shown) < 20_000


def use_prompt(folder: Path) -> None:
    """Load a prompt and make a request of it, as a pipeline would."""
    state = Prompt.load(folder / "p.yaml").state
    messages = render(state, dict.fromkeys(state.inputs, "x"))
    assert Request(model="m", messages=messages, params=state.params).key
    assert state.digest
    assert state.size >= 0


@FAST
@given(files(PROMPT))
@example(PROMPT + b"model: &a0 [x]\n" + b"".join(LAUGHS))
@example(PROMPT + b"\x00")
@example(PROMPT.replace(b"max_tokens: 5", b"seed: 0x" + b"f" * 5000))
def test_any_prompt_file(content: bytes) -> None:
    """Loaded, hashed and rendered, or a PromptError."""
    reads_or_refuses(use_prompt, {"p.yaml": content}, PromptError)


@FAST
@given(st.one_of(files(YAML), files(YAML_1)), st.one_of(files(TABLE), files(TABLE_1)))
@example(YAML_1, TABLE_1)
@example(YAML_1.replace(b"holdout_uses: 1", b"holdout_uses: 999999999999"), TABLE_1)
@example(YAML_1.replace(b"holdout_uses: 1", b"holdout_uses: -1"), TABLE_1)
@example(YAML_1, TABLE_1 + b"r,0.5\n")
@example(YAML, TABLE)
@example(YAML.replace(b"holdout_uses: 1", b"holdout_uses: -1"), TABLE)
@example(YAML.replace(b"n: 2", b"n: .nan"), TABLE)
@example(YAML.replace(b"n: 2", b"n: " + b"9" * 900), TABLE)
@example(YAML.replace(b"suite: s", b"1: s\nx: 2"), TABLE)
@example(YAML, b"\xef\xbb\xbf" + TABLE)
def test_any_snapshot(text: bytes, table: bytes) -> None:
    """Loaded and dumped again, or a SnapshotError."""

    def use(folder: Path) -> None:
        snapshot = load_snapshot(folder / "s.yaml", SUITE)
        assert snapshot is not None
        assert 0.0 < 0.05 / ((snapshot.holdout_uses + 1) * (snapshot.holdout_uses + 2)) < 0.05
        assert dump_snapshot(snapshot)

    reads_or_refuses(use, {"s.yaml": text, "s.scores.csv": table}, SnapshotError)


@FAST
@given(files(RUN))
@example(RUN.replace(b'"n": 3', b'"n": 1e999'))
@example(RUN.replace(b'"id": "ticket-0"', b'"id": null'))
@example(RUN.replace(b'"inputs"', b'"in"'))
def test_any_stored_run(content: bytes) -> None:
    """Read and reported of, or a ReportError."""

    def use(folder: Path) -> None:
        run = read_run(folder / "run.json")
        assert "".join(markdown_lines(run))
        assert "".join(csv_lines(run))
        assert list(terminal_lines(run.suites, Look(verbosity=2))) or not run.suites
        assert index(run)

    reads_or_refuses(use, {"run.json": content}, ReportError)


@FAST
@given(
    st.sampled_from([("d.jsonl", JSONL), ("d.json", JSON), ("d.csv", CSV)]).flatmap(
        lambda file: st.tuples(st.just(file[0]), files(file[1]))
    )
)
@example(("d.jsonl", b'{"id": "\\ud800", "inputs": {"q": 1}}'))
@example(("d.jsonl", b'{"group": "\\ud800", "inputs": {"q": 1}}'))
@example(("d.json", b'[{"inputs": {"q": ' + b"[" * 900 + b"]" * 900 + b"}}]"))
def test_any_dataset(file: tuple[str, bytes]) -> None:
    """Loaded, hashed and split, or a DatasetError."""
    name, content = file

    def use(folder: Path) -> None:
        dataset = load_dataset(name, beside=folder)
        assert dataset.digest
        split(dataset)

    reads_or_refuses(use, {name: content}, DatasetError)


ASKED = Request(model="m", messages=(Message("user", "q"),))


@cache
def recordings() -> bytes:
    """A store of some answers, as a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "r.sqlite"
        store = SqliteRecordings(path)
        for number in range(40):
            answer = Completion(text="answer" * 40, usage=Usage(calls=1))
            store.put(replace(ASKED, repeat=number), answer)
        store.close()
        return path.read_bytes()


def use_recordings(folder: Path) -> None:
    """Open, read, write, read back, close."""
    store = SqliteRecordings(folder / "r.sqlite")
    try:
        store.get(ASKED.key)
        store.put(ASKED, Completion(text="new", usage=Usage(calls=1)))
        found = store.get(ASKED.key)
        assert found is not None
        assert found.text == "new"
    finally:
        with suppress(sqlite3.Error):
            store.close()


@FAST
@given(st.data())
def test_any_recordings(data: st.DataObject) -> None:
    """Whatever became of the file, answers can be recorded and read again."""
    content = bytearray(recordings())
    for _ in range(data.draw(st.integers(1, 4))):
        # the header decides most, so half of the damage is done there
        start = data.draw(st.integers(0, 100) | st.integers(0, len(content)))
        piece = data.draw(st.binary(min_size=1, max_size=4) | st.just(b"\x00" * 4096))
        content[start : start + len(piece)] = piece
    cut = data.draw(st.just(len(content)) | st.integers(0, len(content)))
    wal = data.draw(st.just(b"") | st.binary(max_size=64))
    contents = {"r.sqlite": bytes(content[:cut]), "r.sqlite-wal": wal}
    reads_or_refuses(use_recordings, contents, LmoptError)


ANSWERS = [
    None, "", "null", "[]", "{}", "{", "[" * 5000, b"\xff", 5, '{"text": 5, "usage": {}}',
    '{"text": "x"}', '{"text": "x", "usage": []}', '{"text": "x", "usage": "many"}',
]  # fmt: skip
USAGES = ['{"calls": "many"}', '{"calls": -1}', '{"other": 1}', '{"calls": null}']
"""Impossible usages of an answer that was paid for, and is kept."""

COLUMNS = "recordings (key TEXT PRIMARY KEY, request TEXT, answer TEXT)"


def test_any_row_of_recordings() -> None:
    """A recording without a text is asked again; an answer with an impossible usage is kept."""
    for answer in [*ANSWERS, *(f'{{"text": "x", "usage": {usage}}}' for usage in USAGES)]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "r.sqlite"
            path.write_bytes(recordings())
            with closing(sqlite3.connect(path)) as database, database:
                database.execute("CREATE TABLE other (request, answer)")
                database.execute("DROP TABLE recordings")
                database.execute(f"CREATE TABLE {COLUMNS}")
                database.execute("INSERT INTO recordings VALUES (?, '', ?)", (ASKED.key, answer))
                database.execute("UPDATE recordings SET answer = CAST(answer AS TEXT)")
            store = SqliteRecordings(path)
            kept = store.get(ASKED.key)
            store.close()
            assert (kept is not None) is any(usage in str(answer) for usage in USAGES), answer
            use_recordings(Path(folder))


def test_a_table_of_the_same_name_that_is_not_ours() -> None:
    """Without our primary key an answer could not be replaced; it is refused and left alone."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "r.sqlite"
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("CREATE TABLE recordings (key TEXT, request TEXT, answer TEXT)")
        with pytest.raises(RecordingsError, match="is not ours; move the file away"):
            SqliteRecordings(path)
