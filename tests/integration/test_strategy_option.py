"""``--lm-optimize=STRATEGY``: what it finds is accepted, committed and gated like any other."""

from __future__ import annotations

import shutil

from doubles.function_model import FunctionModel
from projects.shouting import Project

from pytest_lmopt.testing.simulated_model import SimulatedModel


def test_reasoning_that_helps_is_accepted_and_replayed(
    project: Project, model: FunctionModel
) -> None:
    """The prompt file asks for it from then on; the committed answers hold all that was said."""
    model.answer = SimulatedModel(base=0.3, per_demo=0.02, insight=0.5).answer
    project.suite("budget=Budget(calls=600)", examples=120)
    config = (project.path / "tox.ini").read_text()
    project.write("tox.ini", f"{config}lm_record = records\n")
    project.run("--lm-optimize=rationale", "--lm-snapshot-update").stdout.fnmatch_lines(
        ["*winner: rationale-* (reasoning of the passing runs of *", "*: improved"]
    )
    prompt = (project.path / "shout.yaml").read_text(encoding="utf-8")
    assert "# how we shout\n" in prompt
    assert "reasoning: true\ndemos:\n" in prompt
    assert ", reasoning: I am to shout 'word" in prompt
    shutil.rmtree(project.path / ".lmopt")
    asked = model.calls
    project.run("--lm-cache=replay").stdout.fnmatch_lines(["*+0.000*holds*"])
    assert model.calls == asked


def test_labels_cost_no_call_but_those_of_the_race(project: Project, model: FunctionModel) -> None:
    """They help a model that passes too rarely to teach itself."""
    model.answer = SimulatedModel(base=0.05, per_demo=0.15).answer
    project.suite("budget=Budget(calls=500)", examples=120)
    result = project.run("--lm-optimize=labeled")
    result.stdout.fnmatch_lines(
        [
            "*winner: labeled-* (demos from the expected answers of *",
            "*: improved",
            "*+  - {word: word*, loud: WORD*}",
        ]
    )
