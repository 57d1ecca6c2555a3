"""Annotations for GitHub: what failed, at its file, and never what a model would say."""

from __future__ import annotations

import pytest
from doubles.openai_server import OpenAIServer
from projects.shouting import Project

from pytest_lmopt.reports.annotations import annotation, without_commands

QUOTED = """\
import pytest
from pytest_lmopt import metrics

SAID = "fine\\n::add-mask::a\\n  ::stop-commands::b\\nsee ##[error]c"
ROWS = [{"id": f"w{i}", "inputs": {"i": i}, "expected": "x", "split": "dev"} for i in range(12)]

@pytest.mark.lm_suite(dataset=ROWS, metric=metrics.exact_match)
def test_answers(lm_example):
    return SAID

@pytest.mark.lm_suite(dataset=ROWS, metric=metrics.exact_match)
def test_raises(lm_example):
    raise ValueError(SAID)
"""


def test_a_suite_that_fails_is_annotated_on_github(
    project: Project, openai_server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At its function, in a file relative to the workspace; elsewhere nothing of it is printed."""
    project.suite("threshold=1", examples=20)
    project.run().stdout.no_fnmatch_line("*::error*")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(project.path.parent))
    result = project.run()
    lines = (project.path / "test_words.py").read_text().splitlines()
    number = 1 + next(place for place, line in enumerate(lines) if line.startswith("@pytest.mark"))
    place = f"file={project.path.name}/test_words.py,line={number}"
    told = f"::error {place},title=test_words.py%3A%3Atest_shout failed::score 0.* is under *"
    result.stdout.fnmatch_lines([told])
    project.run_apart("-n", "1").stdout.fnmatch_lines([told])


def test_a_function_that_stands_in_another_file_has_no_line_in_this_one(
    project: Project, openai_server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The annotation is at the file that is collected."""
    project.suite("threshold=1", examples=20)
    (project.path / "test_words.py").rename(project.path / "shared.py")
    project.write("test_words.py", "from shared import test_shout\n")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(project.path))
    project.run().stdout.fnmatch_lines(["::error file=test_words.py,title=*"])


def test_a_passing_suite_is_not(
    project: Project, openai_server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is wrong with it."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    project.suite(examples=20)
    project.run().stdout.no_fnmatch_line("::*")


def test_no_text_ends_an_annotation_or_begins_another() -> None:
    """What separates is escaped, in properties more than in the message."""
    title, message = "x::y%\r\n::error::", "1%\n::set::"
    line = annotation("error", file="a,b:c.py", line=None, title=title, message=message)
    assert line == (
        "::error file=a%2Cb%3Ac.py,title=x%3A%3Ay%25%0D%0A%3A%3Aerror%3A%3A::1%25%0A::set::"
    )
    assert "\x1b" not in annotation("error", file="", line=7, title="", message="\x1b[31m")


def test_what_a_model_writes_is_no_command_to_githubs_runner(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither among failing examples nor in a test's failure; our annotations are."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    project.write("test_words.py", QUOTED)
    result = project.run("-v")
    commands = [line for line in result.outlines if line.lstrip().startswith("::")]
    assert [command.partition(" ")[0] for command in commands] == ["::error"]
    assert not [line for line in result.outlines if "##[" in line and line not in commands]
    result.stdout.fnmatch_lines([r"*\x3a:add-mask::a", r"*\x3a:stop-commands::b"])
    monkeypatch.setenv("GITHUB_ACTIONS", "")
    project.run("-v").stdout.fnmatch_lines(["*::add-mask::a", "*see ##[[]error]c"])


def test_only_what_the_runner_would_obey_is_spelled_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names of tests stay as they are."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert without_commands("test_x.py::test_y: a::b #[c]") == "test_x.py::test_y: a::b #[c]"
    assert without_commands("\n \t::error::x") == "\n \t\\x3a:error::x"
