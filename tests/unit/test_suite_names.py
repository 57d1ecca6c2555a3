"""Suites are known by their names; pytest's node ids are for what pytest itself is asked."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest_lmopt

PLUGIN = Path(pytest_lmopt.__file__).parent / "plugin"
ABOUT_REPORTS = {
    "collecting.py": "messages, and the report of a usage error",
    "lanes.py": "which suite a test that ends had begun",
    "losses.py": "the report of a crash, which has nothing else",
    "owner.py": "which tests were reported on",
    "recollecting.py": "a message",
    "serving.py": "a message",
}


def test_node_ids_identify_no_suite() -> None:
    """Whoever uses one elsewhere needs ``node_name``."""
    found = {
        path.name
        for path in PLUGIN.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "nodeid"
    }
    assert found == ABOUT_REPORTS.keys()


def test_the_configuration_is_read_in_one_place() -> None:
    """Whoever needs a value of it asks ``settings``, which knows TOML's types."""
    found = {
        path.name
        for path in PLUGIN.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "getini"
    }
    assert found == {"settings.py"}
