"""``--lm-resplit``: another holdout, kept from then on."""

from __future__ import annotations

from doubles.function_model import FunctionModel
from projects.shouting import Project


def test_a_new_split_keeps_the_uses_of_each_row(project: Project, model: FunctionModel) -> None:
    """It is written with the baseline, and later runs follow it without the option."""
    project.suite("budget=Budget(calls=500)", examples=120)
    snapshot = project.path / "__lm_snapshots__/test_words/test_shout.yaml"
    project.run("--lm-optimize", "--lm-snapshot-update")
    assert "holdout_uses: 1\n" in snapshot.read_text()
    before = (project.path / "shout.yaml").read_text()
    project.run("--lm-resplit=7", "--lm-snapshot-update")
    text = snapshot.read_text()
    assert "split_seed: 7\n" in text
    assert "holdout_uses: 1\n" in text
    asked = model.calls
    project.run().stdout.fnmatch_lines(["*holds*100 %*"])
    assert model.calls == asked
    assert (project.path / "shout.yaml").read_text() == before
