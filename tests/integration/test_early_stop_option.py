"""``--lm-early-stop``: no call is made for a verdict that is already certain."""

from __future__ import annotations

import re

from doubles.function_model import FunctionModel
from projects.shouting import Project

from pytest_lmopt.testing.simulated_model import SimulatedModel

CAREFUL = "instruction: SHOUT carefully.\ninputs: [word]\noutput: loud\n"
CARELESS = "instruction: SHOUT.\ninputs: [word]\noutput: loud\n"


def test_a_clear_regression_ends_the_evaluation(project: Project, model: FunctionModel) -> None:
    """The suite fails all the same; the report says how many calls were saved."""
    model.answer = SimulatedModel(base=0.1, bonus=0.9).answer
    project.write("shout.yaml", CAREFUL)
    project.suite(examples=400)
    project.run("--lm-snapshot-update")
    asked = model.calls
    project.write("shout.yaml", CARELESS)
    result = project.run("--lm-early-stop")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*regressed*", "*stopped early: * examples not run, about *saved"])
    saved = re.search(r"stopped early: (\d+) examples", result.stdout.str())
    assert saved is not None
    assert model.calls - asked == asked - int(saved.group(1))


def test_without_a_clear_difference_all_examples_are_run(
    project: Project, model: FunctionModel
) -> None:
    """And the ordinary test judges, at the half of α that looking has left."""
    model.answer = SimulatedModel(base=0.5, fickle=True).answer
    project.write("shout.yaml", CAREFUL)
    project.suite()
    project.run("--lm-snapshot-update")
    asked = model.calls
    project.write("shout.yaml", CARELESS)
    result = project.run("--lm-early-stop")
    result.assert_outcomes(passed=1)
    assert model.calls == 2 * asked
    result.stdout.no_fnmatch_line("*stopped early*")


def test_holding_within_the_margin_ends_it_too_unless_there_is_a_threshold(
    project: Project, model: FunctionModel
) -> None:
    """A threshold needs the whole score."""
    model.answer = SimulatedModel(base=0.9).answer
    project.write("shout.yaml", CAREFUL)
    project.suite("margin=0.3", examples=400)
    project.run("--lm-snapshot-update")
    project.write("shout.yaml", CARELESS)
    result = project.run("--lm-early-stop")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*holds*", "*stopped early*"])
    result = project.run("--lm-early-stop", "--lm-threshold=0.5")
    result.stdout.no_fnmatch_line("*stopped early*")
