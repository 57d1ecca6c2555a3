"""Suites that call no model: any Python can be evaluated and gated."""

from __future__ import annotations

from doubles.function_model import FunctionModel
from projects.shouting import Project

SUITE = """\
import pytest
from pytest_lmopt import metrics
from pipeline import one_step

WORDS = [{"id": f"w{i}", "inputs": {"word": f"word{i}"}, "expected": f"WORD{i}"}
         for i in range(60)]

@pytest.mark.lm_suite(dataset=WORDS, metric=metrics.exact_match)
def test_shout(lm_example):
    return BODY
"""
SNAPSHOT = "__lm_snapshots__/test_words/test_shout.yaml"


def write(project: Project, body: str) -> None:
    """The suite, returning this."""
    project.write("test_words.py", SUITE.replace("BODY", body))


def test_the_configured_model_does_not_concern_them(project: Project) -> None:
    """No model is asked, so none is in the snapshot, and another one makes nothing stale."""
    write(project, 'lm_example.inputs["word"].upper()')
    project.run("--lm-snapshot-update").assert_outcomes(passed=1)
    assert b"models: []\n" in project.files()[SNAPSHOT]
    result = project.run("--lm-model=openai/another")
    result.stdout.fnmatch_lines(["*test_shout *1.000*+0.000*holds*"])


def test_a_pipeline_that_no_longer_asks_its_model_is_still_gated(
    project: Project, model: FunctionModel
) -> None:
    """What it does instead is its own doing, not another model's."""
    write(project, 'one_step(lm_example.inputs["word"])')
    model.answer = lambda chat: chat[-1][1].upper()
    project.run("--lm-snapshot-update").assert_outcomes(passed=1)
    write(project, '"nothing"')
    result = project.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["failed: regressed against the baseline: 1.000 ? 0.000*"])
