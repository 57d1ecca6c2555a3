"""Snapshots and record files of no test any more; known only where all tests were collected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from difflib import SequenceMatcher
from pathlib import Path

from pytest_lmopt.assessment.baseline import Baseline
from pytest_lmopt.errors import SnapshotError
from pytest_lmopt.plugin.records import BrokenSuite, MarkedSuite
from pytest_lmopt.snapshots.store import load_snapshot


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


def former_snapshots(suites: Mapping[str, MarkedSuite], orphans: Sequence[Path]) -> dict[str, Path]:
    """Orphaned snapshots of renamed tests by the suite's name today.

    A suite without a snapshot and an orphan with its metric and most of its rows belong together;
    of several, those with the most similar file names.
    """
    pairs: list[tuple[float, str, Path]] = []
    for name, marked in suites.items():
        if marked.snapshot.exists():
            continue
        for path in orphans:
            if path.suffix == marked.snapshot.suffix and _is_former(path, marked):
                alike = SequenceMatcher(None, str(path), str(marked.snapshot)).ratio()
                pairs.append((alike, name, path))
    found: dict[str, Path] = {}
    for _, name, path in sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2])):
        if name not in found and path not in found.values():
            found[name] = path
    return found


def _is_former(path: Path, marked: MarkedSuite) -> bool:
    with suppress(SnapshotError):
        before = Baseline.of(load_snapshot(path, marked.suite), marked.suite)
        return not before.stale and not before.too_few(len(before.scores))
    return False
