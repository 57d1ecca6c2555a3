"""What an evaluation was answered, as a plain run on another machine would ask for it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_lmopt import Example, Prompt, metrics
from pytest_lmopt.assessment.answers import answers_of
from pytest_lmopt.blocks.evaluator import Evaluator
from pytest_lmopt.blocks.runner import LocalRunner
from pytest_lmopt.errors import IncompleteError, MissingAnswerError
from pytest_lmopt.lm.recordings.files import Answer
from pytest_lmopt.lm.recordings.recorded import Recorded
from pytest_lmopt.lm.recordings.store import SqliteRecordings
from pytest_lmopt.lm.seam import LM, FunctionLM
from pytest_lmopt.runs.executor import InProcessExecutor
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.example import Dataset
from pytest_lmopt.suites.suite import Suite
from pytest_lmopt.wire import Request

SHOUT = Prompt(name="shout", instruction="SHOUT", inputs=["word"], output="loud")
GRADE = Prompt(name="grade", instruction="GRADE", inputs=["prediction"], output="score")
DATA = Dataset(
    examples=tuple(Example(id=f"e{n}", inputs={"word": f"w{n}"}, split="dev") for n in range(30)),
    source="made here",
)


def shout(example: Example) -> str:
    """A pipeline of one call."""
    return SHOUT(word=example.inputs["word"]).text


def say(request: Request) -> str:
    """A grade for an answer, and capitals for a word."""
    graded = request.messages[0].content == "GRADE"
    return "yes" if graded else request.messages[-1].content.upper()


def evaluated(
    lm: LM, *, draw: int = 0, reverse: bool = False, **changes: Any
) -> list[list[Answer]]:
    """The answers of one evaluation of the suite, some of it changed."""
    suite = Suite(
        **{
            "name": "s",
            "pipeline": shout,
            "dataset": DATA,
            "metric": metrics.Judge(GRADE),
            **changes,
        }
    )
    examples = DATA.examples[::-1] if reverse else DATA.examples

    async def story() -> list[list[Answer]]:
        with InProcessExecutor(lm=lm, model="m") as executor:
            evaluator = Evaluator(suite, LocalRunner(suite, executor))
            incumbent = Candidate(name="incumbent", states={})
            return answers_of(await evaluator.evaluate(incumbent, examples, draw=draw), DATA)

    return asyncio.run(story())


def test_a_runs_answers_are_its_calls_and_its_judges() -> None:
    """In the order of the dataset, whatever that of the evaluation was."""
    found = evaluated(FunctionLM(say), reverse=True)

    asked = [[request.messages[-1].content for request, _ in run] for run in found]
    assert asked == [[f"w{n}", f"W{n}"] for n in range(30)]
    assert [completion.text for _, completion in found[0]] == ["W0", "yes"]


def test_what_was_drawn_afresh_is_numbered_as_a_first_draw() -> None:
    """So that a plain run finds it; repeats stay apart."""
    drawn: set[int] = set()

    def answer(request: Request) -> str:
        drawn.add(request.repeat)
        return say(request)

    found = evaluated(FunctionLM(answer), draw=2, repeats=2, metric=None)

    assert drawn == {4, 5}
    assert [request.repeat for run in found for request, _ in run] == [0, 1] * 30


def test_calls_without_an_answer_leave_none() -> None:
    """There is nothing to record."""

    def answer(request: Request) -> str:
        if request.messages[-1].content == "w1":
            raise MissingAnswerError("busy", request=request)
        return say(request)

    found = evaluated(FunctionLM(answer), max_missing=0.5)

    assert [len(run) for run in found[:3]] == [2, 0, 2]


def test_a_model_file_is_named_by_its_name_and_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by its place, which is another's on another machine; there it is found again."""
    monkeypatch.setattr("pytest_lmopt.lm.local.model.importlib.util.find_spec", lambda _: True)
    for place in ("here", "there"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "small.gguf").write_bytes(b"x" * 70)
    here, there = (f"local:{tmp_path}/{place}/small.gguf" for place in ("here", "there"))
    state = SHOUT.state
    monkeypatch.setattr(SHOUT, "state", replace(state, model=here))

    ((request, completion), *_), *_ = evaluated(FunctionLM(say))

    assert request.model == "local:small.gguf-70"
    store = SqliteRecordings(tmp_path / "recordings.sqlite")
    lm = Recorded(FunctionLM(say), store, mode="replay", committed={request.key: completion})
    wanted = Request(model=there, messages=request.messages, params=request.params)
    assert asyncio.run(lm.complete(wanted)).text == "W0"
    store.close()


def test_a_replay_names_all_that_it_lacks(tmp_path: Path) -> None:
    """By prompt, each request once; not even one may be missing."""
    store = SqliteRecordings(tmp_path / "recordings.sqlite")
    lm = Recorded(FunctionLM(say), store, mode="auto")
    evaluated(lm)

    def twice(example: Example) -> str:
        return SHOUT(word="new").text if example.id in ("e3", "e28") else shout(example)

    with pytest.raises(IncompleteError) as caught:
        evaluated(Recorded(lm, store, mode="replay"), pipeline=twice, max_missing=0.9)
    store.close()

    assert str(caught.value).startswith(
        "1 request is not recorded, and --lm-cache=replay asks no model: 1 of prompt shout ('new')"
    )
    assert set(caught.value.missing) == {"e3", "e28"}
