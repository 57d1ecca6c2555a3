"""What the documents tell people to type exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / "example_project/.github/workflows").glob("*.yml"))
DOCUMENTS = [ROOT / "README.md", ROOT / "SECURITY.md", *(ROOT / "docs").rglob("*.md"), *WORKFLOWS]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_option_named_is_one(path: Path, pytestconfig: pytest.Config) -> None:
    """In tables, prose, examples and workflows."""
    known = {
        name for group in pytestconfig._parser._groups for o in group.options for name in o.names()
    }
    named = set(re.findall(r"--lm-[a-z-]*[a-z]", path.read_text(encoding="utf-8")))
    assert named - known == set()


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_do_no_more_than_it_says(path: Path) -> None:
    """It grants nothing beyond reading, but to the one job that writes, which sees no secret."""
    workflow = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    assert workflow["permissions"] in ({}, {"contents": "read"})
    for job in workflow["jobs"].values():
        if "write" in job.get("permissions", {}).values():
            assert "secrets." not in str(job)
            assert "pip install" not in str(job)
