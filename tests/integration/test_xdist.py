"""``-n``: suites spread over real xdist workers."""

from __future__ import annotations

import json

import pytest
from projects.shouting import Project


def test_workers_report_to_the_controller_which_alone_writes(project: Project) -> None:
    """Scores, table and snapshots are the same as without workers."""
    project.answer_apart()
    project.suite()
    text = (project.path / "test_words.py").read_text()
    project.write("test_words.py", f"{text}\n\ntest_other = pytest.mark.lm_suite()(test_shout)\n")
    project.run("--lm-snapshot-update")
    alone = project.files()
    for name in alone:
        (project.path / name).unlink()
    result = project.run_apart("-n", "2", "--lm-snapshot-update", "--lm-cache=off")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["test_words.py::test_shout *", "written: *"])
    assert project.files() == alone


def test_a_mistake_in_a_suite_is_that_suites_error_alone(project: Project) -> None:
    """With workers as without: the other tests run, and the error is shown once."""
    project.answer_apart()
    project.suite("metrik=1")
    project.second_suite()
    project.write("test_more.py", "def test_ordinary(): pass\n")
    result = project.run_apart("-n", "2", "--lm-report=json:lm.json")
    result.assert_outcomes(errors=1, passed=2)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    begins = "error: test_words.py::test_shout"
    assert sum(line.startswith(begins) for line in result.outlines) == 1
    result.stdout.fnmatch_lines(["test_words.py::test_shout * error *"])
    result.stdout.no_fnmatch_line("*Traceback*")
    reported = json.loads((project.path / "lm.json").read_text())["suites"]
    assert {each["suite"]: each["status"] for each in reported} == {
        "test_words.py::test_shout": "error",
        "test_words.py::test_other": "passed",
    }


def test_workers_share_the_budget_of_a_module(project: Project) -> None:
    """Together they make no more calls than it allows; who comes too late says so."""
    project.answer_apart()
    project.suite(examples=60)
    text = (project.path / "test_words.py").read_text()
    module = "pytestmark = pytest.mark.lm_suite(budget=Budget(calls=50))\n"
    other = "\n\ntest_other = pytest.mark.lm_suite()(test_shout)\n"
    project.write("test_words.py", text + other + module)
    result = project.run_apart("-n", "2", "--lm-cache=off")
    result.stdout.fnmatch_lines(["*the budget of test_words.py (50 calls) is used up*"])
    assert 32 < project.asked_apart <= 50
