"""A suite that is broken as it is written: an error of that suite, and nothing else changes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from doubles.function_model import FunctionModel
from projects.shouting import Project

SUITES = """\
import pytest
from pathlib import Path
from pytest_lmopt import metrics

def made(name):
    path = Path(__file__).with_name("row.txt")
    return lambda: [{"id": f"w{i}", "inputs": {"word": f"w{i}"}, "expected": f"W{i}"}
                    for i in range(int(path.read_text()))]

@pytest.mark.lm_suite(dataset="words.json", metric=metrics.exact_match)
def test_words(lm_example):
    return lm_example.inputs["word"].upper()

@pytest.mark.lm_suite(dataset=made("rows"), metric=metrics.exact_match)
def test_made(lm_example):
    return lm_example.inputs["word"].upper()
"""
ORDINARY = "def test_ordinary(): pass\n"
SNAPSHOT = "__lm_snapshots__/test_suites/test_words.yaml"


@pytest.fixture
def suites(project: Project) -> Project:
    """Two suites and a test, accepted, of which one's dataset is then broken."""
    rows = [
        {"id": f"w{number}", "inputs": {"word": f"w{number}"}, "expected": f"W{number}"}
        for number in range(40)
    ]
    project.write("words.json", json.dumps(rows))
    project.write("row.txt", "40")
    project.write("test_suites.py", SUITES)
    project.write("test_ordinary.py", ORDINARY)
    project.run("--lm-snapshot-update").assert_outcomes(passed=3)
    project.write("words.json", json.dumps(rows)[:-1])
    return project


def test_its_snapshot_is_not_taken_for_an_orphan(suites: Project) -> None:
    """Nothing of it is removed or rewritten; what the other suite accepts is."""
    before = suites.files()
    suites.write("row.txt", "41")
    result = suites.run("--lm-snapshot-update")
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.no_fnmatch_line("removed:*")
    result.stdout.no_fnmatch_line("orphaned:*")
    after = suites.files()
    assert after.keys() == before.keys()
    assert after[SNAPSHOT] == before[SNAPSHOT]
    assert after != before


def test_what_can_not_be_collected_leaves_no_orphans_either(suites: Project) -> None:
    """What pytest can't collect may be a suite; others run where that is asked for."""
    suites.write(
        "conftest.py",
        "import pytest\n"
        "def pytest_pycollect_makeitem(collector, name, obj):\n"
        "    if name == 'test_words':\n"
        "        return Unreadable.from_parent(collector, name=name)\n"
        "class Unreadable(pytest.Collector):\n"
        "    def collect(self): raise ValueError('not today')\n",
    )
    before = suites.files()
    result = suites.run("--lm-snapshot-update", "--continue-on-collection-errors")
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.no_fnmatch_line("removed:*")
    assert suites.files() == before


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "workers"])
def test_reports_have_it_among_the_others(suites: Project, workers: tuple[str, ...]) -> None:
    """In the table, as JSON, and for junit."""
    run = suites.run_apart if workers else suites.run
    result = run(*workers, "--lm-report=json:lm.json,html:lm.html", "--junit-xml=j")
    result.assert_outcomes(passed=2, errors=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    shown = json.loads((suites.path / "lm.json").read_text())["suites"]
    by_name = {each["suite"]: each for each in shown}
    assert by_name["test_suites.py::test_words"]["status"] == "error"
    assert "words.json" in by_name["test_suites.py::test_words"]["problem"]
    assert by_name["test_suites.py::test_made"]["status"] == "passed"
    assert 'name="lm_status" value="error"' in (suites.path / "j").read_text()


MADE = """\
import sys, unittest
import pytest

class Odd:
    def __repr__(self): raise RuntimeError("no repr")

def rows():
    {body}

@pytest.mark.lm_suite(dataset={dataset})
def test_it(lm_example): pass
"""


@pytest.mark.parametrize(
    ("body", "dataset", "shown"),
    [
        ("raise ValueError('no data')", "rows", "*: dataset from rows: raised ValueError: no data"),
        ("return (1 / 0 for _ in 'ab')", "rows", "*: dataset from rows: raised ZeroDivisionError*"),
        ("sys.exit('no data')", "rows", "*::test_it: raised SystemExit: no data"),
        ("pytest.fail('no data')", "rows", "*::test_it: raised Failed: no data"),
        ("pass", "Odd()", "*::test_it: dataset from a list: a list of rows expected, found Odd*"),
        ("pass", "5", "*::test_it: dataset from a list: a list of rows expected, found int 5"),
    ],
)
def test_whatever_goes_wrong_with_its_data_is_its_own_error(
    project: Project, body: str, dataset: str, shown: str
) -> None:
    """A function that makes rows may do anything."""
    project.write("test_it.py", MADE.format(body=body, dataset=dataset))
    project.write("test_ordinary.py", ORDINARY)
    result = project.run()
    result.assert_outcomes(errors=1, passed=1)
    result.stdout.fnmatch_lines([f"error: {shown}"])


@pytest.mark.parametrize(
    ("how", "workers"),
    [
        ("pytest.skip('no data')", ()),
        ("pytest.importorskip('no_such')", ()),
        ("raise unittest.SkipTest('no data')", ()),
        ("pytest.skip('no data')", ("-n", "2")),
    ],
)
def test_data_that_ask_for_a_skip_skip_that_test(
    project: Project, how: str, workers: tuple[str, ...]
) -> None:
    """As if the test itself had asked."""
    project.write("test_it.py", MADE.format(body=how, dataset="rows"))
    project.write("test_ordinary.py", ORDINARY)
    result = (project.run_apart if workers else project.run)("-rs", *workers)
    result.assert_outcomes(skipped=1, passed=1)
    result.stdout.fnmatch_lines(["SKIPPED *test_it.py:*: *"])


def test_data_that_end_the_session_do(project: Project) -> None:
    """With their own exit status: that is asked for, and no mistake."""
    body = "pytest.exit('stop', returncode=7)"
    project.write("test_it.py", MADE.format(body=body, dataset="rows"))
    assert project.run().ret == 7


def test_a_test_that_is_skipped_is_not_asked_for_its_data(suites: Project) -> None:
    """A mark that skips it stands before its error, as for any other test."""
    text = (suites.path / "test_suites.py").read_text()
    skipped = "@pytest.mark.skip(reason='no data here')\n@pytest.mark.lm_suite(dataset=\"words"
    suites.write("test_suites.py", text.replace('@pytest.mark.lm_suite(dataset="words', skipped))
    suites.run().assert_outcomes(passed=2, skipped=1)


def test_a_prompt_it_was_accepted_with_is_not_rewritten_without_it(
    project: Project, model: FunctionModel
) -> None:
    """Another suite's winner can't be tried there, so it waits until the suite is mended."""
    project.suite("budget=Budget(calls=600)", examples=160)
    project.second_suite("budget=Budget(calls=200)")
    project.run("--lm-snapshot-update").assert_outcomes(passed=2)
    text = (project.path / "test_words.py").read_text()
    project.write("test_words.py", text.replace("dataset=OTHERS", "dataset=[]"))
    before = (project.path / "shout.yaml").read_bytes()
    result = project.run("--lm-optimize=bootstrap", "--lm-snapshot-update")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["not written: shout.yaml, which *test_other uses too: not tried*"])
    assert (project.path / "shout.yaml").read_bytes() == before


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "workers"])
def test_a_mistake_that_ends_an_import_is_that_modules_error(
    project: Project, workers: tuple[str, ...]
) -> None:
    """As any exception there: in a line, and the others run if pytest is asked to go on."""
    project.write("shout.yaml", "instruction: SHOUT\ninputs: word\noutput: loud\n")
    project.suite()
    project.write("test_ordinary.py", ORDINARY)
    run = project.run_apart if workers else project.run
    result = run(*workers)
    assert result.ret == (pytest.ExitCode.TESTS_FAILED if workers else pytest.ExitCode.INTERRUPTED)
    result.stdout.fnmatch_lines(
        ["*pipeline.py, line 5: *shout.yaml, line 2, field 'inputs': a list of names expected*"]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    result = run(*workers, "--continue-on-collection-errors")
    result.assert_outcomes(passed=1, errors=1)


def test_a_mistake_in_a_folders_conftest_is_told_in_a_line_too(project: Project) -> None:
    """It is an error of that folder."""
    (project.path / "sub").mkdir()
    project.write("shout.yaml", "instruction: SHOUT\ninputs: word\noutput: loud\n")
    project.write("sub/conftest.py", "import pipeline\n")
    project.write("sub/test_sub.py", ORDINARY)
    project.write("test_ordinary.py", ORDINARY)
    result = project.run("--continue-on-collection-errors")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*pipeline.py, line 5: *shout.yaml, line 2, field 'inputs'*"])
    result.stdout.no_fnmatch_line("*in load_prompt_file*")


def test_an_editor_can_list_what_is_there(suites: Project, tmp_path: Path) -> None:
    """No dataset is read for it, and nothing is checked."""
    result = suites.run("--collect-only", "-q")
    assert result.ret == pytest.ExitCode.OK
    assert result.outlines[:3] == [
        "test_ordinary.py::test_ordinary",
        "test_suites.py::test_words",
        "test_suites.py::test_made",
    ]
