"""Annotations for GitHub: what failed, at its file, and never what a model would say."""

from __future__ import annotations

import pytest
from doubles.openai_server import OpenAIServer
from projects.shouting import Project

from pytest_lmopt.reports.annotations import annotation


def test_a_suite_that_fails_is_annotated_on_github(
    project: Project, openai_server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At its file, relative to the workspace; elsewhere nothing of the kind is printed."""
    project.suite("threshold=1", examples=20)
    project.run().stdout.no_fnmatch_line("*::error*")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(project.path.parent))
    result = project.run()
    place = f"{project.path.name}/test_words.py"
    result.stdout.fnmatch_lines(
        [f"::error file={place},title=test_words.py%3A%3Atest_shout failed::score 0.* is under *"]
    )


def test_a_passing_suite_is_not(
    project: Project, openai_server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is wrong with it."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    project.suite(examples=20)
    project.run().stdout.no_fnmatch_line("::*")


def test_no_text_ends_an_annotation_or_begins_another() -> None:
    """What separates is escaped, in properties more than in the message."""
    line = annotation("error", file="a,b:c.py", title="x::y%\r\n::error::", message="1%\n::set::")
    assert line == (
        "::error file=a%2Cb%3Ac.py,title=x%3A%3Ay%25%0D%0A%3A%3Aerror%3A%3A::1%25%0A::set::"
    )
    assert "\x1b" not in annotation("error", file="", title="", message="\x1b[31m")
