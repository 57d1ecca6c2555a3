"""``--lm-family``: several suites judged as one family."""

from __future__ import annotations

import pytest
from doubles.function_model import FunctionModel
from projects.shouting import Project

from pytest_lmopt.testing.simulated_model import SimulatedModel


def _ten(project: Project) -> None:
    """Nine more suites of the same words."""
    text = (project.path / "test_words.py").read_text()
    copies = "".join(
        f"\ntest_{number} = pytest.mark.lm_suite()(test_shout)\n" for number in range(9)
    )
    project.write("test_words.py", text + copies)


def test_each_suite_is_judged_at_its_share_of_alpha(project: Project, model: FunctionModel) -> None:
    """Bonferroni decides; the report shows Holm's adjusted p-values beside."""
    model.answer = SimulatedModel(base=0.4, bonus=0.13).answer
    project.write("shout.yaml", "instruction: SHOUT carefully\ninputs: [word]\noutput: loud\n")
    project.suite()
    _ten(project)
    project.run("--lm-snapshot-update")
    project.write("shout.yaml", "instruction: SHOUT\ninputs: [word]\noutput: loud\n")
    project.run().assert_outcomes(failed=10)
    result = project.run("--lm-family")
    result.stdout.fnmatch_lines(["*: inconclusive, *; p adjusted for 10 suites (Holm): 0.*"])
    result.assert_outcomes(passed=10)


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_a_search_of_each_suite_has_its_share_of_alpha_too(
    project: Project, workers: tuple[str, ...]
) -> None:
    """What it can show, what it plans, and what it would ask of a winner."""
    project.suite(examples=60)
    _ten(project)
    project.answer_apart()
    options = "--lm-optimize=baseline", "--lm-family", "-k", "test_shout or test_3"
    result = project.run(*workers, *options)
    result.stdout.fnmatch_lines(["*holdout: * can show a difference of about *p < 0.0250 *"] * 2)
    if not workers:
        plan = project.run("--lm-optimize", "--lm-family", "--lm-dry-run")
        plan.stdout.fnmatch_lines(["*at p < 0.0050 (80 % power*"] * 10)
        plan = project.run("--lm-optimize", "--lm-dry-run")
        plan.stdout.fnmatch_lines(["*at p < 0.0500 (80 % power*"] * 10)
