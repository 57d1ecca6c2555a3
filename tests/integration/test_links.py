"""A project reached through a symbolic link is the same project."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from doubles.function_model import FunctionModel
from doubles.simulated_proposer import SimulatedProposer, served
from projects.shouting import Project

from pytest_lmopt.testing.simulated_model import SimulatedModel

SNAPSHOT = "__lm_snapshots__/test_words/test_shout.yaml"
DEMOS = "--lm-optimize=bootstrap"


@pytest.fixture
def link(project: Project) -> Path:
    """A link to the project's folder, beside it."""
    link = project.path.with_name(f"link-to-{project.path.name}")
    link.symlink_to(project.path)
    return link


def _through_its_path(project: Project, link: Path) -> Sequence[str]:
    return [str(link)]


def _through_a_file(project: Project, link: Path) -> Sequence[str]:
    return [str(link / "test_words.py")]


def _through_the_root(project: Project, link: Path) -> Sequence[str]:
    return [f"--rootdir={link}", str(project.path)]


def _through_the_configuration(project: Project, link: Path) -> Sequence[str]:
    return ["-c", str(link / "tox.ini"), str(project.path)]


def _from_inside(project: Project, link: Path) -> Sequence[str]:
    os.chdir(link)
    return []


def _with_a_real_root(project: Project, link: Path) -> Sequence[str]:
    return [f"--rootdir={project.path}", str(link)]


WAYS = [
    _through_its_path,
    _through_a_file,
    _through_the_root,
    _through_the_configuration,
    _from_inside,
    _with_a_real_root,
]
Way = Callable[[Project, Path], Sequence[str]]


@pytest.mark.parametrize("way", WAYS)
def test_nothing_has_changed_whichever_way_leads_there(
    project: Project,
    model: FunctionModel,
    link: Path,
    way: Way,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was accepted by the real path holds through the link, and the files stay as they are."""
    monkeypatch.chdir(project.path)
    with (project.path / "tox.ini").open("a") as file:
        file.write("lm_record = records\n")
    project.suite(examples=40)
    project.run("--lm-snapshot-update").assert_outcomes(passed=1)
    folders = ("__lm_snapshots__", "records")
    accepted = project.files(folders)
    assert len(accepted) == 3
    (project.path / ".lmopt/recordings.sqlite").unlink()
    calls = model.calls
    options = way(project, link)
    result = project.run(*options, "--lm-snapshot-update")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*test_words.py::test_shout *+0.000*holds*"])
    result.stdout.no_fnmatch_line("*written*")
    result.stdout.no_fnmatch_line("*changed since*")
    result.stdout.no_fnmatch_line("*orphaned*")
    assert project.files(folders) == accepted
    assert model.calls == calls


def test_a_link_below_the_root_leads_to_the_same_files(project: Project) -> None:
    """The test is named by the link, as pytest names it; its files are there once."""
    real = project.path / "real"
    real.mkdir()
    project.suite(examples=40)
    for name in ("pipeline.py", "shout.yaml", "mirror.yaml", "test_words.py"):
        (project.path / name).rename(real / name)
    (project.path / "link").symlink_to("real")
    project.write("tox.ini", "[pytest]\npythonpath = real\n")
    options = ("--lm-model=openai/simulated", "--lm-snapshot-update")
    project.run("real", *options).assert_outcomes(passed=1)
    folders = ("real/__lm_snapshots__",)
    accepted = project.files(folders)
    result = project.run("link", *options)
    result.stdout.fnmatch_lines(["link/test_words.py::test_shout *+0.000*holds*"])
    result.stdout.no_fnmatch_line("*written*")
    assert project.files(folders) == accepted
    result = project.run("link", "real", *options)
    result.assert_outcomes(passed=2)
    result.stdout.no_fnmatch_line("*written*")
    result.stdout.no_fnmatch_line("*orphaned*")


@pytest.mark.parametrize("way", [_through_its_path, _through_the_root])
def test_a_winner_found_through_a_link_is_written(project: Project, link: Path, way: Way) -> None:
    """Into the prompt file, which stays named by its place in the project."""
    project.suite("budget=Budget(calls=600)", examples=160)
    before = (project.path / "shout.yaml").read_bytes()
    result = project.run(DEMOS, *way(project, link), "--lm-snapshot-update")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["written: shout.yaml"])
    assert (project.path / "shout.yaml").read_bytes() != before
    assert b"  shout.yaml: " in (project.path / SNAPSHOT).read_bytes()


def test_a_winner_found_through_a_link_is_tried_on_suites_that_share_its_prompt(
    project: Project, model: FunctionModel, link: Path
) -> None:
    """The other suite is run with it, not with the prompt as it stands, and refuses it."""
    model.answer = lambda chat: (
        "no idea"
        if chat[-1][1].startswith("x") and len(chat) > 2
        else SimulatedModel().answer(chat)
    )
    project.suite("budget=Budget(calls=600)", examples=160)
    project.second_suite("budget=Budget(calls=100)", words="xword")
    before = (project.path / "shout.yaml").read_bytes()
    result = project.run(DEMOS, str(link), "--lm-snapshot-update")
    result.stdout.fnmatch_lines(["not written: shout.yaml, which *test_other uses too: *"])
    assert (project.path / "shout.yaml").read_bytes() == before


def test_a_prompt_file_that_is_a_link_is_the_file_it_leads_to(project: Project) -> None:
    """Within the project a winner is written there, and the link stays one."""
    (project.path / "prompts").mkdir()
    (project.path / "shout.yaml").rename(project.path / "prompts/shout.yaml")
    (project.path / "shout.yaml").symlink_to("prompts/shout.yaml")
    project.suite("budget=Budget(calls=600)", examples=160)
    result = project.run(DEMOS, "--lm-snapshot-update")
    result.stdout.fnmatch_lines(["written: prompts/shout.yaml"])
    assert (project.path / "shout.yaml").is_symlink()


def test_a_proposer_sees_the_code_of_a_project_behind_a_link(
    project: Project, model: FunctionModel, link: Path
) -> None:
    """What the test calls is the project's own."""
    model.answer = served(SimulatedProposer(), SimulatedModel().answer)
    project.suite("budget=Budget(calls=80)", examples=50)
    project.run("--lm-optimize=opro", f"--rootdir={project.path}", str(link))
    project.run("--lm-optimize=opro", "--lm-cache=off", f"--rootdir={link}", str(project.path))
    asked = [request.messages for request in model.requests if len(request.messages) == 1]
    assert len(asked) > 1
    assert all("return shout(word=word).text" in messages[0].content for messages in asked)
