"""``--lm-cache-prune`` and ``lm_cache_limit``: how much recorded answers may take."""

from __future__ import annotations

import pytest
from doubles.function_model import FunctionModel
from projects.shouting import Project


def _size(project: Project) -> int:
    return (project.path / ".lmopt/recordings.sqlite").stat().st_size


def test_answers_not_used_for_longest_are_dropped_on_request(
    project: Project, model: FunctionModel
) -> None:
    """The report says what was freed; what this session used stays; no suite need run for it."""
    model.answer = lambda _: "x" * 2000
    project.suite(examples=200)
    project.run()
    before = _size(project)
    project.suite(examples=30)
    result = project.run("--lm-cache-prune=0")
    result.stdout.fnmatch_lines(["note: recordings pruned: [0-9]* dropped, 0.* MB → 0.* MB"])
    assert _size(project) < before / 2
    asked = model.calls
    project.run("--lm-cache=replay").assert_outcomes(passed=1)
    result = project.run("--lm-cache-prune=0", "-k", "nothing")
    result.stdout.fnmatch_lines(["*= lm suites =*", "note: recordings pruned: [1-9]* dropped, *"])
    result.stdout.no_fnmatch_line("in all: *")
    assert model.calls == asked


def test_the_limit_is_kept_without_asking(project: Project, model: FunctionModel) -> None:
    """Once a run passes it, older answers go."""
    model.answer = lambda _: "x" * 2000
    config = (project.path / "tox.ini").read_text()
    project.suite(examples=100)
    assert "pruned" not in project.run().stdout.str()
    project.write("tox.ini", f"{config}lm_cache_limit = 150 kB\n")
    text = (project.path / "test_words.py").read_text()
    project.write("test_words.py", text.replace('f"word{i}"', 'f"new{i}"'))
    project.run().stdout.fnmatch_lines(["note: recordings pruned: [1-9]* dropped*"])
    asked = model.calls
    project.run("--lm-cache=replay").assert_outcomes(passed=1)
    assert model.calls == asked


@pytest.mark.parametrize("size", ["much", "-1", "tests"])
def test_a_size_must_be_one(project: Project, size: str) -> None:
    """A path eaten as the value gets the message that says so."""
    result = project.run(f"--lm-cache-prune={size}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*a size such as 200MB expected, found '{size}'. If it is a *"])
