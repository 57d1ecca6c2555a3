"""Suites are known by their names; pytest's node ids are for what pytest itself is asked."""

from __future__ import annotations

from doubles.package_sources import attributes

ABOUT_REPORTS = {
    "plugin/collecting.py": "messages, and the report of a usage error",
    "plugin/lanes.py": "which suite a test that ends had begun",
    "plugin/losses.py": "the report of a crash, which has nothing else",
    "plugin/recollecting.py": "a message",
    "plugin/serving.py": "a message",
    "plugin/suite_hooks.py": "which tests were reported on",
}


def test_node_ids_identify_no_suite() -> None:
    """All other modules name a suite by ``node_name``."""
    found = {name for name, _ in attributes("nodeid")}
    assert found == ABOUT_REPORTS.keys()


def test_the_configuration_is_read_in_one_place() -> None:
    """All other modules ask ``settings``, which knows TOML's types."""
    assert attributes("getini") == {("plugin/settings.py", "getini")}
