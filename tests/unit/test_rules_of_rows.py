"""Splits, clusters and snapshots are decided at one place each; every caller goes through it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import pytest_lmopt

ROOT = Path(pytest_lmopt.__file__).parent


def calls(name: str) -> Iterator[tuple[str, ast.Call]]:
    """The calls of a function in the package, with the modules they stand in."""
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(called, ast.Name) and called.id == name:
                assert isinstance(node, ast.Call)
                yield path.relative_to(ROOT).as_posix(), node


@pytest.mark.parametrize(
    ("name", "modules"),
    [
        ("split", {"suites/suite.py"}),
        ("as_split", {"assessment/assess.py", "assessment/sharing.py", "plugin/planning.py"}),
        (
            "load_snapshot",
            {
                "assessment/assess.py",
                "assessment/sharing.py",
                "plugin/orphans.py",
                "plugin/planning.py",
            },
        ),
        ("overlap", {"assessment/baseline.py"}),
        ("accepted_rows", {"assessment/acceptance.py"}),
        ("counted_rows", {"assessment/acceptance.py"}),
    ],
)
def test_who_decides(name: str, modules: set[str]) -> None:
    """A new caller is to be looked at: it must neither move rows nor count uses on its own."""
    assert {module for module, _ in calls(name)} == modules


@pytest.mark.parametrize("name", ["compare", "compare_scores", "choose", "no_headroom"])
def test_every_comparison_knows_the_clusters(name: str) -> None:
    """Copies of a row and groups are no independent evidence, whoever compares."""
    found = [(module, call) for module, call in calls(name) if module != "commands/command_line.py"]
    assert found
    for module, call in found:
        assert "groups" in {keyword.arg for keyword in call.keywords}, module
