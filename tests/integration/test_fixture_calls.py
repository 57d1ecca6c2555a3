"""Calls in a suite's fixtures are the suite's: charged to it, recorded and replayed."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest
from doubles.function_model import FunctionModel
from projects.shouting import Project

SUITE = """\
import pytest, socket
from contextlib import suppress
from pytest_lmopt import Budget, metrics
from pipeline import one_step

WORDS = [{{"id": f"w{{i}}", "inputs": {{"word": f"word{{i}}"}}, "expected": f"WORD{{i}}"}}
         for i in range(40)]

def embedded(words):
    {embed}

@pytest.fixture
def index():
    yield embedded(["a", "b", "c"])
    {after}

@pytest.mark.lm_suite(dataset=WORDS, metric=metrics.exact_match, {arguments})
def test_shout(lm_example, index):
    return one_step(lm_example.inputs["word"])
"""
EMBED = "return list(map(one_step, words))"
SWALLOWED = "\n    with suppress(Exception):\n        return list(map(one_step, words))"


def write(
    project: Project, *, embed: str = EMBED, after: str = "one_step('end')", arguments: str = ""
) -> None:
    """The suite, with a fixture that calls a prompt three times before and once after it."""
    project.write("test_it.py", SUITE.format(embed=embed, after=after, arguments=arguments))


def reported(project: Project) -> Any:
    """The suite in the report that the run left."""
    (suite,) = json.loads((project.path / "out.json").read_text(encoding="utf-8"))["suites"]
    return suite


def test_they_are_charged_recorded_and_replayed(project: Project, model: FunctionModel) -> None:
    """As the calls of runs; the report names them apart."""
    write(project)
    result = project.run("--lm-report=json:out.json", "--lm-budget=calls:100")
    result.assert_outcomes(passed=1)
    judged = reported(project)["n"]
    assert model.calls == judged + 3 + 1
    assert reported(project)["usage"]["calls"] == judged + 3
    assert reported(project)["setup"]["calls"] == 3
    project.run("--lm-cache=replay", "--lm-report=json:out.json").assert_outcomes(passed=1)
    assert model.calls == judged + 3 + 1
    assert reported(project)["setup"]["replayed"] == 3
    ledger = project.run("--lm-ledger")
    ledger.stdout.fnmatch_lines([f"*the session*{judged + 4}*"])


@pytest.mark.parametrize("embed", [EMBED, SWALLOWED])
def test_a_budget_ends_the_suite(project: Project, model: FunctionModel, embed: str) -> None:
    """Also where the fixture catches everything."""
    write(project, embed=embed, arguments="budget=Budget(calls=2)", after="pass")
    result = project.run("--lm-report=json:out.json")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "budget-stopped: the budget of test_it.py::test_shout (2 calls) is used up*fixture*",
            "test_it.py::test_shout *budget-stopped * 2 *",
            "*charged to the budget: 2 of 2 calls*",
        ]
    )
    assert model.calls == 2
    assert reported(project)["setup"]["calls"] == 2


@pytest.mark.parametrize("embed", [EMBED, SWALLOWED])
def test_a_replay_asks_no_model(project: Project, model: FunctionModel, embed: str) -> None:
    """An answer that is not recorded makes the suite an error."""
    write(project, embed=embed, after="pass")
    result = project.run("--lm-cache=replay")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["error: not recorded (--lm-cache=replay)*(in a fixture)"])
    assert model.calls == 0


def test_what_comes_after_the_suite_is_limited_too(project: Project, model: FunctionModel) -> None:
    """The suite has passed; its teardown is an error."""
    write(project, embed="pass", arguments="budget=Budget(calls=30)")
    result = project.run("--lm-report=json:out.json")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["budget-stopped: the budget of *(30 calls) is used up*"])
    assert model.calls == reported(project)["n"] == 30


def test_committed_answers_include_theirs(project: Project, model: FunctionModel) -> None:
    """Another machine replays the whole suite from the record file."""
    write(project, after="pass")
    project.run("--lm-record=records").assert_outcomes(passed=1)
    asked = model.calls
    shutil.rmtree(project.path / ".lmopt")
    result = project.run("--lm-cache=replay", "-o", "lm_record=records")
    result.assert_outcomes(passed=1)
    assert model.calls == asked


def test_a_connection_of_a_fixture_is_one_of_the_suite(
    project: Project, model: FunctionModel
) -> None:
    """Named, and refused under a budget."""
    connect = "\n    with suppress(OSError):\n        socket.create_connection(('localhost', 9))"
    write(project, embed=connect, after=connect.replace("    ", "        ").lstrip())
    result = project.run()
    result.assert_outcomes(passed=1)
    said = "1 connection past the plugin, to localhost:9 (first in a fixture)*"
    result.stdout.fnmatch_lines([f"  {said}", f"note: test_it.py::test_shout, torn down: {said}"])
    result = project.run("--lm-budget=calls:100")
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(
        [
            "error: a fixture opens a connection past the plugin*",
            "test_it.py::test_shout * error * 0 *",
            "  1 connection past the plugin, to localhost:9 (first in a fixture), refused",
        ]
    )


def test_a_fixture_that_fails_by_itself_fails_as_ever(project: Project) -> None:
    """With its own error."""
    write(project, embed="raise ValueError('no index')")
    result = project.run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["E*ValueError: no index"])


def test_a_skipped_suite_opens_nothing(project: Project) -> None:
    """Nothing is prepared for it."""
    write(project)
    text = (project.path / "test_it.py").read_text(encoding="utf-8")
    project.write(
        "test_it.py", text.replace("@pytest.mark.lm", "@pytest.mark.skip\n@pytest.mark.lm")
    )
    project.run().assert_outcomes(skipped=1)
    assert not (project.path / ".lmopt").exists()


def test_a_service_that_a_fixture_starts_works_for_the_run(
    project: Project, model: FunctionModel
) -> None:
    """One example at a time it is known which; the fixture's own context ends with it."""
    write(project, embed="return ThreadPool(1)", after="pass", arguments="concurrency=1")
    text = (project.path / "test_it.py").read_text(encoding="utf-8")
    text = text.replace('return one_step(lm_example.inputs["word"])', APPLIED)
    project.write("test_it.py", f"from multiprocessing.pool import ThreadPool\n{text}")
    project.run("--lm-report=json:out.json").assert_outcomes(passed=1)
    assert reported(project)["setup"]["calls"] == 0
    assert reported(project)["usage"]["calls"] == reported(project)["n"] == model.calls


APPLIED = 'return index.apply(one_step, (lm_example.inputs["word"],))'


def test_workers_set_up_on_each_others_answers(project: Project) -> None:
    """Each has its own fixtures; none pays for what another one has asked."""
    project.answer_apart()
    write(project)
    result = project.run_apart("-n", "2", "--lm-report=json:out.json")
    result.assert_outcomes(passed=1)
    assert project.asked_apart == reported(project)["n"] + 3 + 1
