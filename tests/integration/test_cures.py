"""A red suite's proven cure: whatever is wrong with the incumbent, the winner can be accepted."""

from __future__ import annotations

import pytest
from doubles.function_model import FunctionModel
from projects.shouting import Project

from pytest_lmopt.testing.simulated_model import Chat

CURE = """\
from dataclasses import dataclass, replace
from pytest_lmopt.strategies.protocol import Proposal
from pytest_lmopt.suites.candidate import Candidate

@dataclass(frozen=True)
class Cure:
    async def propose(self, history, bench):
        if history.trials:
            return ()
        states = {key: replace(state, instruction="Answer in JSON.")
                  for key, state in history.candidate.states.items()}
        return [Proposal(candidate=Candidate(name="json", states=states), reason="it must parse")]

def pytest_lmopt_strategies():
    return {"cure": lambda settings: Cure()}
"""

SUITE = """\
import json, sys
import pytest
from pytest_lmopt import Budget, metrics, Prompt
from pipeline import HERE, shout

INLINE = Prompt(name="inline", instruction="SHOUT.", inputs=["word"], output="loud")
WORDS = [{"id": f"w{i}", "inputs": {"word": f"word{i}"}, "expected": f"WORD{i}"}
         for i in range(90)]

def strict(word, prompt=shout):
    return json.loads(prompt(word=word).text)["loud"]

def lenient(word):
    try:
        return strict(word)
    except ValueError:
        return None

def sloppy(word):
    text = shout(word=word).text
    return json.loads(text)["loud"] if text.startswith("{") else "no idea"

def hopeless(word):
    return json.loads(shout(word=word).text)["quiet"]

def inline(word):
    return strict(word, INLINE)

@pytest.mark.lm_suite(dataset=WORDS, metric=metrics.exact_match, ARGUMENTS)
def test_shout(lm_example):
    return BODY(lm_example.inputs["word"])
"""
OTHER = """

@pytest.mark.lm_suite(dataset=WORDS[:60], metric=metrics.exact_match)
def test_other(lm_example):
    return BODY(lm_example.inputs["word"])
"""
SNAPSHOT = "__lm_snapshots__/test_words/test_shout.yaml"
ACCEPTING = ("--lm-optimize=cure", "--lm-snapshot-update")


def json_if_asked(chat: Chat) -> str:
    """What the strict pipeline reads, of 14 in 15 words, if the instruction asks for it."""
    word = chat[-1][1]
    if "JSON" not in chat[0][1] or int(word[4:]) % 15 == 0:
        return f"Well, that is {word.upper()}."
    return f'{{"loud": "{word.upper()}"}}'


@pytest.fixture
def sick(project: Project, model: FunctionModel) -> Project:
    """A project with a strategy that knows the cure."""
    model.answer = json_if_asked
    project.write("conftest.py", CURE)
    return project


def write(project: Project, body: str, arguments: str = "") -> None:
    """The suite with this pipeline and further arguments of its mark."""
    project.write("test_words.py", SUITE.replace("BODY", body).replace("ARGUMENTS", arguments))


@pytest.mark.parametrize(
    ("body", "arguments", "problem"),
    [
        ("strict", "", "the pipeline raised on every example, first *"),
        ("lenient", "", "the test returned None on every example*"),
        ("sloppy", "threshold=0.9", "score 0.000 is under the threshold 0.9*"),
        ("sloppy", "threshold=0.99", "score 0.000 is under the threshold 0.99*"),
        ("strict", "threshold=0.99, gate='noninferior'", "the pipeline raised on every example*"),
    ],
)
def test_the_cure_of_a_red_suite_is_written(
    sick: Project, body: str, arguments: str, problem: str
) -> None:
    """The exit status is the incumbent's; prompt and baseline are the winner's."""
    write(sick, body, arguments)
    result = sick.run(*ACCEPTING)
    result.assert_outcomes(failed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            f"*failed: {problem}; this is the incumbent's result, the winner found scores 0.9?? on "
            "* holdout examples",
            "*better on holdout: accepted, with the winner's scores as the new baseline",
            "written: shout.yaml",
            f"written: {SNAPSHOT}",
        ]
    )
    assert "JSON" in (sick.path / "shout.yaml").read_text()
    assert "holdout_uses: 1\n" in (sick.path / SNAPSHOT).read_text()
    again = sick.run()
    short = "0.99" in arguments
    again.assert_outcomes(passed=0 if short else 1, failed=1 if short else 0)
    again.stdout.fnmatch_lines([f"*+0.000*holds{', failed' if short else ''}*"])


@pytest.mark.parametrize("body", ["strict", "lenient"])
def test_a_baseline_that_is_there_gives_way_to_the_cures(sick: Project, body: str) -> None:
    """What was accepted while all was well was lost, and the search finds it again."""
    write(sick, body)
    good = (sick.path / "shout.yaml").read_text()
    sick.write("shout.yaml", good.replace("SHOUT the word.", "SHOUT in JSON."))
    sick.run("--lm-snapshot-update").assert_outcomes(passed=1)
    sick.write("shout.yaml", good)
    sick.run().assert_outcomes(failed=1)
    result = sick.run(*ACCEPTING)
    result.stdout.fnmatch_lines(["written: shout.yaml", f"written: {SNAPSHOT}"])
    sick.run().assert_outcomes(passed=1)


def test_without_accepting_the_command_that_does_it_is_told(sick: Project) -> None:
    """And it works."""
    write(sick, "strict")
    result = sick.run("--lm-optimize=cure")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*better on holdout; to accept it: pytest test_words.py::test_shout "
            "--lm-optimize=cure --lm-snapshot-update"
        ]
    )
    result.stdout.no_fnmatch_line("*no baseline yet*")
    assert sick.files() == {}


def test_workers_hand_the_cure_on(sick: Project) -> None:
    """The controller writes what one of them found."""
    mine = "from integration.test_cures import json_if_asked\n"
    sick.answer_apart("json_if_asked", before=mine, after=CURE)
    write(sick, "strict")
    result = sick.run("-n", "2", *ACCEPTING)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["written: shout.yaml", f"written: {SNAPSHOT}"])


@pytest.mark.parametrize(("other", "green"), [("strict", 2), ("hopeless", 1)])
def test_a_suite_that_shares_the_prompt_and_measures_nothing_is_no_veto(
    sick: Project, other: str, green: int
) -> None:
    """Be it cured, too, or as sick as it was."""
    write(sick, "strict")
    text = (sick.path / "test_words.py").read_text()
    sick.write("test_words.py", text + OTHER.replace("BODY", other))
    result = sick.run(*ACCEPTING)
    result.stdout.fnmatch_lines(["written: shout.yaml"])
    sick.run().assert_outcomes(passed=green, failed=2 - green)


def test_a_winner_without_a_file_is_not_accepted_without_its_prompt(sick: Project) -> None:
    """Its scores are no baseline of what the next run has."""
    write(sick, "inline")
    for options in (ACCEPTING, ACCEPTING[:1]):
        result = sick.run(*options)
        result.stdout.fnmatch_lines(
            [
                "*better on holdout, not written: prompt 'inline' has no file in this project",
                "*prompt 'inline' has no file in this project: copy its change by hand, then "
                "accept its scores with: pytest test_words.py::test_shout --lm-snapshot-update",
            ]
        )
        files = {name: text.decode() for name, text in sick.files().items()}
        # the search read holdout, which is counted; no score is accepted
        assert all("holdout_uses: 1\n" in text for name, text in files.items() if ".yaml" in name)
        assert all("  n: 0\n" in text for name, text in files.items() if ".yaml" in name)
