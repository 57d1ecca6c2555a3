"""``repeats=``: unreliable pipelines run several times per example."""

from __future__ import annotations

import itertools
import json

from doubles.function_model import FunctionModel
from projects.shouting import Project


def test_an_examples_score_is_the_mean_of_its_repeats(
    project: Project, model: FunctionModel
) -> None:
    """Equal requests are asked anew for each repeat; pass@k and pass^k tell reliability."""
    seen: dict[str, itertools.count[int]] = {}

    def every_other(chat: object) -> str:
        word = chat[-1][1]  # type: ignore[index]  # messages are pairs
        turn = next(seen.setdefault(word, itertools.count()))
        return word.upper() if turn % 2 == 0 else "no idea"

    model.answer = every_other
    project.suite("repeats=4", examples=30)
    result = project.run()
    result.stdout.fnmatch_lines(
        [
            "*test_shout *0.500 [[]0.50, 0.50[]]*",
            "*4 runs of each example: pass@4 1.000, pass^4 0.*",
        ]
    )
    assert model.calls % 4 == 0


UNSTEADY = """\
import itertools
import json
import pytest
from pytest_lmopt.errors import MissingAnswerError

turns = {}
ROWS = [{"id": f"w{i}", "inputs": {"word": f"word{i}"}, "split": "dev"} for i in range(12)]

def metric(example, prediction):
    turn = next(turns.setdefault(example.id, itertools.count()))
    if example.id in LOST and turn in LOST[example.id]:
        raise MissingAnswerError("the judge is away", request=None)
    return turn != 0

@pytest.mark.lm_suite(dataset=ROWS, metric=metric, repeats=3, max_missing=1)
def test_unsteady(lm_example):
    return lm_example.inputs["word"]
"""


def test_an_example_that_failed_several_of_its_runs_is_one_failing_example(
    project: Project,
) -> None:
    """It is counted, listed and shown once."""
    project.write("test_words.py", UNSTEADY.replace("LOST", "{}").replace("turn != 0", "turn == 0"))
    result = project.run("-v", "--lm-report=json:lm.json,md:lm.md")
    result.stdout.fnmatch_lines(["*12 examples below 1*"])
    shown = [line.strip() for line in result.outlines]
    assert shown.count("w0") == shown.count("w9") == 1
    (suite,) = json.loads((project.path / "lm.json").read_text())["suites"]
    assert [example["id"] for example in suite["failing"]] == [f"w{i}" for i in range(12)]
    assert "12 examples below 1" in (project.path / "lm.md").read_text()


def test_only_an_example_without_any_score_is_left_out(project: Project) -> None:
    """One of whose runs some were answered counts among those scored."""
    lost = "{'w1': (0, 1), 'w2': (0, 1, 2)}"
    project.write("test_words.py", UNSTEADY.replace("LOST", lost))
    result = project.run("--lm-report=json:lm.json,html:lm.html")
    result.stdout.fnmatch_lines(
        ["*left out: 1 without an answer, 0 skipped", "*w2: the judge: the judge is away"]
    )
    (suite,) = json.loads((project.path / "lm.json").read_text())["suites"]
    assert (suite["n"], suite["missing"]) == (11, 1)
    assert "Left out: 1 without an answer" in (project.path / "lm.html").read_text()


def test_an_example_with_some_runs_unanswered_is_told_all_the_same(project: Project) -> None:
    """Its mean rests on fewer runs than the others'."""
    project.write("test_words.py", UNSTEADY.replace("LOST", "{'w1': (1,)}"))
    result = project.run("--lm-report=json:lm.json,md:lm.md,html:lm.html")
    said = "some runs without an answer, the first of example w1: the judge: the judge is away"
    result.stdout.fnmatch_lines([f"*{said}"])
    result.stdout.no_fnmatch_line("*left out*")
    (suite,) = json.loads((project.path / "lm.json").read_text())["suites"]
    assert (suite["n"], suite["missing"]) == (12, 0)
    assert (
        "Some runs without an answer, the first of example w1"
        in (project.path / "lm.html").read_text()
    )
    assert (
        "some runs without an answer, the first of example w1"
        in (project.path / "lm.md").read_text()
    )
