"""Prompts that suites share: a winner of one is written only if the others can live with it."""

from __future__ import annotations

from html import unescape
from pathlib import Path

import pytest
from doubles.function_model import FunctionModel
from projects.shouting import Project

from pytest_lmopt.testing.simulated_model import Chat, SimulatedModel

SEARCHES = "budget=Budget(calls=500)"
MEASURES_ONLY = "budget=Budget(calls=100)"
"""Enough to evaluate the incumbent, or a shared prompt, but not to race anything."""


WITH_FIXTURE = """\
import pytest
from pytest_lmopt import Budget, metrics
from pipeline import one_step

ROWS = [{"inputs": {"word": f"yell{i}"}, "expected": f"YELL{i}"} for i in range(120)]

@pytest.fixture
def tools():
    tools = {"one_step": one_step}
    yield tools
    tools.clear()

@pytest.mark.lm_suite(dataset=ROWS, metric=metrics.exact_match, budget=Budget(calls=100))
def test_yell(lm_example, tools):
    return tools["one_step"](lm_example.inputs["word"])
"""


def _without_demos_for_x(chat: Chat) -> str:
    """Demos help, but make words that begin with x impossible."""
    if chat[-1][1].startswith("x") and len(chat) > 2:
        return "no idea"
    return SimulatedModel().answer(chat)


def _snapshot(project: Project, name: str) -> Path:
    return project.path / f"__lm_snapshots__/test_words/{name}.yaml"


def test_a_winner_that_harms_another_suite_is_not_written(
    project: Project, model: FunctionModel
) -> None:
    """The other suite is run with it, regresses, and keeps its own baseline."""
    model.answer = _without_demos_for_x
    project.suite(SEARCHES, examples=120)
    project.second_suite(SEARCHES, words="xword")
    before = (project.path / "shout.yaml").read_bytes()
    result = project.run("--lm-optimize", "--lm-snapshot-update", "--lm-report=md:lm.md")
    result.assert_outcomes(passed=2)
    result.stdout.no_fnmatch_line("*accepted, with the winner's scores*")
    result.stdout.fnmatch_lines(
        [
            "*better on holdout, not written: shout.yaml, which *test_other uses too: *",
            "*test_other with shout.yaml: 0.* ? 0.000 on * examples",
            "not written: shout.yaml, which *test_other uses too: regressed against *",
        ]
    )
    assert "Not written: shout.yaml, which" in unescape((project.path / "lm.md").read_text())
    assert (project.path / "shout.yaml").read_bytes() == before
    # the use of holdout is counted, no score is accepted
    text = _snapshot(project, "test_shout").read_text()
    assert "holdout_uses: 1\n" in text
    assert "  n: 0\n" in text
    assert _snapshot(project, "test_other").exists()


def _without_demos_for_others(chat: Chat) -> str:
    """As without demos for x; words that begin with z are always impossible."""
    return "no idea" if chat[-1][1].startswith("z") else _without_demos_for_x(chat)


@pytest.mark.parametrize(("words", "written"), [("xword", False), ("zword", True)])
def test_a_suite_that_is_red_and_accepts_nothing_is_tried_like_any_other(
    words: str, written: bool, project: Project, model: FunctionModel
) -> None:
    """What it loses by is not written, but counted; its threshold alone is no veto for ever."""
    model.answer = _without_demos_for_others
    project.suite(SEARCHES, examples=120)
    project.second_suite(f"{SEARCHES}, threshold=0.9", words=words)
    project.run("--lm-snapshot-update")
    before = (project.path / "shout.yaml").read_bytes()
    others = _snapshot(project, "test_other").read_bytes()
    result = project.run("--lm-optimize=bootstrap", "--lm-snapshot-update")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            f"*test_other with shout.yaml: 0.{'' if written else '[!0]'}* ? 0.000 on * examples",
            "written: shout.yaml"
            if written
            else "not written: shout.yaml, which *test_other uses too: regressed against *",
        ]
    )
    assert ((project.path / "shout.yaml").read_bytes() != before) == written
    assert _snapshot(project, "test_other").read_bytes() == others
    assert "holdout_uses: 1\n" in _snapshot(project, "test_shout").read_text()


def test_nothing_is_written_that_a_suite_shares_which_did_not_end(
    project: Project, model: FunctionModel
) -> None:
    """It can't be tried there; what the suite calls is known from what it has run."""
    project.suite(SEARCHES, examples=120)
    project.second_suite("budget=Budget(calls=40)", words="yword")
    before = (project.path / "shout.yaml").read_bytes()
    result = project.run("--lm-optimize=bootstrap", "--lm-snapshot-update", "--lm-concurrency=4")
    result.stdout.fnmatch_lines(
        [
            "not written: shout.yaml, which *test_other uses too: not tried there, as that suite "
            "was not judged to the end (budget-stopped: *); mend that and run again"
        ]
    )
    assert (project.path / "shout.yaml").read_bytes() == before


def test_a_winner_that_others_can_live_with_is_written_with_their_new_scores(
    project: Project, model: FunctionModel
) -> None:
    """What is tried beyond the recordings is charged to the budget of the suite it is tried on."""
    project.suite(SEARCHES, examples=120)
    project.second_suite(MEASURES_ONLY, words="yword")
    result = project.run("--lm-optimize", "--lm-snapshot-update")
    result.stdout.fnmatch_lines(
        ["not written: shout.yaml, which *test_other uses too: the budget*"]
    )
    result = project.run("--lm-optimize", "--lm-snapshot-update")
    result.stdout.fnmatch_lines(["*test_other with shout.yaml: 0.*", "written: shout.yaml"])
    result = project.run()
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*test_shout*+0.000*holds*", "*test_other*+0.000*holds*"])


def test_what_a_suite_needs_is_set_up_again_to_try_it(
    project: Project, model: FunctionModel
) -> None:
    """Fixtures are there for the second run as for the first."""
    project.suite(SEARCHES, examples=120)
    project.write("test_yelling.py", WITH_FIXTURE)
    project.run("--lm-optimize")
    result = project.run("--lm-optimize", "--lm-snapshot-update")
    result.stdout.fnmatch_lines(["*test_yell with shout.yaml: 0.*", "written: shout.yaml"])


@pytest.mark.slow
def test_workers_are_no_hindrance(project: Project) -> None:
    """Who hands out the tests collects them itself, unseen, when the workers are done."""
    project.answer_apart()
    project.suite(SEARCHES, examples=120)
    project.write("test_yelling.py", WITH_FIXTURE)
    project.run("--lm-optimize")
    result = project.run("-n", "2", "--lm-optimize", "--lm-snapshot-update")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*test_yell with shout.yaml: 0.*", "written: shout.yaml"])
    assert "collected" not in result.stdout.str()
