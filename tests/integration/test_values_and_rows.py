"""Values that look like others, through pytest: none of them makes a suite falsely green."""

from __future__ import annotations

import importlib

import pytest
from projects.shouting import Project

SUITE = """\
import math
from dataclasses import dataclass
import numpy as np
import pandas as pd
import pytest
from pytest_lmopt import metrics

class Page:
    def __init__(self, text):
        self.text = text

@dataclass
class Sheet:
    text: str

RIGHT = {right}
ROWS = {rows}

@pytest.mark.lm_suite(dataset=ROWS, metric=metrics.{metric})
def test_rows(lm_example):
    return {answer}
"""
RIGHT_ANSWER = "lm_example.expected if RIGHT else 'wrong'"


@pytest.fixture(scope="module", autouse=True)
def _pandas_imported() -> None:
    """Import it before the inner runs, each of which else takes long over it."""
    importlib.import_module("pandas")


def write(
    project: Project,
    rows: str,
    *,
    metric: str = "exact_match",
    answer: str = RIGHT_ANSWER,
    right: bool = True,
) -> None:
    """A suite of these rows, which answers right or wrong."""
    text = SUITE.format(rows=rows, metric=metric, answer=answer, right=right)
    project.write("test_rows.py", text)


def refused(project: Project, text: str) -> None:
    """The suite ends with an error that holds this."""
    result = project.run()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(errors=1)
    assert [line for line in result.outlines if text in line], result.outlines
    assert "passed" not in result.stdout.str()


@pytest.mark.parametrize(
    ("prediction", "score"),
    [
        ("3", "0.000"),
        ("math.factorial(200)", "1.000"),
        ("str(math.factorial(200))", "1.000"),
        ("f'{math.factorial(200):,}'", "1.000"),
        ("math.factorial(200) * 2", "0.000"),
        ("'1e999999999'", "0.000"),
    ],
)
def test_numbers_beyond_floats_are_exact(project: Project, prediction: str, score: str) -> None:
    """A float would take them all for infinite, and so for close to nothing or to everything."""
    rows = "[{'inputs': {'n': n}, 'expected': math.factorial(200)} for n in range(12)]"
    write(project, rows, metric="numeric_close", answer=prediction)
    project.run().stdout.fnmatch_lines([f"*test_rows *{score}*"])


@pytest.mark.parametrize(
    "place", ["'page': PAGE('x%d' % n)", "'pages': [{'first': PAGE('x%d' % n)}]"]
)
def test_rows_without_content_are_refused(project: Project, place: str) -> None:
    """Their digest would be another one in each process, and the gate off for ever."""
    rows = "[{'id': 'r%d' % n, 'inputs': {'n': n, PLACE}, 'expected': 'x'} for n in range(60)]"
    write(project, rows.replace("PLACE", place.replace("PAGE", "Page")))
    name = "inputs.page" if "pages" not in place else "inputs.pages[0].first"
    refused(
        project,
        f"dataset from a list: row 1: {name}: a value with content expected, found an object of "
        "type test_rows.Page. Make it a dataclass, or give its text",
    )


@pytest.mark.parametrize("page", ["Sheet('x%d' % n)", "np.arange(2000) * (n + 1)", "{n, 'a', 'b'}"])
def test_rows_of_objects_are_gated(project: Project, page: str) -> None:
    """Their digest is that of their content, so a change of answers is one of the pipeline."""
    rows = f"[{{'inputs': {{'page': {page}}}, 'expected': 'right'}} for n in range(60)]"
    write(project, rows)
    project.run("--lm-snapshot-update").assert_outcomes(passed=1)
    write(project, rows)
    project.run("-p", "no:randomly").stdout.fnmatch_lines(["*test_rows *1.000*holds*"])
    write(project, rows, right=False)
    result = project.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["failed: regressed against the baseline: 1.000 ? 0.000*"])


def test_long_arrays_are_rows_of_their_own(project: Project) -> None:
    """Without ids, and though Python shows them alike."""
    rows = """[{'inputs': {'x': np.eye(1, 2000, 900 + n)}, 'expected': n} for n in range(60)]"""
    write(project, rows, answer="lm_example.expected")
    result = project.run("--lm-optimize=baseline")
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize("marker", ["float('nan')", "np.nan", "pd.NA", "pd.NaT", "None"])
def test_rows_with_a_missing_group_are_no_cluster(project: Project, marker: str) -> None:
    """Else all of them were in one split, and counted as one observation."""
    group = f"'g' if n < 4 else {marker}"
    rows = f"[{{'inputs': {{'n': n}}, 'expected': 'x', 'group': {group}}} for n in range(60)]"
    write(project, rows)
    project.run("--lm-report=json:lm.json", "--lm-snapshot-update").assert_outcomes(passed=1)
    text = (project.path / "__lm_snapshots__/test_rows/test_rows.yaml").read_text()
    assert "  train: 0\n" not in text
    report = (project.path / "lm.json").read_text()
    assert '"group": "nan"' not in report.lower()


def csv(project: Project, text: str, *, metric: str = "exact_match") -> None:
    """A suite on a CSV file with this text, which answers with the last word of the message."""
    (project.path / "rows.csv").write_text(text, encoding="utf-8", newline="")
    answer = "lm_example.inputs['message'].split()[-1]"
    write(project, "'rows.csv'", metric=metric, answer=answer)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            'id,message,expected\nr1,a FIN,FIN\nr2,b FIN,FIN\nr3,c FIN,"FIN\n'
            + "".join(f"r{n},m FIN,FIN\n" for n in range(4, 61)),
            "dataset rows.csv: line 4: a quote opens a cell and never closes.",
        ),
        ("message;expected\na FIN;FIN\n", "dataset rows.csv: line 1 has semicolons between"),
        ("message\texpected\na FIN\tFIN\n", "dataset rows.csv: line 1 has tabs between"),
        ("message,Expected\na FIN,FIN\n", "dataset rows.csv: line 1 has a column 'Expected'; 'ex"),
    ],
)
def test_a_file_that_would_be_misread_is_refused(project: Project, text: str, problem: str) -> None:
    """Instead of passing with the rows that are left, or with a score of 0."""
    csv(project, text)
    refused(project, problem)


def test_the_empty_row_of_a_spreadsheet_is_no_example(project: Project) -> None:
    """Nor is a model asked about it."""
    csv(project, "message,expected\na FIN,FIN\nb OPS,OPS\n,\n")
    project.run("--lm-report=json:lm.json").assert_outcomes(passed=1)
    assert '"message": ""' not in (project.path / "lm.json").read_text()


@pytest.mark.parametrize("metric", ["exact_match", "contains", "f1"])
def test_a_row_that_expects_nothing_breaks_the_suite(project: Project, metric: str) -> None:
    """Rather than scoring 0 or, for the word None, 1."""
    csv(project, "message,expected\na None,\nb None,\nc None,\nd None,\n", metric=metric)
    result = project.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["error: metric failed on example *: ValueError: the expected value None holds nothing to*"]
    )


@pytest.mark.parametrize("metric", ["contains", "f1"])
@pytest.mark.parametrize("answer", ["None", "float('nan')", "['on']", "{'on': 'on'}"])
def test_no_answer_is_not_the_word_for_it(project: Project, metric: str, answer: str) -> None:
    """Nor is a list or mapping the text that Python shows of it."""
    rows = "[{'inputs': {'n': n}, 'expected': ['on', 'None', 'nan']} for n in range(12)]"
    once = f"lm_example.inputs['n'] == 5 and 'off' or {answer}"
    write(project, rows, metric=metric, answer=once)
    project.run().stdout.fnmatch_lines(["*test_rows *0.000*"])


def test_several_accepted_answers(project: Project) -> None:
    """Each of them is right."""
    rows = (
        """[{'inputs': {'n': n}, 'expected': ['Denver Broncos', 'Broncos']} for n in range(12)]"""
    )
    answer = "'Broncos' if lm_example.inputs['n'] % 2 else 'Denver Broncos'"
    for metric in ("exact_match", "contains", "f1"):
        write(project, rows, metric=metric, answer=answer)
        project.run().stdout.fnmatch_lines(["*test_rows *1.000*"])
