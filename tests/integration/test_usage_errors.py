"""Mistakes in marks, data and options: one line that names the place, no traceback.

Of a mark or its data they are errors of that test, of an option usage errors.
"""

from __future__ import annotations

import pytest
from projects.shouting import Project

ROWS = "[{'id': 'a', 'inputs': {'word': 'x'}, 'expected': 'X'}]"


def _suite(mark: str, parameters: str = "lm_example", more: str = "") -> str:
    return (
        "import pytest\nfrom pytest_lmopt import Budget, metrics\n"
        f"{more}\n@pytest.mark.lm_suite({mark})\ndef test_it({parameters}):\n    return ''\n"
    )


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            _suite(f"dataset={ROWS}, metrik=1"),
            "test_it.py::test_it: lm_suite has no argument 'metrik'; it takes dataset, metric, "
            "budget, threshold, margin, gate, require_baseline, repeats, model, max_missing, "
            "concurrency, near_duplicates, intercept",
        ),
        (
            _suite(ROWS),
            "test_it.py::test_it: lm_suite takes keyword arguments only, found [[]{'id'*",
        ),
        (_suite(""), "test_it.py::test_it: lm_suite needs dataset=, a file name or rows"),
        (
            _suite(f"dataset={ROWS}, metric='exact'"),
            "test_it.py::test_it: lm_suite(metric='exact'): a function (example, prediction) "
            "expected",
        ),
        (
            _suite(f"dataset={ROWS}, budget=600"),
            "test_it.py::test_it: lm_suite(budget=600): a Budget, such as Budget(calls=600), "
            "expected",
        ),
        (
            _suite(f"dataset={ROWS}, threshold=70"),
            "test_it.py::test_it: lm_suite(threshold=70): a number from 0 to 1 expected",
        ),
        (
            _suite(f"dataset={ROWS}", parameters=""),
            "test_it.py::test_it: a marked test must take the fixture lm_example*",
        ),
        (
            _suite(
                f"dataset={ROWS}",
                "word, lm_example",
                "@pytest.fixture\ndef word(lm_example): return ''\n",
            ),
            "test_it.py::test_it: fixture 'word' asks for lm_example, but fixtures are set up*",
        ),
        (
            _suite(f"dataset={ROWS}", "", "pytestmark = pytest.mark.usefixtures('lm_example')"),
            "test_it.py::test_it: usefixtures gives the test no lm_example to work on; take it *",
        ),
        (
            "def test_it(lm_example): pass\n",
            "test_it.py::test_it: lm_example is for suites; mark the test with*",
        ),
        (
            _suite("dataset=[]"),
            "test_it.py::test_it: dataset from a list: is empty; at least one example is needed",
        ),
        (
            _suite("dataset='nowhere.jsonl'"),
            "test_it.py::test_it: dataset nowhere.jsonl: no such file in *",
        ),
        (
            _suite(f"dataset=2 * {ROWS}"),
            "*::test_it: dataset from a list: row 2 has the id 'a', which row 1 has already",
        ),
    ],
)
def test_a_mistake_in_a_mark_or_its_data(project: Project, source: str, message: str) -> None:
    """It is an error of that test alone: other tests run, and editors can list all of them."""
    project.write("test_it.py", source)
    project.write("test_ordinary.py", "def test_ordinary(): pass\n")
    result = project.run()
    result.assert_outcomes(errors=1, passed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([f"error: {message}", "test_it.py::test_it * error *"])
    result.stdout.no_fnmatch_line("*Traceback*")
    listed = project.run("--collect-only", "-q")
    assert listed.ret == pytest.ExitCode.OK
    listed.stdout.fnmatch_lines(["test_it.py::test_it", "test_ordinary.py::test_ordinary"])


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--lm-gate=strict", "*--lm-gate: one of regression, noninferior, off *found 'strict'"),
        ("--lm-concurrency=0", "*--lm-concurrency: a positive whole number expected, found '0'"),
        (
            "--lm-report=pdf:x",
            "*: KIND:PATH expected, of html, json, md, csv, found 'pdf:x'",
        ),
        ("--lm-report=json:a.json,csv:.", "*: a file expected, but '.' is a folder"),
        (
            "--lm-optimize=magic",
            "*--lm-optimize: unknown strategy 'magic'; expected one of auto, *",
        ),
    ],
)
def test_a_mistake_in_an_option(project: Project, option: str, message: str) -> None:
    """Options are checked when they are read."""
    project.suite()
    result = project.run(option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([message])


def test_a_mistake_in_an_ini_value(project: Project) -> None:
    """Ini values are checked like options."""
    project.write("tox.ini", "[pytest]\nlm_gate = strict\n")
    result = project.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    (shown,) = [line for line in result.errlines if line.startswith("ERROR: ")]
    expected = "one of regression, noninferior, off expected"
    assert shown == f"ERROR: ini value lm_gate: {expected}, found 'strict'"


def test_a_deselected_suite_is_not_even_read(project: Project) -> None:
    """Its mistakes are those of another run."""
    project.write("test_it.py", f"{_suite('dataset=[]')}\ndef test_other(): pass\n")
    project.run("-k", "test_other").assert_outcomes(passed=1, deselected=1)
