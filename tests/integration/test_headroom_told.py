"""What a search could prove is told before anything is spent on it."""

from __future__ import annotations

from doubles.function_model import FunctionModel
from projects.shouting import Project

from pytest_lmopt.testing.simulated_model import SimulatedModel


def test_a_search_that_could_prove_nothing_ends_before_it_spends(
    project: Project, model: FunctionModel
) -> None:
    """Only the incumbent is run; the note has the score, the n and what would help."""
    model.answer = SimulatedModel(base=1.0).answer
    project.suite(examples=90)
    result = project.run("--lm-optimize")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        ["*no search: the incumbent scores 1.000 on ?? dev examples, so no candidate can score*"]
    )
    assert model.calls < 90


def test_a_dry_run_tells_what_the_search_could_show(project: Project, model: FunctionModel) -> None:
    """At the level of the holdout's next use."""
    project.suite(examples=120)
    result = project.run("--lm-dry-run", "--lm-optimize")
    result.stdout.fnmatch_lines(["*examples can show a difference of about 0.2? at p < 0.0500 *"])
    assert model.calls == 0
