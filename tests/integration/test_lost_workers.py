"""Workers that are killed: the suite goes on, nothing is paid for twice, and nothing looks green
that is not."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from doubles.openai_server import OpenAIServer
from projects.shouting import Project

KILLER = """

import os, pathlib, signal, time

HERE = pathlib.Path(__file__).parent

def leads():
    # the leader's journal or first block is under way where its lane was the first to arrive
    return os.environ["PYTEST_XDIST_WORKER"] == (HERE / "first").read_text()

def arrive():
    try:
        with (HERE / "first").open("x") as file:
            file.write(os.environ["PYTEST_XDIST_WORKER"])
    except FileExistsError:
        pass

def kill_once(when, how):
    if when:
        try:
            (HERE / "killed").touch(exist_ok=False)
        except FileExistsError:
            return
        how()

def at_once():
    os._exit(7)

def by_signal():
    os.kill(os.getpid(), signal.SIGKILL)
"""
"""``kill_once`` kills the first process to come with ``when`` true."""


def _deadly(project: Project, line: str, *, arguments: str = "", examples: int = 80) -> None:
    """A suite whose runs begin with a line that may kill their process."""
    project.suite(arguments, examples=examples)
    text = (project.path / "test_words.py").read_text()
    run = f"    time.sleep(0.01)\n    {line}\n    return one_step"
    project.write("test_words.py", text.replace("    return one_step", run) + KILLER)


def _cases(project: Project) -> int:
    """Test cases in the junit file."""
    return len(ET.parse(project.path / "junit.xml").getroot().findall(".//testcase"))


@pytest.mark.parametrize("how", ["at_once", "by_signal"])
@pytest.mark.parametrize("worker", ["gw0", "gw1"])
def test_a_worker_lost_while_evaluating_is_made_up_for(
    project: Project, openai_server: OpenAIServer, worker: str, how: str
) -> None:
    """Same scores, one test case, no answer paid for twice; the loss is told."""
    project.suite()
    project.run("--lm-snapshot-update", "--lm-cache=off")
    alone, asked = project.files(), openai_server.calls
    when = f"os.environ.get('PYTEST_XDIST_WORKER') == {worker!r} and int(lm_example.id[1:]) > 20"
    _deadly(project, f"kill_once({when}, {how})")
    result = project.run_apart("-n", "2", "--lm-snapshot-update", "--junit-xml=junit.xml")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([f"note: worker {worker} was lost while it ran *test_shout"])
    assert (project.path / "killed").exists()
    assert project.files() == alone
    assert _cases(project) == 1
    # what was in flight at the kill may have been answered to nobody
    assert asked <= openai_server.calls - asked <= asked + 16


@pytest.mark.parametrize("after", [60, 150, 330])
def test_a_worker_lost_in_a_search_changes_nothing_of_it(
    project: Project, openai_server: OpenAIServer, after: int
) -> None:
    """Whichever phase it is in, and whether it led: the same trials, winner and verdict."""
    project.suite("budget=Budget(calls=500)", examples=120)
    undisturbed = project.run_apart("-n", "2", "--lm-optimize", "--lm-cache=off")
    undisturbed.assert_outcomes(passed=1)
    count = "len(list(HERE.glob('run-*')))"
    line = (
        f"(HERE / f'run-{{time.monotonic_ns()}}').touch(); kill_once({count} > {after}, by_signal)"
    )
    _deadly(project, line, arguments="budget=Budget(calls=500)", examples=120)
    result = project.run_apart("-n", "2", "--lm-optimize")
    result.assert_outcomes(passed=1)
    assert (project.path / "killed").exists()
    assert _found(result) == _found(undisturbed)


def _found(result: pytest.RunResult) -> list[str]:
    """What the report says of the search, without its costs."""
    words = ("search (", "holdout", "bootstrap-", "accepted", "+", "-")
    return [line for line in result.outlines if line.strip().startswith(words)]


def test_an_example_that_always_kills_its_worker_turns_the_run_red(
    project: Project, openai_server: OpenAIServer
) -> None:
    """After a few losses the suite is given up, by name."""
    _deadly(project, "lm_example.id == 'w40' and at_once()")
    result = project.run_apart("-n", "2", "--junit-xml=junit.xml")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.parseoutcomes().get("passed") is None
    assert _cases(project) == 1


def test_a_suite_nobody_can_finish_turns_the_run_red(
    project: Project, openai_server: OpenAIServer
) -> None:
    """No worker takes the leader's place."""
    _deadly(project, "lm_example.id == 'w40' and at_once()")
    result = project.run_apart("-n", "2", "--max-worker-restart=0")
    assert result.ret != pytest.ExitCode.OK
    assert result.parseoutcomes().get("passed") is None


def test_an_ordinary_test_that_kills_its_worker_fails_as_ever(
    project: Project, openai_server: OpenAIServer
) -> None:
    """Suites beside it are not concerned."""
    project.suite()
    project.write("test_a.py", "import os\ndef test_a(): os._exit(3)\n")
    result = project.run_apart("-n", "2")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*crashed while running 'test_a.py::test_a'*"])
