"""Workers that are killed: the suite goes on, nothing is paid for twice, and nothing looks green
that is not."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from projects.shouting import Project

KILLER = """

import contextlib, os, pathlib, signal, sqlite3
from doubles.meeting import meet, wait_until

HERE = pathlib.Path(__file__).parent
WORKER = os.environ.get("PYTEST_XDIST_WORKER")

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

def leader():
    (path,) = HERE.glob(".lmopt/session-*/shared.sqlite")
    with contextlib.closing(sqlite3.connect(path)) as file:
        return file.execute("SELECT leader FROM suites").fetchone()[0]

def runs_before():
    with (HERE / "runs").open("a") as file:
        file.write(".")
        return file.tell()
"""
"""``kill_once`` kills the first process to come with ``when`` true."""

ENOUGH = "--lm-concurrency=64"
"""More than one worker uses: its examples may wait for those of another."""

ALONE = 'return lm_example.inputs["word"].upper()\n'
"""In place of a model."""


def _deadly(
    project: Project, line: str, *, arguments: str = "", examples: int = 120, alone: bool = True
) -> None:
    """A suite whose runs begin with a line that may kill their process."""
    project.suite(arguments, examples=examples)
    head, run = (project.path / "test_words.py").read_text().split("    return ")
    run = ALONE if alone else f"return {run}"
    text = f"{head}    {line}\n    {run}{KILLER}"
    project.write("test_words.py", text)


def _cases(project: Project) -> int:
    """Test cases in the junit file."""
    return len(ET.parse(project.path / "junit.xml").getroot().findall(".//testcase"))


@pytest.mark.parametrize(("role", "how"), [("==", "at_once"), ("!=", "by_signal")])
def test_a_worker_lost_while_evaluating_is_made_up_for(
    project: Project, role: str, how: str
) -> None:
    """Whether it led or helped: same scores, one test case; the loss is told."""
    kill = f"kill_once(WORKER {role} leader(), {how})"
    _deadly(project, f"if runs_before() > 16: meet(HERE / 'workers'); {kill}")
    result = project.run_apart("-n", "2", ENOUGH, "--junit-xml=junit.xml")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        ["*test_shout *88 *1.000 *", "note: worker gw? was lost while it ran *test_shout"]
    )
    assert (project.path / "killed").exists()
    assert _cases(project) == 1


@pytest.mark.parametrize("moment", ["setup", "teardown"])
def test_a_helper_lost_in_its_fixtures_is_not_missed(project: Project, moment: str) -> None:
    """The leader goes on, or has ended, without it."""
    _deadly(project, "runs_before() > 16 and wait_until((HERE / 'helping').exists)")
    text = (
        (project.path / "test_words.py").read_text().replace("(lm_example)", "(dying, lm_example)")
    )
    steps = {"setup": "kill()\n    yield", "teardown": "yield\n    kill()"}
    fixture = f"""
@pytest.fixture
def dying():
    kill = lambda: kill_once(WORKER != leader(), at_once)
    WORKER == leader() or (HERE / "helping").touch()
    {steps[moment]}
"""
    project.write("test_words.py", text + fixture)
    result = project.run_apart("-n", "2", ENOUGH, "--junit-xml=junit.xml")
    result.assert_outcomes(passed=1)
    assert (project.path / "killed").exists()
    assert _cases(project) == 1


@pytest.mark.parametrize("after", [40, 110])
def test_a_worker_lost_in_a_search_changes_nothing_of_it(project: Project, after: int) -> None:
    """In the race or later: the same trials, winner and verdict; nothing is paid for twice."""
    project.answer_apart()
    budget = "budget=Budget(calls=260)"
    project.suite(budget, examples=60)
    undisturbed = project.run("--lm-optimize=bootstrap", "--lm-cache=off")
    asked = project.asked_apart
    line = f"kill_once(runs_before() > {after}, by_signal)"
    _deadly(project, line, arguments=budget, examples=60, alone=False)
    result = project.run_apart("-n", "2", "--lm-optimize=bootstrap")
    result.assert_outcomes(passed=1)
    assert (project.path / "killed").exists()
    assert _found(result) == _found(undisturbed)
    # what was in flight at the kill may have been answered to nobody
    assert asked <= project.asked_apart - asked <= asked + 16


def _found(result: pytest.RunResult) -> list[str]:
    """What the report says of the search, without its costs."""
    words = ("bootstrap-", "winner:", "incumbent →", "difference", "+", "---")
    return [
        line
        for line in result.outlines
        if line.startswith("  ") and line.strip().startswith(words) and not line.endswith(" s")
    ]


def test_an_example_that_always_kills_its_worker_turns_the_run_red(project: Project) -> None:
    """After a few losses the suite is given up, and the examples that may be the cause named."""
    _deadly(project, "lm_example.id[-1] == '4' and at_once()")
    result = project.run_apart("-n", "2", "--junit-xml=junit.xml")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*workers were lost while they *the examples *w?4*"])
    assert _cases(project) == 1


def test_a_suite_nobody_can_finish_turns_the_run_red(project: Project) -> None:
    """No worker takes the place of the two that were lost."""
    _deadly(project, "lm_example.id[-1] in '45' and at_once()")
    result = project.run_apart("-n", "2", "--max-worker-restart=0")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes()
    result.stdout.fnmatch_lines(["note: *test_shout was not finished: *"])


def test_an_ordinary_test_that_kills_its_worker_fails_as_ever(project: Project) -> None:
    """Suites beside it are not concerned."""
    _deadly(project, "pass")
    project.write("test_a.py", "import os\ndef test_a(): os._exit(3)\n")
    result = project.run_apart("-n", "2")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*crashed while running 'test_a.py::test_a'*"])
