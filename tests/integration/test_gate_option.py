"""``--lm-gate``: what fails a suite."""

from __future__ import annotations

from doubles.function_model import FunctionModel
from projects.shouting import Project

from pytest_lmopt.testing.simulated_model import SimulatedModel

CAREFUL = "instruction: SHOUT carefully.\ninputs: [word]\noutput: loud\n"
CARELESS = "instruction: SHOUT.\ninputs: [word]\noutput: loud\n"


def _regressed(project: Project, model: FunctionModel, arguments: str = "") -> None:
    """A baseline, and a prompt that is clearly worse."""
    model.answer = SimulatedModel(base=0.3, bonus=0.5).answer
    project.write("shout.yaml", CAREFUL)
    project.suite(arguments)
    project.run("--lm-snapshot-update")
    project.write("shout.yaml", CARELESS)


def test_off_reports_a_regression_without_failing(project: Project, model: FunctionModel) -> None:
    """The verdict is shown all the same."""
    _regressed(project, model)
    result = project.run("--lm-gate=off")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*: regressed"])


def test_the_option_wins_over_the_ini_value(project: Project, model: FunctionModel) -> None:
    """``lm_gate`` in the configuration is only the default."""
    _regressed(project, model)
    with (project.path / "tox.ini").open("a") as ini:
        ini.write("lm_gate = off\n")
    project.run().assert_outcomes(passed=1)
    project.run("--lm-gate=regression").assert_outcomes(failed=1)


def test_noninferior_asks_for_proof(project: Project, model: FunctionModel) -> None:
    """A change that is merely not proven to be harmful fails, unless it stays in the margin."""
    model.answer = SimulatedModel(base=0.5, bonus=0.02).answer
    project.write("shout.yaml", CARELESS)
    project.suite(examples=60)
    project.run("--lm-snapshot-update")
    project.write("shout.yaml", CAREFUL)
    project.run().assert_outcomes(passed=1)
    result = project.run("--lm-gate=noninferior")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["failed: not shown to be within the margin 0 of the baseline*"])
    project.suite("margin=0.2", examples=60)
    project.run("--lm-gate=noninferior").assert_outcomes(passed=1)


def test_a_score_under_the_threshold_fails(project: Project, model: FunctionModel) -> None:
    """With or without a baseline."""
    project.suite("threshold=0.9")
    result = project.run()
    assert result.ret == 1
    result.stdout.fnmatch_lines(["failed: score 0.* is under the threshold 0.9"])


def test_failing_examples_are_shown_but_those_of_holdout_only_by_id(
    project: Project, model: FunctionModel
) -> None:
    """Nobody should tune a prompt to the examples that will judge it; ``-vv`` shows them."""
    project.suite("threshold=0.9", examples=30)
    shown = project.run().stdout.str()
    assert "feedback expected 'WORD" in shown
    assert shown.count("expected 'WORD") == 3
    assert project.run("-vv").stdout.str().count("expected 'WORD") > 3


def test_the_option_wins_over_the_mark_and_the_mark_over_the_ini_value(
    project: Project, model: FunctionModel
) -> None:
    """For gate, threshold and margin alike."""
    with (project.path / "tox.ini").open("a") as ini:
        ini.write("lm_threshold = 0.9\n")
    project.suite()
    project.run().assert_outcomes(failed=1)
    project.suite("threshold=0.1")
    project.run().assert_outcomes(passed=1)
    project.run("--lm-threshold=0.9").assert_outcomes(failed=1)
    project.run("--lm-threshold=0.9", "--lm-gate=off").assert_outcomes(passed=1)
    project.suite("gate='off'")
    project.run().assert_outcomes(passed=1)


def test_whoever_wants_proof_lets_inconclusive_fail(project: Project, model: FunctionModel) -> None:
    """By default it passes, and the report says what would decide it."""
    model.answer = SimulatedModel(base=0.5, fickle=True).answer
    project.write("shout.yaml", CAREFUL)
    project.suite(examples=60)
    project.run("--lm-snapshot-update")
    project.write("shout.yaml", CARELESS)
    result = project.run()
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*inconclusive*", "*examples can show a difference of 0.*"])
    result = project.run("--lm-inconclusive=fail")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["failed: inconclusive: *"])


def test_a_suite_with_nothing_to_score_is_never_green(
    project: Project, model: FunctionModel
) -> None:
    """Not even with the gate off."""
    project.write(
        "test_words.py",
        "import pytest\n"
        "@pytest.mark.lm_suite(dataset=[{'inputs': {'word': 'a'}}])\n"
        "def test_it(lm_example): pytest.skip('none')\n",
    )
    result = project.run("--lm-gate=off")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["failed: no example was scored"])
