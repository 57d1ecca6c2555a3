"""A CSV file is read whole, or refused with the line that would be misread."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_lmopt.errors import DatasetError
from pytest_lmopt.suites.dataset import load_dataset
from pytest_lmopt.suites.example import Dataset

HEAD = "id,message,expected\n"


def lines(first: int, last: int) -> str:
    """Good rows of these numbers; with the header, row 1 stands in line 2."""
    return "".join(f"r{n},message {n},FIN{n}\n" for n in range(first, last + 1))


MORE = lines(10, 60)


def loaded(folder: Path, text: str) -> Dataset:
    """The dataset of a CSV file with this text."""
    (folder / "d.csv").write_text(text, encoding="utf-8", newline="")
    return load_dataset("d.csv", beside=folder)


def refusal(folder: Path, text: str) -> str:
    """What a CSV file with this text is refused with."""
    with pytest.raises(DatasetError) as caught:
        loaded(folder, text)
    return str(caught.value).removeprefix("dataset d.csv: ")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            f'{HEAD}{lines(1, 2)}r3,message 3,"FIN3\n{lines(4, 60)}',
            "line 4: a quote opens a cell and never closes. ",
        ),
        (
            f'{HEAD}{lines(1, 59)}r60,message 60,"FIN60',
            "line 61: a quote opens a cell and never closes. ",
        ),
        (f'"{HEAD}{lines(1, 60)}', "line 1: a quote opens a cell and never closes. "),
        (
            f'{HEAD}{lines(1, 2)}r3,"two\nlines","FIN3\n{lines(4, 60)}',
            "line 5: a quote opens a cell and never closes. ",
        ),
        # closed by the quote that opens another row's cell
        (
            f'{HEAD}{lines(1, 2)}r3,message 3,"FIN3\n{lines(4, 8)}r9,message 9,"FIN9"\n',
            "line 4: a quote opens a cell and closes in line 10, where text follows. ",
        ),
        (
            f'{HEAD}{lines(1, 2)}r3,"message 3,FIN3\n{lines(4, 8)}r9,"message 9",FIN9\n',
            "line 4: a quote opens a cell and closes in line 10, where text follows. ",
        ),
        (
            f'{HEAD}{lines(1, 2)}r3,message 3,"FIN"3\n{lines(4, 8)}',
            "line 4: a quote opens a cell and closes in line 4, where text follows. ",
        ),
        # closed by a quote that was left in another row
        (
            f'{HEAD}{lines(1, 2)}r3,message 3,"FIN3\n{lines(4, 8)}r9,message 9,FIN9"\n{MORE}',
            "line 4: a quote opens a cell that closes in line 10, and its lines look like rows ",
        ),
        (
            f'{HEAD}{lines(1, 2)}r3,"message 3,FIN3\n{lines(4, 8)}r9,message 9",FIN9\n{MORE}',
            "line 4: a quote opens a cell that closes in line 10, and its lines look like rows ",
        ),
        (
            f'{HEAD}{lines(1, 2)}"r3,message 3,FIN3\n{lines(4, 8)}r9",message 9,FIN9\n{MORE}',
            "line 4: a quote opens a cell that closes in line 10, and its lines look like rows ",
        ),
        (
            f'{HEAD}{lines(1, 2)}r3,"message 3,FIN3\nr4,message 4",FIN4\n{lines(5, 60)}',
            "line 4: a quote opens a cell that closes in line 5, and its lines look like rows ",
        ),
        (
            'message,expected\nFIN a,FIN\n"FIN b,FIN\nOPS c,OPS\nOPS d",OPS\n',
            "line 3: a quote opens a cell that closes in line 5, and its lines look like rows ",
        ),
        (
            f'{HEAD}{lines(1, 2)}r3,"message 3,FIN3\n{lines(4, 8)}r9"\n',
            "line 4 has not as many cells as the header; is a quote in it unclosed?",
        ),
    ],
)  # fmt: skip
def test_a_quote_takes_in_no_rows(tmp_path: Path, text: str, problem: str) -> None:
    """The line where it opens is named, however it comes to be closed."""
    assert refusal(tmp_path, text).startswith(problem)
    assert refusal(tmp_path, text.replace("\n", "\r\n")).startswith(problem)


@pytest.mark.parametrize(
    "cell",
    [
        "Dear team,\nthe invoice, the third one, is wrong.\nBye,\nAda",
        "Hello,\nbye",
        "def f(a,b):\n    return g(a,b)\nf(1,2)",
        "a,b\n1,2\n3,4",
        'She said "no"\nand left, "for good"',
        "roses are red, violets\nare blue, sugar\nis sweet, and\nso are, you",
        "\n\n,\n",
        "x;y\nz",
    ],
)
@pytest.mark.parametrize("label", ["FIN", "12"])
def test_cells_of_several_lines_are_welcome(tmp_path: Path, cell: str, label: str) -> None:
    """Letters, code and tables inside of a cell are not the file's own rows."""
    quoted = cell.replace('"', '""')
    labels = f"one,{label}\n" * 1 + f"two,{label}\n"
    dataset = loaded(tmp_path, f'text,expected\n{labels}"{quoted}",{label}\nthree,{label}\n')
    assert [example.inputs["text"] for example in dataset] == ["one", "two", cell, "three"]


@pytest.mark.parametrize(
    "end",
    [",\n", ",\n,\n\n", " , \n", '"",""\n', ",,,\n", "\n\n\n", "\u00a0,\n"],
)
@pytest.mark.parametrize("middle", [False, True])
def test_blank_rows_are_no_examples(tmp_path: Path, end: str, middle: bool) -> None:
    """A spreadsheet writes those below its table."""
    rows = ["FIN a,FIN\n", "OPS b,OPS\n"]
    text = "message,expected\n" + (rows[0] + end + rows[1] if middle else rows[0] + rows[1] + end)
    assert [example.expected for example in loaded(tmp_path, text)] == ["FIN", "OPS"]


def test_a_blank_cell_alone_in_its_row_counts_where_it_is_quoted(tmp_path: Path) -> None:
    """It was written on purpose."""
    assert len(loaded(tmp_path, 'q\n""\nx\n')) == 2
    assert len(loaded(tmp_path, "q\n  \nx\n")) == 1


def test_a_row_with_an_id_alone_is_refused(tmp_path: Path) -> None:
    """A filled-down column of ids is not data; an empty input that expects something is."""
    assert refusal(tmp_path, f"{HEAD}{lines(1, 2)}r3,,\n") == (
        "line 4 has no input and no expected value, only id. Fill the row, or drop it"
    )
    assert loaded(tmp_path, "id,message,expected\n1,,nothing\n").examples[0].expected == "nothing"
    assert len(loaded(tmp_path, "id,message\n1,\n")) == 1


def test_an_empty_expected_cell_expects_nothing(tmp_path: Path) -> None:
    """Metrics that need one say so."""
    assert loaded(tmp_path, "message,expected\na,\nb,x\n").examples[0].expected is None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("message;expected\na;b\n", "semicolons"),
        ("id;message\n1;a\n", "semicolons"),
        ("sep=;\nmessage;expected\na;b\n", "semicolons"),
        ("message;notes, long;expected\na;b;c\n", "semicolons"),
        ("message\texpected\na\tb\n", "tabs"),
        ("message|expected\na|b\n", "vertical bars"),
        ("message;Expected\na;b\n", "semicolons"),
    ],
)
def test_other_delimiters_are_named(tmp_path: Path, text: str, name: str) -> None:
    """Else the whole row is one input, and each example a KeyError."""
    assert refusal(tmp_path, text) == (
        f"line 1 has {name} between its columns; commas expected. Save the file with commas, or "
        "as JSON Lines"
    )


@pytest.mark.parametrize(
    "column", ["Expected", "EXPECTED", "expected\u200b", "ID", "Group", "Split"]
)
def test_a_known_column_in_another_spelling_is_named(tmp_path: Path, column: str) -> None:
    """Else it is an input, and all scores are 0."""
    assert refusal(tmp_path, f"message,{column}\na,b\n").endswith(
        "expected. Rename it, or give it another name if it is an input"
    )
    assert "line 1 has a column" in refusal(tmp_path, f"message,{column}\na,b\n")


@pytest.mark.parametrize("column", ["Inputs", "INPUTS"])
def test_inputs_have_columns_of_their_own(tmp_path: Path, column: str) -> None:
    """In any spelling."""
    assert "a CSV has a column of its name for each" in refusal(tmp_path, f"{column},x\na,b\n")


def test_lines_may_end_as_on_old_computers(tmp_path: Path) -> None:
    """With carriage returns alone, or of both kinds."""
    assert len(loaded(tmp_path, "message,expected\ra,b\rc,d\r")) == 2
    assert len(loaded(tmp_path, "message,expected\r\na,b\nc,d\r")) == 2


def test_many_blank_rows_take_no_time(tmp_path: Path) -> None:
    """A sheet may have a million of them."""
    assert len(loaded(tmp_path, "message,expected\na,b\n" + ",\n" * 100_000)) == 1
