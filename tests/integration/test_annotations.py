"""Annotations for GitHub: what failed, at its file, and never what a model would say."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from doubles.function_model import FunctionModel
from projects.shouting import Project

import pytest_lmopt
from pytest_lmopt.errors import LmoptError
from pytest_lmopt.reports.annotations import annotation
from pytest_lmopt.safe_text import without_commands

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
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At its function, in a file relative to the workspace; elsewhere nothing of it is printed."""
    project.answer_apart()
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
    project.run("-n", "1").stdout.fnmatch_lines([told])


def test_a_function_that_stands_in_another_file_has_no_line_in_this_one(
    project: Project, model: FunctionModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The annotation is at the file that is collected."""
    project.suite("threshold=1", examples=20)
    (project.path / "test_words.py").rename(project.path / "shared.py")
    project.write("test_words.py", "from shared import test_shout\n")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(project.path))
    project.run().stdout.fnmatch_lines(["::error file=test_words.py,title=*"])


def test_a_passing_suite_is_not(
    project: Project, model: FunctionModel, monkeypatch: pytest.MonkeyPatch
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


EVERYWHERE = (
    QUOTED
    + """
@pytest.mark.lm_suite(dataset=ROWS, metric=metrics.exact_match)
def test_asserts(lm_example):
    assert False, SAID

@pytest.mark.lm_suite(dataset=ROWS, metric=metrics.exact_match)
def test_skips(lm_example):
    pytest.skip(SAID)

def broken(example, prediction):
    raise ValueError(SAID)

@pytest.mark.lm_suite(dataset=ROWS, metric=broken)
def test_breaks(lm_example):
    return "x"

@pytest.mark.lm_suite(dataset=[{**row, "id": row["id"] + SAID} for row in ROWS], threshold=1)
def test_named(lm_example):
    raise KeyError(SAID)
"""
)


@pytest.mark.parametrize(
    "options", [("--lm-debug", "-vv", "-rA"), ("--lm-debug", "-n1", "--tb=long")]
)
def test_no_text_of_a_pipeline_is_a_command_wherever_it_is_shown(
    project: Project, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    """Tracebacks of ``--lm-debug`` among them, and names of examples in every report."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    project.write("test_words.py", EVERYWHERE)
    result = project.run(*options, "--lm-report=csv:lm.csv,md:lm.md")
    printed = [*result.outlines, *result.errlines]
    commands = [line for line in printed if line.lstrip().startswith("::")]
    assert {command.partition(" ")[0] for command in commands} == {"::error"}
    assert not [line for line in printed if "##[" in line and line not in commands]
    assert any(r"\x3a:add-mask::a" in line for line in printed)
    assert any("Traceback" in line for line in printed)


def test_a_usage_error_is_no_command(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what a file holds, nor is the traceback behind it."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    project.write(
        "shout.yaml", 'instruction: x\ninputs: [a]\noutput: b\n"a\\n::set-env::x ##[b]": 1\n'
    )
    project.suite(examples=12)
    result = project.run("--lm-debug")
    assert result.ret == pytest.ExitCode.INTERRUPTED  # by an error in collecting
    printed = [*result.outlines, *result.errlines]
    assert not [line for line in printed if line.lstrip().startswith("::") or "##[" in line]
    assert any("set-env" in line for line in printed)


def test_a_name_is_one_line_of_the_table_without_control_characters(
    project: Project, model: FunctionModel
) -> None:
    """As in every other report; no id begins a row of its own."""
    project.write(
        "test_words.py",
        """\
import pytest

NAME = "a\\x1b[31m\\n::b\\r\\n=c\\x85d"
ROWS = [{"id": NAME + str(i), "inputs": {"i": i}, "group": NAME, "split": "dev"} for i in range(12)]

@pytest.mark.lm_suite(dataset=ROWS)
def test_answers(lm_example):
    return 1
""",
    )
    project.run("--lm-report=csv:lm.csv").assert_outcomes(passed=1)
    lines = (project.path / "lm.csv").read_bytes().decode().split("\n")
    assert len(lines) == 1 + 12 + 1
    assert "".join(lines).isprintable()
    assert lines[1].split(",")[1] == r"a\x1b[31m\n::b\r\n=c\x85d0"


PACKAGE = Path(pytest_lmopt.__file__).parent
FIT = ("shown(", "without_commands(")
WRITERS = ("print", "write_line", "pytest.fail", "_screen.tell", "_screen.show")
ANNOTATION = "terminal.write_line(line)"


def test_all_that_is_printed_goes_through_one_rule() -> None:
    """Whatever this package prints or fails a test with is made fit in the same call."""
    calls = [
        (f"{path.name}, line {node.lineno}", node)
        for path in [*(PACKAGE / "plugin").glob("*.py"), *(PACKAGE / "commands").glob("*.py")]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(WRITERS) and node.args
    ]
    unfit = [
        f"{place}: {ast.unparse(node)}"
        for place, node in calls
        if not ast.unparse(node.args[0]).startswith(FIT) and ast.unparse(node) != ANNOTATION
    ]
    assert len(calls) > 15
    assert unfit == []


def test_every_error_of_ours_is_no_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """In every place: usage errors and failed tests are made of them."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert str(LmoptError("a\n::b\x1b")) == "a\n\\x3a:b\\x1b"
    monkeypatch.delenv("GITHUB_ACTIONS")
    monkeypatch.setenv("TF_BUILD", "True")
    assert str(LmoptError("a\n::b ##vso[task.x]")) == r"a" "\n" r"::b ##vso\x5btask.x]"


def test_only_what_the_runner_would_obey_is_spelled_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names of tests stay as they are."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert without_commands("test_x.py::test_y: a::b #[c]") == "test_x.py::test_y: a::b #[c]"
    assert without_commands("\n \t::error::x") == "\n \t\\x3a:error::x"
