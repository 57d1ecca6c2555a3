"""``--lm-accept``: what a search adopts."""

from __future__ import annotations

import shlex

import pytest
from doubles.function_model import FunctionModel
from projects.shouting import Project

from pytest_lmopt.testing.simulated_model import SimulatedModel


@pytest.fixture
def slight(project: Project, model: FunctionModel) -> Project:
    """A project where demos help a little: too little to be proven on 33 holdout examples."""
    model.answer = SimulatedModel(base=0.3, per_demo=0.02).answer
    project.suite("budget=Budget(calls=500)", examples=90)
    return project


def test_a_gain_too_small_to_prove_is_declined(slight: Project) -> None:
    """By default; what this holdout can show is told."""
    result = slight.run("--lm-optimize=bootstrap", "--lm-snapshot-update")
    result.stdout.fnmatch_lines(
        [
            "*use 1 of this holdout: 3? examples can show a difference of about 0.2? at "
            "p < 0.0500 (80 % power)",
            "*difference +0.*: inconclusive",
            "*not accepted: use 1 of this holdout asks for improved*",
        ]
    )
    assert "demos" not in (slight.path / "shout.yaml").read_text()


def test_best_takes_it_and_says_what_it_is_worth(slight: Project) -> None:
    """Unproven, with how much worse it may be; the use of the holdout counts all the same."""
    with (slight.path / "tox.ini").open("a") as file:
        file.write("lm_accept = best\n")
    result = slight.run("--lm-optimize=bootstrap", "--lm-snapshot-update")
    result.stdout.fnmatch_lines(
        [
            "*on these 3? examples, which proves nothing: in truth it may be up to 0.0* worse *",
            "*unproven, taken all the same*: accepted, with the winner's scores as the new*",
            "written: shout.yaml",
        ]
    )
    assert "demos" in (slight.path / "shout.yaml").read_text()
    snapshot = (slight.path / "__lm_snapshots__/test_words/test_shout.yaml").read_text()
    assert "holdout_uses: 1" in snapshot


def test_the_command_that_accepts_repeats_what_was_asked_for(slight: Project) -> None:
    """Typed as told, it adopts what the search adopted."""
    given = ("--lm-accept=best", "--lm-seed", "0", "--lm-prefer=better")
    told = slight.run("--lm-optimize=bootstrap", *given).stdout
    told.fnmatch_lines(["*unproven, taken all the same*; to accept it: pytest *"])
    (line,) = (line for line in told.lines if "; to accept it: pytest " in line)
    command = shlex.split(line.partition("; to accept it: pytest ")[2])
    assert command == [
        "test_words.py::test_shout",
        "--lm-optimize=bootstrap",
        "--lm-accept=best",
        "--lm-seed=0",
        "--lm-prefer=better",
        "--lm-snapshot-update",
    ]
    slight.run(*command).stdout.fnmatch_lines(["written: shout.yaml"])


def test_so_does_the_one_that_makes_a_baseline(slight: Project) -> None:
    """Of another model's scores, say."""
    result = slight.run("--lm-model=openai/another one", "--lm-resplit=3")
    result.stdout.fnmatch_lines(
        [
            "no baseline yet; *: pytest test_words.py::test_shout '--lm-model=openai/another one' "
            "--lm-resplit=3 --lm-snapshot-update"
        ]
    )


def test_best_does_not_take_what_is_no_better(project: Project, model: FunctionModel) -> None:
    """A candidate that changes nothing does not become a winner."""
    model.answer = SimulatedModel(base=0.5, per_demo=0.0).answer
    project.suite("budget=Budget(calls=500)", examples=120)
    result = project.run("--lm-optimize=bootstrap", "--lm-accept=best", "--lm-snapshot-update")
    result.stdout.fnmatch_lines(
        ["*no candidate beat the incumbent on dev: none of the 8 candidates changed a single*"]
    )
    assert "demos" not in (project.path / "shout.yaml").read_text()


def test_another_word_is_a_usage_error(project: Project) -> None:
    """In the ini file, too."""
    project.suite()
    assert project.run("--lm-accept=any").ret == pytest.ExitCode.USAGE_ERROR
    with (project.path / "tox.ini").open("a") as file:
        file.write("lm_accept = any\n")
    result = project.run()
    result.stderr.fnmatch_lines(["*ini value lm_accept: one of significant, best expected*"])
