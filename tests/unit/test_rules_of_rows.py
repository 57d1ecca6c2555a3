"""Splits, clusters and snapshots are decided at one place each; every caller goes through it."""

from __future__ import annotations

import pytest
from doubles.package_sources import calls


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
    """Copies of a row and groups are not independent evidence in any comparison."""
    found = [(module, call) for module, call in calls(name) if module != "commands/command_line.py"]
    assert found
    for module, call in found:
        assert "groups" in {keyword.arg for keyword in call.keywords}, module
