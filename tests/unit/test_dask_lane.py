"""What keeps a worker from running a suite is said before anything is started."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pytest_lmopt.blocks.dask.lane import Lane, LaneRefusedError
from pytest_lmopt.blocks.dask.messages import Spec

SPEC = Spec(
    session="session", suite="tests/test_a.py::test_a", root="/no/such/folder", inifile=None,
    folder=".", paths=(), args=(), model=None, dataset="d", metric="m",
)  # fmt: skip


def test_a_project_that_is_not_there_is_named() -> None:
    """And what to do about it."""
    with pytest.raises(LaneRefusedError, match=r"no folder /no/such/folder; .*LMOPT_ROOT"):
        Lane(SPEC)


def test_the_worker_may_have_it_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There, too, the test's file must be."""
    monkeypatch.setenv("LMOPT_ROOT", str(tmp_path))
    with pytest.raises(LaneRefusedError, match=rf"no file {tmp_path}/tests/test_a\.py"):
        Lane(SPEC)


def test_another_version_of_this_package_is_refused() -> None:
    """Its messages may mean something else."""
    with pytest.raises(LaneRefusedError, match=r"is \S+ there, and 0\.0\.0 here"):
        Lane(replace(SPEC, version="0.0.0"))
