"""``-n``: suites spread over real xdist workers."""

from __future__ import annotations

import pytest
from doubles.openai_server import OpenAIServer
from projects.shouting import Project


def test_workers_report_to_the_controller_which_alone_writes(
    project: Project, openai_server: OpenAIServer
) -> None:
    """Scores, table and snapshots are the same as without workers."""
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


def test_a_mistake_found_by_a_worker_is_a_usage_error_with_the_same_message(
    project: Project,
) -> None:
    """The controller says it once and runs nothing, the other tests neither."""
    project.suite("metrik=1")
    project.write("test_more.py", "def test_ordinary(): pass\n")
    result = project.run_apart("-n", "2")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.assert_outcomes()
    problem = "ERROR: test_words.py::test_shout: lm_suite has no argument 'metrik'; it takes *"
    result.stderr.fnmatch_lines([problem])
    result.stderr.no_fnmatch_line("*Traceback*")


@pytest.mark.slow
def test_workers_share_the_budget_of_a_module(
    project: Project, openai_server: OpenAIServer
) -> None:
    """Together they make no more calls than it allows; who comes too late says so."""
    project.suite(examples=60)
    text = (project.path / "test_words.py").read_text()
    module = "pytestmark = pytest.mark.lm_suite(budget=Budget(calls=50))\n"
    other = "\n\ntest_other = pytest.mark.lm_suite()(test_shout)\n"
    project.write("test_words.py", text + other + module)
    result = project.run_apart("-n", "2", "--lm-cache=off")
    result.stdout.fnmatch_lines(["*the budget of test_words.py (50 calls) is used up*"])
    assert 32 < openai_server.calls <= 50
