"""A model as judge: metered, recorded, and left out where it fails."""

from __future__ import annotations

from doubles.function_model import FunctionModel
from projects.shouting import Project

from pytest_lmopt.errors import RefusedError
from pytest_lmopt.testing.simulated_model import Chat

RUBRIC = """\
instruction: GRADE the answer from 1 to 5.
inputs: [expected, prediction]
outputs: [score, feedback]
"""

SUITE = """\
import pytest
from pathlib import Path
from pytest_lmopt import Budget, metrics
from pipeline import one_step

WORDS = [{"id": f"w{i}", "inputs": {"word": f"word{i}"}, "expected": f"WORD{i}", "split": "dev"}
         for i in range(20)]
judge = metrics.Judge(Path(__file__).parent / "rubric.yaml", scale=(1, 5))

@pytest.mark.lm_suite(dataset=WORDS, metric=judge, budget=Budget(calls=40), max_missing=0.1)
def test_shout(lm_example):
    return one_step(lm_example.inputs["word"])
"""


FINE = "score: 4\nfeedback: fine"


def _project(project: Project, model: FunctionModel, graded: str = FINE) -> None:
    def answer(chat: Chat) -> str:
        return graded if "GRADE" in chat[0][1] else chat[-1][1].upper()

    model.answer = answer
    project.write("rubric.yaml", RUBRIC)
    project.write("test_words.py", SUITE)


def test_its_calls_are_paid_from_the_suites_budget_and_recorded(
    project: Project, model: FunctionModel
) -> None:
    """Twenty answers and twenty grades; a second run asks nothing."""
    _project(project, model)
    project.run().stdout.fnmatch_lines(["*test_shout *20 *0.750*40 *"])
    assert model.calls == 40
    project.run().stdout.fnmatch_lines(["* 40 *100 %*"])
    assert model.calls == 40


def test_its_feedback_is_shown(project: Project, model: FunctionModel) -> None:
    """As any metric's."""
    _project(project, model)
    project.run("-v").stdout.fnmatch_lines(["*feedback fine"])


def test_a_grade_off_the_scale_is_missing_not_zero(project: Project, model: FunctionModel) -> None:
    """Too many of them make the suite an error."""
    _project(project, model, "score: 9\nfeedback: great")
    result = project.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["error: *the judge: the judge gave no score from 1 to 5*"])


def test_a_prediction_the_judge_is_refused_is_missing(
    project: Project, model: FunctionModel
) -> None:
    """The judge's provider says nothing about the prompt that is judged."""
    _project(project, model)
    said = "refused by the provider's content filter (no)"
    model.fault = lambda _, request: (
        RefusedError(said, request=request) if "WORD3" in request.messages[-1].content else None
    )
    result = project.run()
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*the judge: refused by the provider's content filter*"])


def test_a_changed_rubric_makes_the_baseline_stale(project: Project, model: FunctionModel) -> None:
    """It is another metric then."""
    _project(project, model)
    project.run("--lm-snapshot-update")
    project.write("rubric.yaml", RUBRIC.replace("GRADE", "GRADE strictly"))
    project.run().stdout.fnmatch_lines(["*stale (metric changed)*"])


def test_what_it_says_of_a_holdout_example_is_not_quoted(
    project: Project, model: FunctionModel
) -> None:
    """A grade off the scale comes with words that may quote what was expected."""

    def answer(chat: Chat) -> str:
        if "GRADE" not in chat[0][1]:
            return chat[-1][1].upper()
        return "score: 9\nfeedback: as WORD7 is" if "WORD7" in chat[-1][1] else FINE

    _project(project, model)
    model.answer = answer
    for split, max_missing, quoted in (
        ("holdout", "0.1", False), ("holdout", "0", False), ("dev", "0.1", True), ("dev", "0", True)
    ):  # fmt: skip
        suite = SUITE.replace('"split": "dev"', f'"split": "{split}" if i == 7 else "dev"')
        project.write(
            "test_words.py", suite.replace("max_missing=0.1", f"max_missing={max_missing}")
        )
        result = project.run("--lm-report=json:lm.json")
        result.stdout.fnmatch_lines(["*w7*the judge: the judge gave no score from 1 to 5*"])
        for text in (result.stdout.str(), (project.path / "lm.json").read_text()):
            assert ("as WORD7 is" in text) is quoted


def test_no_answer_is_not_judged(project: Project, model: FunctionModel) -> None:
    """It scores 0, and the rubric never sees the word None."""
    _project(project, model)
    answer = 'one_step(lm_example.inputs["word"]) if lm_example.id == "w1" else None'
    project.write("test_words.py", SUITE.replace('one_step(lm_example.inputs["word"])', answer))
    project.run().stdout.fnmatch_lines(["*test_shout *20 *0.037*2 *"])
    assert model.calls == 2


def test_a_rubric_with_an_expected_value_needs_one(project: Project, model: FunctionModel) -> None:
    """Of each row; a rubric without it judges rows that expect nothing."""
    _project(project, model)
    project.write("test_words.py", SUITE.replace('f"WORD{i}"', "None"))
    result = project.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["error: metric failed on *: ValueError: the rubric takes an exp*"])
    project.write("rubric.yaml", RUBRIC.replace("expected, ", ""))
    project.run().assert_outcomes(passed=1)
