"""What the documents tell people to type exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from projects.documents import PAGES, ROOT
from ruamel.yaml import YAML

from pytest_lmopt.plugin.marks import _ARGUMENTS
from pytest_lmopt.plugin.option_table import OPTIONS

WORKFLOWS = sorted((ROOT / "example_project/.github/workflows").glob("*.yml"))
OPTION = r"--(?:no-)?lm-[a-z-]*[a-z]"
DOCUMENTS = [*PAGES, ROOT / "SECURITY.md", *WORKFLOWS]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_option_named_is_one(path: Path, pytestconfig: pytest.Config) -> None:
    """In tables, prose, examples and workflows."""
    known = {
        name for group in pytestconfig._parser._groups for o in group.options for name in o.names()
    }
    named = set(re.findall(OPTION, path.read_text(encoding="utf-8")))
    assert named - known == set()


def test_everything_there_is_to_set_is_in_the_readme(pytestconfig: pytest.Config) -> None:
    """Options and ini values in its tables, the mark's arguments in one of their own."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (group,) = (each for each in pytestconfig._parser._groups if each.name == "lmopt")
    options = {name for option in group.options for name in option.names()}
    values = {name for name in pytestconfig._parser._inidict if name.startswith("lm_")}
    assert options - set(re.findall(OPTION, text)) == set()
    assert values - set(re.findall(r"`(lm_\w+)`", text)) == set()
    mark = text.partition("### The mark")[2].partition("\n#")[0]
    assert tuple(re.findall(r"^\| `(\w+)` \|", mark, re.MULTILINE)) == _ARGUMENTS


def test_the_readmes_table_is_the_one_that_options_are_read_by(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """``python docs/reference.py`` renews it; so do help and the reference page by themselves."""
    monkeypatch.syspath_prepend(ROOT / "docs")
    import reference

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert reference.renewed(text) == text, "run python docs/reference.py"
    assert reference.renewed(text.replace("| `--lm-seed=N` |", "| `--lm-sed=N` |")) == text
    page = reference.options()
    assert [each.usage for each in OPTIONS if f"| `{each.usage}`" not in page] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_do_no_more_than_it_says(path: Path) -> None:
    """It grants nothing beyond reading, but to the one job that writes, which sees no secret."""
    workflow = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    assert workflow["permissions"] in ({}, {"contents": "read"})
    for job in workflow["jobs"].values():
        if "write" in job.get("permissions", {}).values():
            assert "secrets." not in str(job)
            assert "pip install" not in str(job)
