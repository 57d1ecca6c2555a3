"""Snapshots that belong to no test any more; known only where all tests were collected."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pytest_lmopt.plugin.marks import MarkedSuite


def find_orphans(suites: Iterable[MarkedSuite]) -> list[Path]:
    """Snapshots in the suites' folders that no suite has, and those of test files that are gone."""
    expected = {suite.snapshot for suite in suites}
    lost: set[Path] = set()
    for folder in {snapshot.parent for snapshot in expected}:
        lost |= set(folder.glob("*.yaml")) - expected
        for other in folder.parent.glob("*/"):
            if not (folder.parent.parent / f"{other.name}.py").exists():
                lost |= set(other.glob("*.yaml"))
    return sorted(lost)
