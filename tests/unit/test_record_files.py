"""Record files: what was answered, as text that reads well in a diff and can be trusted."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_lmopt import Completion
from pytest_lmopt.errors import RecordError
from pytest_lmopt.lm.recordings.files import Answer, dump_record, parse_record, read_records
from pytest_lmopt.wire import Message, Request, Usage

PATH = Path("test_shout.jsonl")


def said(
    asked: str, text: str, *, instruction: str = "Shout.", repeat: int = 0, tokens: int = 2
) -> Answer:
    """A request for a word, and its answer."""
    request = Request(
        model="openai/m",
        messages=(Message("system", instruction), Message("user", asked)),
        params={"temperature": 0, "max_tokens": 5},
        repeat=repeat,
    )
    usage = Usage(calls=1, input_tokens=3, output_tokens=tokens, micro_usd=4)
    return request, Completion(text=text, usage=usage)


TWO = [[said("hé", "HÉ")], [said("ho", "HO"), said("ho", "ho", instruction="Whisper.")]]
TEXT = """\
{"record": 1, "suite": "test_shout", "answers": 3}
{"prompt": 1, "model": "openai/m", "params": {"max_tokens": 5, "temperature": 0}, \
"messages": [["system", "Shout."]]}
{"prompt": 1, "asked": "hé", "answer": "HÉ", "input_tokens": 3, "output_tokens": 2, "micro_usd": 4}
{"prompt": 1, "asked": "ho", "answer": "HO", "input_tokens": 3, "output_tokens": 2, "micro_usd": 4}
{"prompt": 2, "model": "openai/m", "params": {"max_tokens": 5, "temperature": 0}, \
"messages": [["system", "Whisper."]]}
{"prompt": 2, "asked": "ho", "answer": "ho", "input_tokens": 3, "output_tokens": 2, "micro_usd": 4}
"""


def test_a_record_file_reads_well() -> None:
    """Each prompt once, then what was asked of it and answered, an example after the other."""
    assert dump_record("test_shout", TWO) == TEXT


def test_what_was_written_is_read() -> None:
    """By the key of each request, as a replay of its usage."""
    answers = parse_record(TEXT, path=PATH)

    for request, completion in (answer for run in TWO for answer in run):
        found = answers.pop(request.key)
        assert found.text == completion.text
        assert found.usage == completion.usage.as_replayed
    assert answers == {}


def test_the_order_of_arrival_does_not_show() -> None:
    """A pipeline may make calls at once; nor does it show what was replayed."""
    replayed = [
        [(asked, replace(answer, usage=answer.usage.as_replayed)) for asked, answer in run[::-1]]
        for run in TWO
    ]

    assert dump_record("test_shout", replayed) == TEXT


def test_a_changed_prompt_changes_its_line_and_the_answers_that_differ() -> None:
    """So a diff shows what the change did."""
    before = [[said(word, word.upper())] for word in ("a", "b", "c")]
    after = [
        [said(word, text, instruction="SHOUT!")]
        for word, text in (("a", "A"), ("b", "?"), ("c", "C"))
    ]

    one, two = (dump_record("test_shout", runs).splitlines() for runs in (before, after))

    assert [number for number in range(5) if one[number] != two[number]] == [1, 3]


def test_a_request_made_twice_is_written_once() -> None:
    """Repeats are requests of their own."""
    runs = [[said("a", "A")], [said("a", "A")], [said("a", "A?", repeat=1)]]

    lines = dump_record("test_shout", runs).splitlines()

    assert len(lines) == 4
    assert '"repeat": 1, "answer": "A?"' in lines[3]


def any_text() -> st.SearchStrategy[str]:
    """Any that JSON can tell apart: two halves of a surrogate pair side by side are one there."""
    texts = st.text(st.characters(codec=None), max_size=8)
    return texts.filter(lambda text: json.loads(json.dumps(text)) == text)


@given(
    st.lists(
        st.tuples(
            any_text(),
            any_text(),
            st.text(max_size=3),
            st.integers(0, 2),
        ),
        max_size=6,
        unique_by=lambda entry: (entry[0], entry[2], entry[3]),
    )
)
def test_any_text_comes_back(entries: list[tuple[str, str, str, int]]) -> None:
    """Line ends of all kinds, halves of surrogate pairs and all; in a file, too."""
    runs = [
        [said(asked, text, instruction=instruction, repeat=repeat)]
        for asked, text, instruction, repeat in entries
    ]

    text = dump_record("test_shout", runs)
    answers = parse_record(text.encode("utf-8").decode(), path=PATH)

    assert {key: answer.text for key, answer in answers.items()} == {
        request.key: answer.text for ((request, answer),) in runs
    }
    assert dump_record("test_shout", runs) == text


LINES = TEXT.splitlines()


@pytest.mark.parametrize(
    ("number", "line", "problem"),
    [
        (1, "", "no JSON"),
        (1, '{"id": "a"}', '"record": 1 expected in the first line, found None'),
        (1, '{"record": 2}', '"record": 1 expected in the first line, found 2'),
        (3, "<<<<<<< HEAD", "no JSON"),
        (3, LINES[2][:40], "no JSON"),
        (3, "[1]", "an object expected, found '[1]'"),
        (3, LINES[2].replace('"hé"', "7"), "field 'asked': str expected, found 7"),
        (3, LINES[2].replace('"answer"', '"answr"'), "field 'answer': str expected, found None"),
        (3, LINES[2].replace('"asked"', '"x": 1, "asked"'), "unknown field 'x'"),
        (3, LINES[2].replace('"prompt": 1', '"prompt": 3'), "prompt 3 is not introduced above"),
        (3, LINES[1], "prompt 1 is there already"),
        (2, LINES[1].replace('"Shout."', "[]"), "a message is [role, content], found"),
        (4, "[" * 100_000, "maximum recursion depth"),
        (4, LINES[2], "expected one answer to each request, found a second one"),
        (3, LINES[2].replace('"asked"', '"answer": "x", "asked"'), "expected each name once"),
        (3, LINES[2].replace('"input_tokens": 3', '"input_tokens": NaN'), "expected JSON, found"),
        (3, LINES[2].replace('"input_tokens": 3', '"input_tokens": -3'), "field 'input_tokens'"),
        (3, LINES[2].replace('"micro_usd": 4', f'"micro_usd": {10**20}'), "field 'micro_usd'"),
        (1, LINES[0].replace("3", '"3"'), "field 'answers': int expected, found '3'"),
        (1, LINES[0].replace("3", "4"), "expected the 4 answers of the first line, found 3"),
        (1, LINES[0].replace("}", ', "x": 1}'), "unknown field 'x'"),
    ],
)
def test_a_malformed_line_is_named(number: int, line: str, problem: str) -> None:
    """With what was expected and found, and what to do."""
    lines = [*LINES[: number - 1], line, *LINES[number:]]

    with pytest.raises(RecordError) as caught:
        parse_record("\n".join(lines) + "\n", path=PATH)

    message = str(caught.value)
    number = len(LINES) if "first line, found 3" in problem else number
    assert message.startswith(f"test_shout.jsonl, line {number}: {problem}")
    assert "restore the file from git, or delete it and run --lm-snapshot-update" in message
    assert (caught.value.path, caught.value.line) == (PATH, number)


@pytest.mark.parametrize("lines", range(1, len(LINES)))
def test_a_file_that_was_cut_short_is_refused_whole(lines: int) -> None:
    """Between two lines, too: the first says how many answers there are."""
    with pytest.raises(RecordError, match="expected the 3 answers of the first line, found"):
        parse_record("\n".join(LINES[:lines]) + "\n", path=PATH)


def test_a_file_of_an_earlier_version_is_read() -> None:
    """It says no number."""
    text = TEXT.replace(', "answers": 3}', "}")
    assert text != TEXT
    assert parse_record(text, path=PATH).keys() == parse_record(TEXT, path=PATH).keys()


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """A pipe would be waited for, for ever."""
    os.mkfifo(tmp_path / "x.jsonl")
    with pytest.raises(RecordError, match="can't be read: expected a file, found "):
        read_records(tmp_path)


def test_a_folder_of_record_files_is_read_as_one(tmp_path: Path) -> None:
    """Whatever its line ends; where two files answer the same, the first in order counts."""
    for name, answer in (("b/x.jsonl", "second"), ("a/x.jsonl", "first")):
        (tmp_path / name).parent.mkdir()
        text = dump_record("test_shout", [[said("a", answer)], [said(name, answer)]])
        (tmp_path / name).write_bytes(text.replace("\n", "\r\n").encode())

    answers = read_records(tmp_path)

    assert len(answers) == 3
    assert answers[said("a", "")[0].key].text == "first"
    assert read_records(tmp_path / "none") == {}


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    """With the line they stand in."""
    (tmp_path / "x.jsonl").write_bytes(f"{LINES[0]}\n".encode() + b"\xff\n")

    with pytest.raises(RecordError, match=r"x\.jsonl, line 2: text in UTF-8 expected"):
        read_records(tmp_path)
