"""Files are named relative to the root folder, whichever links lead to either."""

from __future__ import annotations

from pathlib import Path

import pytest
from doubles.package_sources import attributes

from pytest_lmopt.snapshots.store import record_path
from pytest_lmopt.suites.places import name_below, name_from, prompt_key


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """A project at ``here/real``, with links to it and out of it."""
    root = tmp_path / "here/real"
    (root / "prompts").mkdir(parents=True)
    (root / "prompts/shout.yaml").touch()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/shared.yaml").touch()
    (tmp_path / "link").symlink_to(root)
    (tmp_path / "above").symlink_to(tmp_path / "here")
    (root / "shared.yaml").symlink_to(tmp_path / "elsewhere/shared.yaml")
    (root / "same.yaml").symlink_to("prompts/shout.yaml")
    return root


def test_any_way_to_the_root_and_any_way_to_the_file_give_one_name(
    real: Path, tmp_path: Path
) -> None:
    """Root and file may be named by different links, or by dots."""
    ways = [real, tmp_path / "link", tmp_path / "above/real", real / "prompts/.."]
    names = {name_below(way / "prompts/shout.yaml", root) for root in ways for way in ways}
    assert names == {"prompts/shout.yaml"}


def test_a_file_that_is_not_there_yet_has_a_name_too(real: Path, tmp_path: Path) -> None:
    """A snapshot is named before its folder is made."""
    assert name_below(real / "tests/new/file.yaml", tmp_path / "link") == "tests/new/file.yaml"


def test_a_link_within_the_project_is_named_as_it_is_written(real: Path, tmp_path: Path) -> None:
    """A prompt is known by the file that the link leads to: it may be reached by both names."""
    assert name_below(real / "same.yaml", real) == "same.yaml"
    for root in (real, tmp_path / "link"):
        assert name_below(Path(prompt_key(real / "same.yaml")), root) == "prompts/shout.yaml"
        assert name_below(Path(prompt_key(real / "shared.yaml")), root) is None


def test_what_lies_outside_has_no_name_below(real: Path, tmp_path: Path) -> None:
    """Whether dots or links lead there; seen from the root it has one."""
    for way in (real / "../other.yaml", tmp_path / "other.yaml", tmp_path / "link/../real2/x"):
        assert name_below(way, real) is None
    assert name_from(tmp_path / "elsewhere/shared.yaml", real) == "../../elsewhere/shared.yaml"
    assert name_from(tmp_path / "above/other.yaml", tmp_path / "link") == "../other.yaml"
    assert name_from(real / "prompts", tmp_path / "link") == "prompts"


def test_folders_are_compared_as_the_file_system_does(
    real: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here one that takes letters of either case for the same, which resolving does not mend."""
    same = Path.samefile

    def caseless(self: Path, other: Path) -> bool:
        return str(self).casefold() == str(other).casefold() or same(self, other)

    monkeypatch.setattr(Path, "samefile", caseless)
    assert name_below(real / "prompts/shout.yaml", Path(str(real).upper())) == "prompts/shout.yaml"


def test_folders_outside_the_root_have_records_of_their_own(tmp_path: Path) -> None:
    """Two test files of one name there do not share a record file."""
    root, folder = tmp_path / "config", tmp_path / "config/records"
    places = {
        record_path(
            tmp_path / name / "__lm_snapshots__/test_a/test_it.yaml", folder=folder, root=root
        )
        for name in ("unit", "evals", "config")
    }
    assert len(places) == 3
    assert all(folder in place.parents and ".." not in place.parts for place in places)


def test_no_other_module_compares_paths_with_a_root() -> None:
    """One module makes names relative to a folder; the exceptions only say yes or no."""
    allowed = {
        "suites/places.py",
        "plugin/gathering.py",  # both sides are resolved: may a file be written?
        "plugin/importing.py",  # frames and the package are spelled by the same import
        "plugin/reporting.py",  # how a report's path is shown
    }
    found = {name for name, _ in attributes("is_relative_to", "relative_to")}
    assert found - allowed == set()
