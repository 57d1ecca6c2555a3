"""Snapshots and record files of no test any more; known only where all tests were collected."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pytest_lmopt.plugin.broken import BrokenSuite
from pytest_lmopt.plugin.marks import MarkedSuite


def find_orphans(suites: Iterable[MarkedSuite | BrokenSuite]) -> list[Path]:
    """Files in the suites' folders that no suite has, and those of test files that are gone."""
    expected: dict[Path, Path] = {}
    for suite in suites:
        tests = suite.snapshot.parent.parent.parent
        expected[suite.snapshot] = tests
        if suite.record is not None:
            expected[suite.record] = tests
    lost: set[Path] = set()
    for path, tests in expected.items():
        lost |= set(path.parent.glob(f"*{path.suffix}")) - expected.keys()
        for other in path.parent.parent.glob("*/"):
            if not (tests / f"{other.name}.py").exists():
                lost |= set(other.glob(f"*{path.suffix}"))
    return sorted(lost)
