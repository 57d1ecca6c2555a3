"""A model as judge: metered, recorded, and left out where it fails."""

from __future__ import annotations

from doubles.openai_server import Fault, OpenAIServer
from projects.shouting import Project

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


def _project(project: Project, server: OpenAIServer, graded: str = FINE) -> None:
    def answer(chat: Chat) -> str:
        return graded if "GRADE" in chat[0][1] else chat[-1][1].upper()

    server.answer = answer
    project.write("rubric.yaml", RUBRIC)
    project.write("test_words.py", SUITE)


def test_its_calls_are_paid_from_the_suites_budget_and_recorded(
    project: Project, openai_server: OpenAIServer
) -> None:
    """Twenty answers and twenty grades; a second run asks nothing."""
    _project(project, openai_server)
    project.run().stdout.fnmatch_lines(["*test_shout *20 *0.750*40 *"])
    assert openai_server.calls == 40
    project.run().stdout.fnmatch_lines(["* 40 *100 %*"])
    assert openai_server.calls == 40


def test_its_feedback_is_shown(project: Project, openai_server: OpenAIServer) -> None:
    """As any metric's."""
    _project(project, openai_server)
    project.run("-v").stdout.fnmatch_lines(["*feedback fine"])


def test_a_grade_off_the_scale_is_missing_not_zero(
    project: Project, openai_server: OpenAIServer
) -> None:
    """Too many of them make the suite an error."""
    _project(project, openai_server, "score: 9\nfeedback: great")
    result = project.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["error: *the judge: the judge gave no score from 1 to 5*"])


def test_a_prediction_the_judge_is_refused_is_missing(
    project: Project, openai_server: OpenAIServer
) -> None:
    """The judge's provider says nothing about the prompt that is judged."""
    _project(project, openai_server)
    filtered = Fault(status=400, error={"message": "no", "code": "content_filter"})
    openai_server.fault_of = lambda asked, _: filtered if "WORD3" in asked else None
    result = project.run()
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*the judge: refused by the provider's content filter*"])


def test_a_changed_rubric_makes_the_baseline_stale(
    project: Project, openai_server: OpenAIServer
) -> None:
    """It is another metric then."""
    _project(project, openai_server)
    project.run("--lm-snapshot-update")
    project.write("rubric.yaml", RUBRIC.replace("GRADE", "GRADE strictly"))
    project.run().stdout.fnmatch_lines(["*stale (metric changed)*"])


def test_what_it_says_of_a_holdout_example_is_not_quoted(
    project: Project, openai_server: OpenAIServer
) -> None:
    """A grade off the scale comes with words that may quote what was expected."""

    def answer(chat: Chat) -> str:
        if "GRADE" not in chat[0][1]:
            return chat[-1][1].upper()
        return "score: 9\nfeedback: as WORD7 is" if "WORD7" in chat[-1][1] else FINE

    _project(project, openai_server)
    openai_server.answer = answer
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


def test_no_answer_is_not_judged(project: Project, openai_server: OpenAIServer) -> None:
    """It scores 0, and the rubric never sees the word None."""
    _project(project, openai_server)
    answer = 'one_step(lm_example.inputs["word"]) if lm_example.id == "w1" else None'
    project.write("test_words.py", SUITE.replace('one_step(lm_example.inputs["word"])', answer))
    project.run().stdout.fnmatch_lines(["*test_shout *20 *0.037*2 *"])
    assert openai_server.calls == 2


def test_a_rubric_with_an_expected_value_needs_one(
    project: Project, openai_server: OpenAIServer
) -> None:
    """Of each row; a rubric without it judges rows that expect nothing."""
    _project(project, openai_server)
    project.write("test_words.py", SUITE.replace('f"WORD{i}"', "None"))
    result = project.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["error: metric failed on *: ValueError: the rubric takes an exp*"])
    project.write("rubric.yaml", RUBRIC.replace("expected, ", ""))
    project.run().assert_outcomes(passed=1)
