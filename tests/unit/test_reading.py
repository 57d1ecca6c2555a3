"""Files of others: read within limits, or refused with the reason."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from pytest_lmopt.errors import DatasetError, InputError, PromptError, SnapshotError
from pytest_lmopt.snapshots.store import load_snapshot
from pytest_lmopt.suites.dataset import load_dataset
from pytest_lmopt.suites.example import Dataset
from pytest_lmopt.suites.prompt_file import load_prompt_file, parse_prompt
from pytest_lmopt.suites.reading import MOST_LEVELS, read_text, too_deep
from pytest_lmopt.suites.suite import Suite
from pytest_lmopt.suites.yaml_text import YamlError, load_yaml

SUITE = Suite(name="s", pipeline=lambda _: None, dataset=Dataset(examples=(), source="rows"))


def nested(levels: int) -> list[Any]:
    """Lists inside each other."""
    found: list[Any] = []
    for _ in range(levels - 1):
        found = [found]
    return found


def test_a_file_of_the_allowed_size_is_read_and_one_byte_more_is_not(tmp_path: Path) -> None:
    """The message says both sizes."""
    path = tmp_path / "f"
    path.write_bytes(b"x" * 1000)
    assert read_text(path, most_bytes=1000) == "x" * 1000
    with pytest.raises(ValueError, match="it has 1,000 bytes, 999 are allowed"):
        read_text(path, most_bytes=999)


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    """And line ends are translated unless they are asked for."""
    path = tmp_path / "f"
    path.write_bytes(b"\xef\xbb\xbfa\r\nb")
    assert read_text(path, most_bytes=99) == "a\nb"
    assert read_text(path, most_bytes=99, newline="") == "a\r\nb"


def test_every_reader_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prompt files, both files of a snapshot, datasets."""
    for module, name in (
        ("suites.prompt_file", "MOST_PROMPT_BYTES"),
        ("snapshots.store", "MOST_PROMPT_BYTES"),
        ("snapshots.store", "MOST_SCORES_BYTES"),
        ("suites.dataset", "MOST_DATASET_BYTES"),
    ):
        monkeypatch.setattr(f"pytest_lmopt.{module}.{name}", 100)
    for name in ("p.yaml", "s.yaml", "s.scores.csv", "t.scores.csv", "d.csv"):
        (tmp_path / name).write_bytes(b"#" * 101)
    (tmp_path / "t.yaml").write_text("version: 1\n")
    with pytest.raises(PromptError, match="101 bytes, 100 are allowed"):
        load_prompt_file(tmp_path / "p.yaml")
    for name in ("s.yaml", "t.yaml"):
        with pytest.raises(SnapshotError, match="101 bytes, 100 are allowed"):
            load_snapshot(tmp_path / name, SUITE)
    with pytest.raises(DatasetError, match="101 bytes, 100 are allowed"):
        load_dataset("d.csv", beside=tmp_path)


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_what_is_no_file_is_not_waited_for(tmp_path: Path, kind: str) -> None:
    """A pipe would block for ever, a device has no end; a link to one is no better."""
    path = tmp_path / "d.jsonl"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    with pytest.raises(DatasetError, match="expected a file, found "):
        load_dataset("d.jsonl", beside=tmp_path)
    with pytest.raises(PromptError, match="expected a file, found "):
        load_prompt_file(path)


def test_a_name_with_a_nul_byte_is_refused(tmp_path: Path) -> None:
    """No file can have it."""
    with pytest.raises(DatasetError, match="can't be read: a file name can't hold a NUL"):
        load_dataset("a\0.csv", beside=tmp_path)


def test_depth_is_measured_without_recursion() -> None:
    """Whatever the depth, and also of a list that holds itself."""
    endless: list[Any] = []
    endless.append(endless)
    assert not too_deep(nested(MOST_LEVELS))
    assert too_deep(nested(MOST_LEVELS + 1))
    assert too_deep({"a": nested(20_000)})
    assert too_deep(endless)
    assert not too_deep("text")


def test_a_deep_row_is_refused(tmp_path: Path) -> None:
    """In a file, or made by the test."""
    (tmp_path / "d.jsonl").write_text('{"inputs": {"q": ' + "[" * 70 + "]" * 70 + "}}")
    for source in ("d.jsonl", [{"inputs": {"q": nested(70)}}]):
        with pytest.raises(DatasetError, match="holds over 64 levels inside each other"):
            load_dataset(source, beside=tmp_path)


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ('{"inputs": {"q": NaN}}', "NaN is no number; write null"),
        ('{"inputs": {"q": -Infinity}}', "-Infinity is no number; write null"),
        ('{"id": 1, "inputs": {"q": 1}, "id": 2}', "expected each name once, found 'id' twice"),
        ('{"inputs": {"q": 1, "q": 2}}', "expected each name once, found 'q' twice"),
        ('{"inputs": {"q": ' + "9" * 5000 + "}}", "digits"),
        ('{"id": "\\ud800", "inputs": {"q": 1}}', "half a surrogate pair"),
        ('{"group": "\\udfff", "inputs": {"q": 1}}', "half a surrogate pair"),
    ],
)
def test_json_that_says_two_things_or_none(tmp_path: Path, row: str, problem: str) -> None:
    """What other readers would take for something else is refused, with its line."""
    (tmp_path / "d.jsonl").write_text(row)
    with pytest.raises(DatasetError, match=problem) as caught:
        load_dataset("d.jsonl", beside=tmp_path)
    assert "line 1" in str(caught.value)


LAUGHS = "a0: &a0 [lol, lol]\n" + "".join(
    f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 50)
)
MERGES = "a0: &a0 {k: v}\n" + "".join(
    f"a{n}: &a{n} {{x: *a{n - 1}, <<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 50)
)


@pytest.mark.parametrize(
    ("text", "problem", "line"),
    [
        (LAUGHS, "characters with aliases written out", 18),
        (MERGES, "characters with aliases written out", None),
        ("a: &a\n  b: [1, *a]\n", "[*]a stands inside &a", 2),
        ("[" * 2_000, "more than 64 levels inside each other", 1),
        ("- " * 70 + "x", "more than 64 levels inside each other", 1),
        ("a: 0x" + "f" * 5000, "a number of 5002 characters; if it is a text, quote it", 1),
        ("%YAML 1.1\n---\na: 1" + ":59" * 40_000, "a number of 120001 characters", 3),
        ("a: !!int '" + "9" * 5000 + "'", "a number of 5000 characters", 1),
        ("a: *nowhere", "found undefined alias", 1),
        ("a: 1\na: 2\n", "found duplicate key", 2),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["rt", "safe"])
def test_hostile_yaml_is_refused_before_it_is_built(
    text: str, problem: str, line: int | None, kind: Any
) -> None:
    """At once, with the line that went too far."""
    began = time.thread_time()
    with pytest.raises(YamlError, match=problem) as caught:
        load_yaml(text, kind=kind)
    assert time.thread_time() - began < 10.0
    assert line is None or caught.value.line == line


@pytest.mark.parametrize(
    "tag",
    ["!!python/object/apply:os.system ['exit 3']", "!!python/name:os.system", "!!python/module:os",
     "!!python/object/new:os.system ['exit 3']", "!os.system ['exit 3']"],
)  # fmt: skip
def test_a_tag_runs_nothing(tag: str) -> None:
    """It is refused or read as the plain value it stands before."""
    try:
        loaded = load_yaml(f"a: {tag}\n", kind="safe")
    except YamlError:
        loaded = {}
    assert not callable(loaded.get("a"))
    with pytest.raises(InputError):
        parse_prompt(f"instruction: x\ninputs: [a]\noutput: {tag}\n", path=Path("p.yaml"))


def test_modest_aliases_are_welcome() -> None:
    """Anchors are good YAML as long as they stay small."""
    text = "a: &a {x: 1}\nb: {<<: *a, y: 2}\nc: [*a, *a]\n"
    assert load_yaml(text, kind="safe") == {
        "a": {"x": 1}, "b": {"x": 1, "y": 2}, "c": [{"x": 1}, {"x": 1}],
    }  # fmt: skip


@pytest.mark.parametrize("number", [".inf", "-.inf", ".nan", "1e999"])
@pytest.mark.parametrize("field", ["params: {temperature: %s}", "demos: [{a: %s, b: 1}]"])
def test_a_prompt_holds_finite_numbers(number: str, field: str) -> None:
    """Others can't be sent to any provider, and are not equal to themselves."""
    text = "instruction: x\ninputs: [a]\noutput: b\n" + field % number + "\n"
    with pytest.raises(PromptError, match=r"line 4, .*a number is not finite"):
        parse_prompt(text, path=Path("p.yaml"))
