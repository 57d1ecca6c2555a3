"""``--lm-prefer=shorter``: an equivalent, cheaper prompt."""

from __future__ import annotations

import pytest
from doubles.function_model import FunctionModel
from projects.shouting import SHOUT, Project

from pytest_lmopt.testing.simulated_model import SimulatedModel

WORDY = SHOUT.replace(
    "SHOUT the word.", "SHOUT the word. Take all the time you need. Be so kind as to be nice."
)


@pytest.fixture
def wordy(project: Project, model: FunctionModel) -> Project:
    """A prompt with sentences that do nothing."""
    model.answer = SimulatedModel(base=0.5, per_demo=0.0).answer
    project.write("shout.yaml", WORDY)
    project.suite("margin=0.1, budget=Budget(calls=700)", examples=200)
    return project


def test_sentences_that_do_nothing_go(wordy: Project, model: FunctionModel) -> None:
    """One after the other, with any strategy; what is kept has no effect on the scores."""
    result = wordy.run("--lm-optimize=baseline", "--lm-prefer=shorter", "--lm-snapshot-update")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "*efficient candidates, and the incumbent (dev score, tokens and seconds per call):",
            "*incumbent * on *, 19 tokens, *",
            "*incumbent-less-1-less-1 * on *, 6 tokens, *",
            "*winner: incumbent-less-1-less-1 (incumbent-less-1 without 'Take all the time you*",
            "*not worse by more than the margin, at * tokens per run for *: accepted*",
            "*-  SHOUT the word. Take all the time you need. Be so kind as to be nice.",
        ]
    )
    assert "SHOUT the word.\n" in (wordy.path / "shout.yaml").read_text()
    assert model.calls <= 700


def test_nothing_is_shortened_unless_asked_for(wordy: Project) -> None:
    """By default only better prompts are looked for."""
    result = wordy.run("--lm-optimize=baseline")
    result.stdout.fnmatch_lines(["*baseline, 0 candidates raced*"])


def test_demos_are_kept_where_they_help(project: Project, model: FunctionModel) -> None:
    """Beside a strategy: what is better is still found, and not given up for being longer."""
    model.answer = SimulatedModel(base=0.3, per_demo=0.15).answer
    project.suite("margin=0.1, budget=Budget(calls=500)", examples=120)
    result = project.run("--lm-optimize=bootstrap", "--lm-prefer=shorter")
    result.stdout.fnmatch_lines(["*bootstrap-?-*-demos *", "*: improved", "*+demos:"])


def test_without_a_margin_it_is_an_error_of_the_suite(project: Project) -> None:
    """It says what to set; a run without a search does not mind."""
    project.suite()
    with (project.path / "tox.ini").open("a") as file:
        file.write("lm_prefer = shorter\n")
    result = project.run("--lm-optimize")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*test_shout*lm_prefer*margin, and that is 0; set margin= in*"])
    listed = project.run("--lm-dry-run")
    assert listed.ret == pytest.ExitCode.OK
