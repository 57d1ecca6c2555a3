"""A state folder that can't be written, or a disk that is full: one line says what to do."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from doubles.function_model import FunctionModel
from projects.shouting import Project

SEARCH = ("--lm-optimize=bootstrap",)
Mount = Callable[[Path, str], None]


@pytest.fixture
def mount() -> Iterator[Mount]:
    """Mount a small disk in memory on a folder, or change how it is mounted."""
    mounted: list[Path] = []

    def mount(path: Path, options: str) -> None:
        path.mkdir(exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("only root may mount")
        if "remount" not in options:
            mounted.append(path)

    yield mount
    for path in reversed(mounted):
        subprocess.run(["umount", "--lazy", path], check=True)


def fill(folder: Path, *, free: int) -> None:
    """Leave so many bytes of a disk free."""
    with (folder / "filler").open("wb") as file:
        while (left := os.statvfs(folder).f_bavail * os.statvfs(folder).f_bsize) > free:
            file.write(b"x" * (left - free))
            file.flush()


def output(result: pytest.RunResult) -> str:
    """All output, in which no traceback and no error of pytest's own may stand."""
    text = "\n".join([*result.outlines, *result.errlines])
    for bad in ("Traceback", "INTERNALERROR", "Error: ", "errors/", "sqlite_file.py"):
        assert bad not in text, text
    return text


@pytest.mark.parametrize("before", [False, True], ids=["never used", "used before"])
def test_a_read_only_state_folder_is_named_with_the_way_to_do_without(
    project: Project, model: FunctionModel, mount: Mount, *, before: bool
) -> None:
    """With it the suite runs, on a budget that is kept, and the run says what it does not keep."""
    state = project.path / ".lmopt"
    mount(state, "size=4m")
    project.suite("threshold=0.1, budget=Budget(calls=60)", examples=20)
    if before:
        project.run().assert_outcomes(passed=1)
    mount(state, "remount,ro,size=4m")
    asked = model.calls

    result = project.run()

    result.assert_outcomes(failed=1)
    assert "ledger.sqlite can't be used: " in output(result)
    result.stdout.fnmatch_lines(["*or run with --lm-cache=off, which keeps neither *"])
    assert model.calls == asked

    without = project.run("--lm-cache=off", "--lm-report=json:report.json")
    without.assert_outcomes(passed=1)
    assert "this run has one of its own, which ends with it" in output(without)
    assert (project.path / "report.json").exists()
    project.suite("threshold=0.1, budget=Budget(calls=5)", examples=20)
    result = project.run("--lm-cache=off")
    result.assert_outcomes(failed=1)
    assert "budget-stopped" in output(result)


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "with workers"])
def test_a_read_only_root_runs_without_the_state_folder(
    project: Project,
    tmp_path_factory: pytest.TempPathFactory,
    mount: Mount,
    workers: tuple[str, ...],
) -> None:
    """Workers, too, find what they share among the system's temporary files, and leave none."""
    project.answer_apart()
    asked = tmp_path_factory.mktemp("asked") / "asked.jsonl"
    project.suite("threshold=0.1, budget=Budget(calls=60)", examples=20)
    files = {path.name: path.read_bytes() for path in project.path.iterdir() if path.is_file()}
    mount(project.path, "size=4m")
    for name, content in files.items():
        (project.path / name).write_bytes(content)
    (project.path / "asked.jsonl").symlink_to(asked)
    mount(project.path, "remount,ro,size=4m")
    os.chdir(project.path)

    assert "run with --lm-cache=off" in output(project.run(*workers))

    result = project.run("--lm-cache=off", *workers)
    result.assert_outcomes(passed=1)
    assert "this run has one of its own" in output(result)
    assert 0 < project.asked_apart <= 60
    os.chdir("/")


@pytest.fixture
def _nothing_lands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for no answer: those that can't be recorded never land."""
    monkeypatch.setattr("pytest_lmopt.lm.recordings.store.LANDING_SECONDS", 0.1)


@pytest.mark.usefixtures("_nothing_lands")
@pytest.mark.parametrize(
    ("search", "free"),
    [((), 0), ((), 40_960), ((), 245_760), (SEARCH, 163_840), (SEARCH, 409_600)],
)
def test_a_full_disk_ends_in_a_line_wherever_it_becomes_full(
    project: Project,
    model: FunctionModel,
    mount: Mount,
    free: int,
    search: tuple[str, ...],
) -> None:
    """What it advises works, and once there is room again, the same command does its work."""
    state = project.path / ".lmopt"
    mount(state, "size=16m")
    project.suite("threshold=0.0", examples=40)
    fill(state, free=free)

    result = project.run(*search)

    text = output(result)
    if result.ret:
        assert "--lm-cache=off" in text
    else:
        assert "not written: " in text or free > 200_000
    without = project.run("--lm-cache=off", *search)
    without.assert_outcomes(passed=1)
    output(without)
    (state / "filler").unlink()
    project.run(*search).assert_outcomes(passed=1)


@pytest.mark.parametrize("free", [0, 12_288, 40_960])
def test_a_full_disk_ends_in_a_line_for_each_worker_too(
    project: Project, mount: Mount, free: int
) -> None:
    """No worker ends where what all share can't be made: its tests fail, and other tests run."""
    project.answer_apart()
    state = project.path / ".lmopt"
    mount(state, "size=4m")
    project.suite("threshold=0.0", examples=20)
    project.write("test_other.py", "def test_other(): pass\n")
    fill(state, free=free)

    result = project.run("-n", "2")

    text = output(result)
    assert result.ret == 1
    assert "can't be used: " in text
    assert result.parseoutcomes()["passed"] == 1


@pytest.mark.parametrize("name", ["ledger.sqlite", "recordings.sqlite"])
@pytest.mark.parametrize("kind", ["a folder", "a link in circles", "a pipe", "words", "nothing"])
def test_what_lies_in_the_place_of_a_store_ends_in_a_line_at_most(
    project: Project, model: FunctionModel, name: str, kind: str
) -> None:
    """A file that is not ours is set aside; anything else is refused."""
    project.suite("threshold=0.0", examples=12)
    place = project.path / ".lmopt" / name
    place.parent.mkdir()
    make: dict[str, Callable[[], object]] = {
        "a folder": place.mkdir,
        "a link in circles": lambda: place.symlink_to(place),
        "a pipe": lambda: os.mkfifo(place),
        "words": lambda: place.write_text("not a database" * 100),
        "nothing": place.touch,
    }
    make[kind]()

    result = project.run()

    text = output(result)
    if kind in ("words", "nothing"):
        result.assert_outcomes(passed=1)
        assert ("is set aside as" in text) == (kind == "words")
    else:
        result.assert_outcomes(failed=1)
        assert "--lm-cache=off" in text


def test_a_file_in_place_of_the_state_folder_ends_in_a_line(
    project: Project, model: FunctionModel
) -> None:
    """As where it can't be made."""
    project.suite("threshold=0.0", examples=12)
    (project.path / ".lmopt").write_text("a file")
    assert "--lm-cache=off" in output(project.run())
    project.run("--lm-cache=off").assert_outcomes(passed=1)
