"""Commands that a run suggests: they do what they promise, or they are not suggested."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

import pytest
from doubles.function_model import FunctionModel
from projects.shouting import Project

from pytest_lmopt.testing.simulated_model import SimulatedModel

SUITE = """\
import pytest
from pytest_lmopt import metrics

WORDS = [{"id": f"w{i}", "inputs": {"word": f"word{i}"}, "expected": f"WORD{i}"}
         for i in range(60)]

@pytest.mark.lm_suite(dataset=WORDS, metric=METRIC)
def test_shout(lm_example):
    return BODY
"""
RIGHT = "lm_example.inputs['word'].upper()"
RAISES = "1 / 0"
EXACT = "metrics.exact_match"


def write(project: Project, body: str = RIGHT, metric: str = EXACT) -> None:
    """A suite that calls no model."""
    project.write("test_words.py", SUITE.replace("METRIC", metric).replace("BODY", body))


def commands(result: pytest.RunResult) -> list[list[str]]:
    """The arguments of each command that a run suggests."""
    return [
        shlex.split(command)
        for line in result.outlines
        for command in re.findall(r": pytest (.*--lm-snapshot-update\S*)$", line)
    ]


def followed(project: Project, result: pytest.RunResult) -> pytest.RunResult:
    """The run of the only command that another run suggests."""
    (command,) = commands(result)
    return project.run(*command)


@pytest.mark.parametrize("ci", ["", "true"])
def test_a_command_that_is_suggested_works_where_it_is_told(
    project: Project, monkeypatch: pytest.MonkeyPatch, ci: str
) -> None:
    """In CI, too, where it takes another word to accept; for each state of a baseline."""
    monkeypatch.setenv("CI", ci)
    write(project)
    for change in ({}, {"metric": "metrics.contains"}):
        write(project, **change)
        result = project.run()
        done = followed(project, result)
        done.assert_outcomes(passed=1)
        done.stdout.fnmatch_lines(["written: *"])
        assert commands(done) == commands(project.run()) == []


def test_it_repeats_the_options_that_say_which_project_is_run(project: Project) -> None:
    """Else it would find another root folder, and other baselines."""
    write(project)
    project.write("config.ini", "[pytest]\npythonpath = .\n")
    (project.path / "there").mkdir()
    options = ("-c", "config.ini", "--rootdir=.", "-o", "lm_margin=0.1", "-p", "no:doctest")
    (command,) = commands(project.run(*options))
    assert command == [
        "test_words.py::test_shout",
        "-cconfig.ini",
        "--rootdir=.",
        "-olm_margin=0.1",
        "--lm-snapshot-update",
    ]
    project.run(*command).stdout.fnmatch_lines(["written: *"])
    assert commands(project.run(*options)) == []


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (RAISES, "the pipeline raised on every example, first ZeroDivisionError*"),
        ("None", "the test returned None on every example*"),
    ],
)
def test_scores_that_say_nothing_are_not_offered_as_a_baseline(
    project: Project, body: str, why: str
) -> None:
    """The report says why nothing was accepted, before and after a first baseline."""
    for accepted in (False, True):
        if accepted:
            write(project)
            project.run("--lm-snapshot-update").assert_outcomes(passed=1)
        before = project.files()
        write(project, body)
        plain = project.run()
        plain.assert_outcomes(failed=1)
        assert commands(plain) == []
        asked = project.run("--lm-snapshot-update")
        asked.assert_outcomes(failed=1)
        asked.stdout.fnmatch_lines(
            [f"nothing accepted of test_words.py::test_shout: this suite is red ({why})"]
        )
        assert commands(asked) == []
        assert project.files() == before


def test_a_suite_that_ended_early_says_that_nothing_of_it_is_accepted(project: Project) -> None:
    """Under a metric that fails it is an error; those that ended are accepted."""
    write(project, metric="lambda *_: 1 / 0")
    text = (project.path / "test_words.py").read_text()
    project.write("test_good.py", text.replace("lambda *_: 1 / 0", EXACT))
    result = project.run("--lm-snapshot-update")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "nothing accepted of test_words.py::test_shout: this suite was not judged to the end "
            "(error)",
            "written: __lm_snapshots__/test_good/test_shout.yaml",
        ]
    )
    assert commands(result) == []


def test_scores_that_can_not_be_written_are_not_offered(
    project: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A test outside of the root folder; the report gives the reason, asked for or not."""
    write(project)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    for options in ((), ("--lm-snapshot-update",)):
        result = project.run(f"--rootdir={elsewhere}", *options)
        result.assert_outcomes(passed=1)
        result.stdout.fnmatch_lines(
            ["nothing accepted of *test_shout: * lies outside pytest's root folder"]
        )
        assert commands(result) == []


def test_what_can_not_be_removed_is_not_offered_again(project: Project, tmp_path: Path) -> None:
    """A snapshot without a test whose folder is a link out of the project."""
    write(project)
    project.run("--lm-snapshot-update")
    orphan = project.path / "__lm_snapshots__/test_words/test_gone.yaml"
    orphan.write_text("version: 1\n")
    project.run().stdout.fnmatch_lines(["orphaned: *test_gone.yaml belongs to no test*"])
    orphan.unlink()
    (tmp_path / "out").mkdir()
    (tmp_path / "out/test_gone.yaml").write_text("version: 1\n")
    (project.path / "__lm_snapshots__/test_gone").symlink_to(tmp_path / "out")
    assert "orphaned" not in project.run().stdout.str()


@pytest.mark.parametrize("accepting", [(), ("--lm-snapshot-update",)])
def test_a_red_suite_whose_search_found_nothing_keeps_its_baseline_and_says_so(
    project: Project, model: FunctionModel, accepting: Sequence[str]
) -> None:
    """What is suggested then is a run without a search, which works."""
    model.answer = SimulatedModel(base=0.5, per_demo=0.0).answer
    project.suite("threshold=0.9, budget=Budget(calls=300)", examples=80)
    result = project.run("--lm-optimize=bootstrap", *accepting)
    result.assert_outcomes(failed=1)
    assert project.files() == {}
    if accepting:
        result.stdout.fnmatch_lines(
            [
                "nothing accepted of *test_shout: this suite is red (score 0.* is under the "
                "threshold 0.9) and the search found nothing better"
            ]
        )
        result = project.run()
    followed(project, result).stdout.fnmatch_lines(["written: *"])
    assert commands(project.run()) == []
