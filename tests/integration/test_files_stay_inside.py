"""``--lm-snapshot-update`` writes under pytest's root folder only, whatever leads out of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from projects.shouting import SHOUT, Project

from pytest_lmopt.plugin.gathering import write_files
from pytest_lmopt.plugin.options import read_options
from pytest_lmopt.plugin.session import LmSession
from pytest_lmopt.reports.suite_report import SuiteReport
from pytest_lmopt.wire import Usage


@pytest.fixture
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that is none of the project's."""
    return tmp_path_factory.mktemp("outside")


def _accepting(suite: str, accept: dict[str, str]) -> SuiteReport:
    return SuiteReport(
        suite=suite, status="passed", problem="", model="m", n=1, score=1.0, low=1.0, high=1.0,
        baseline="no baseline", comparison=None, failing=(), missing=0, skipped=0, usage=Usage(),
        budget="", seconds=0.0, accepting=True, accept=accept,
    )  # fmt: skip


def test_paths_that_lead_out_are_refused(pytester: pytest.Pytester, outside: Path) -> None:
    """By dots, absolute, or through a link; the suite is accepted whole or not at all."""
    (pytester.path / "link").symlink_to(outside)
    (pytester.path / "file.yaml").symlink_to(outside / "file.yaml")
    config = pytester.parseconfigure("--lm-snapshot-update", "-p", "no:unraisableexception")
    session = LmSession(config, read_options(config))
    ways_out = [
        f"../{outside.name}/x", "a/../../x", (outside / "x").as_posix(), "link/x", "link/new/x",
        "file.yaml",
    ]  # fmt: skip
    for number, way in enumerate(ways_out):
        accept = {f"good-{number}": "x", way: "x"}
        session.reports[str(number)] = _accepting(str(number), accept)
    session.reports["good"] = _accepting("good", {"sub/../fine": "x", "deep/er": "y"})
    session.orphans = ("link/old.yaml",)
    (outside / "old.yaml").write_text("not ours")

    write_files(session, pytest.Session.from_config(config))

    assert [path.name for path in outside.iterdir()] == ["old.yaml"]
    assert not (pytester.path.parent / "x").exists()
    assert not list(pytester.path.glob("good-*"))
    assert (pytester.path / "fine").read_text() == "x"
    assert (pytester.path / "deep/er").read_text() == "y"
    assert session.refused == [
        f"{way}, which lies outside {pytester.path}" for way in [*ways_out, "link/old.yaml"]
    ]


def test_a_snapshot_folder_that_is_a_link_out_is_not_written_to(
    project: Project, outside: Path
) -> None:
    """The run says so and writes nothing."""
    project.suite(examples=12)
    (project.path / "__lm_snapshots__").symlink_to(outside)
    result = project.run("--lm-snapshot-update")
    result.stdout.fnmatch_lines(["not written: __lm_snapshots__*, which lies outside *"])
    assert list(outside.iterdir()) == []


def test_a_test_outside_the_root_folder_runs_but_writes_nothing(
    project: Project, outside: Path
) -> None:
    """Its snapshot would lie outside, too; it lands nowhere else instead."""
    project.suite(examples=12)
    result = project.run("--lm-snapshot-update", f"--rootdir={outside}")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["not written: */__lm_snapshots__*, which lies outside *"])
    assert not list(project.path.rglob("*.scores.csv"))
    assert not list(outside.rglob("*.scores.csv"))


def test_a_prompt_file_that_is_a_link_out_is_not_rewritten(project: Project, outside: Path) -> None:
    """The change is shown, to be made by hand."""
    real = outside / "shout.yaml"
    real.write_text(SHOUT)
    (project.path / "shout.yaml").unlink()
    (project.path / "shout.yaml").symlink_to(real)
    project.suite("budget=Budget(calls=600)", examples=160)
    result = project.run("--lm-optimize", "--lm-snapshot-update")
    result.stdout.fnmatch_lines(["*prompt 'shout.yaml' has no file in this project*"])
    assert real.read_text() == SHOUT
