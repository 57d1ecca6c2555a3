"""Snapshot plugins installed together: each keeps to its own options, fixtures and folders."""

from __future__ import annotations

from doubles.openai_server import OpenAIServer
from projects.shouting import Project

OTHERS = """\
from inline_snapshot import snapshot

def test_syrupy(snapshot):
    assert {"a": 1} == snapshot

def test_inline():
    assert 1 + 1 == inline(2)
""".replace("import snapshot", "import snapshot as inline")


def test_each_accepts_only_its_own(project: Project, openai_server: OpenAIServer) -> None:
    """``--snapshot-update`` is syrupy's, ``--inline-snapshot`` inline-snapshot's."""
    project.suite()
    project.write("test_others.py", OTHERS)
    project.run_apart("--lm-snapshot-update", "--snapshot-update")
    assert (project.path / "__lm_snapshots__/test_words/test_shout.yaml").exists()
    theirs = project.path / "__snapshots__"
    assert [path.name for path in theirs.iterdir()] == ["test_others.ambr"]
    before = project.files(["__lm_snapshots__", "__snapshots__"])
    project.run_apart("--snapshot-update", "--inline-snapshot=fix").assert_outcomes(passed=3)
    project.run_apart().assert_outcomes(passed=3)
    assert project.files(["__lm_snapshots__", "__snapshots__"]) == before
