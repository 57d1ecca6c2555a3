"""Pipelines that return models and other typed values: labelled demos know them by their fields."""

from __future__ import annotations

import pytest
from doubles.function_model import FunctionModel
from projects.shouting import Project

from pytest_lmopt.testing.simulated_model import Chat

PROMPT = """\
instruction: SHOUT the word and count.
inputs: [word]
outputs: [loud, size]
format: FORMAT
params: {temperature: 0}
"""

SUITE = """\
from collections import namedtuple
from dataclasses import asdict, dataclass
from pathlib import Path
import attrs, json, pydantic, pytest
from pytest_lmopt import Budget, Prompt

both = Prompt.load(Path(__file__).parent / "both.yaml")
Named = namedtuple("Named", "loud size")

class Mail(pydantic.BaseModel):
    loud: str
    size: int

@dataclass
class Data:
    loud: str
    size: int

@attrs.define
class Attrs:
    loud: str
    size: int

class Odd:
    def __init__(self, **given):
        self.text = "/".join(map(str, given.values()))

def as_json(**given):
    return json.dumps(given)

def in_order(**given):
    return tuple(given.values())

def right(example, prediction):
    wanted = {"loud": example.inputs["word"].upper(), "size": len(example.inputs["word"])}
    return prediction == RETURNS(**wanted)

WANTED = lambda **given: EXPECTED(**given)
WORDS = [{"id": f"w{i}", "inputs": {"word": f"word{i}"},
          "expected": WANTED(loud=f"WORD{i}", size=len(f"word{i}"))} for i in range(120)]

@pytest.mark.lm_suite(dataset=WORDS, metric=right, budget=Budget(calls=400))
def test_both(lm_example):
    answer = both(word=lm_example.inputs["word"])
    return RETURNS(loud=answer.loud, size=int(answer.size))
"""


def shown_how(chat: Chat) -> str:
    """Right once there are demos, in the form that is asked for."""
    word = chat[-1][1]
    loud, size = (word.upper(), len(word)) if len(chat) > 2 else (word, 3)
    if "JSON" in chat[0][1]:
        return f'{{"loud": "{loud}", "size": {size}}}'
    return f"loud: {loud}\nsize: {size}"


def write(project: Project, returns: str, expected: str, form: str) -> None:
    """A suite that returns and expects these."""
    project.write("both.yaml", PROMPT.replace("FORMAT", form))
    project.write("test_words.py", SUITE.replace("RETURNS", returns).replace("EXPECTED", expected))


@pytest.mark.parametrize(
    ("returns", "expected", "form"),
    [
        ("dict", "dict", "lines"),
        ("Mail", "dict", "lines"),
        ("Mail", "dict", "json"),
        ("Data", "dict", "lines"),
        ("Attrs", "dict", "json"),
        ("Named", "dict", "lines"),
        ("as_json", "dict", "json"),
        ("in_order", "in_order", "lines"),
    ],
)
def test_labelled_demos_are_found_for_every_kind_of_answer(
    project: Project, model: FunctionModel, returns: str, expected: str, form: str
) -> None:
    """As for a dict, whose class need not be known."""
    model.answer = shown_how
    write(project, returns, expected, form)
    result = project.run("--lm-optimize=labeled")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*winner: labeled-*", "*on holdout: 0.000 ? 1.000 on *"])


def test_workers_know_them_too(project: Project) -> None:
    """What is matched travels, the value itself does not."""
    mine = "from integration.test_typed_answers import shown_how\n"
    project.answer_apart("shown_how", before=mine)
    write(project, "Mail", "dict", "lines")
    result = project.run("-n", "2", "--lm-optimize=labeled")
    result.stdout.fnmatch_lines(["*winner: labeled-*", "*on holdout: 0.000 ? 1.000 on *"])


@pytest.mark.parametrize(
    ("returns", "expected", "why"),
    [
        (
            "Odd",
            "dict",
            "no candidate: no prompt's outputs could be matched to what the pipeline returns "
            "(Odd); return a dict with the outputs' names, or use reflect",
        ),
        (
            "dict",
            "Odd",
            "no candidate: no expected answer of train says what the outputs (loud, size) of the "
            "answering prompt are; give expected a mapping with their names, or use reflect",
        ),
    ],
)
def test_where_nothing_can_be_labelled_the_reason_is_told(
    project: Project, model: FunctionModel, returns: str, expected: str, why: str
) -> None:
    """With the type that was returned, and what would help."""
    model.answer = lambda _: "loud: x\nsize: 1"
    write(project, returns, expected, "lines")
    if expected == "Odd":  # which has no text of its own to distinguish it
        text = (project.path / "test_words.py").read_text()
        project.write("test_words.py", text.replace("Odd(**given)", "Odd(**given).text"))
    assert why in project.run("--lm-optimize=labeled").stdout.str()


def test_a_strategy_without_a_run_to_learn_from_says_so(
    project: Project, model: FunctionModel
) -> None:
    """``bootstrap`` shows passing runs only."""
    model.answer = lambda _: "no idea"
    project.suite("budget=Budget(calls=300)", examples=80)
    project.run("--lm-optimize=bootstrap").stdout.fnmatch_lines(
        ["*no candidate: no run of the pipeline on train passed, so none can be shown as a demo*"]
    )
