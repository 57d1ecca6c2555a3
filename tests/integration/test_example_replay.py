"""The example's committed answers: whoever has no model can run its gate."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "example_project"


def test_the_example_gates_from_its_committed_files_alone(pytester: pytest.Pytester) -> None:
    """Every answer is there, the scores are the accepted ones, and no server is started."""
    hidden = shutil.ignore_patterns(".*", "__pycache__")
    shutil.copytree(EXAMPLE, pytester.path, ignore=hidden, dirs_exist_ok=True)
    run = pytester.runpytest_inprocess("--lm-cache=replay")
    assert run.ret == 0
    assert run.stdout.str().count(" holds ") == 2
    assert not list(pytester.path.glob(".lmopt/session-*"))
