"""Scored runs are kept on disk, and little of each in memory."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import Sequence
from dataclasses import replace

from pytest_lmopt import Example, Prompt
from pytest_lmopt.blocks.archive import Archive
from pytest_lmopt.blocks.evaluator import Evaluator
from pytest_lmopt.blocks.runner import LocalRunner
from pytest_lmopt.lm.seam import FunctionLM
from pytest_lmopt.metrics.evaluation import Evaluation
from pytest_lmopt.metrics.score import Score
from pytest_lmopt.metrics.scored_run import ScoredRun
from pytest_lmopt.runs.executor import InProcessExecutor
from pytest_lmopt.runs.run import Ending
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.example import Dataset
from pytest_lmopt.suites.suite import Suite

ESSAY = Prompt(name="essay", instruction="Write at length.", inputs=["topic"], output="text")


def _run(example: str, repeat: int = 0) -> ScoredRun:
    return ScoredRun(
        example=example,
        repeat=repeat,
        ending=Ending.RETURNED,
        score=Score(value=0.5, feedback=f"about {example}"),
        got=example,
        states={"essay": ESSAY.state},
    )


def test_runs_are_read_back_in_the_order_asked_for() -> None:
    """Each by candidate, example and repeat; a run that is put again replaces the old one."""
    archive = Archive()
    kept = archive.put("one", [_run("a"), _run("b"), _run("b", repeat=1)])
    other = archive.put("two", [_run("a")])
    archive.put("two", [ScoredRun(**{**vars(_run("a")), "got": "better"})])

    assert list(archive.read("one", reversed(kept))) == [_run("b", 1), _run("b"), _run("a")]
    assert [run.got for run in archive.read("two", other)] == ["better"]


def test_runs_that_called_the_same_prompts_share_their_states() -> None:
    """There may be a hundred thousand of them."""
    one, other = Archive().put("one", [_run("a"), _run("b")])

    assert one.states == {"essay": ESSAY.state}
    assert one.states is other.states


def test_memory_does_not_grow_with_traces() -> None:
    """30 answers of 100 kB each are 3 MB; what is kept of them, under 0.2."""
    examples = tuple(Example(id=str(n), inputs={"topic": str(n)}, split="dev") for n in range(30))
    suite = Suite(
        name="essays",
        pipeline=lambda example: len(ESSAY(topic=example.inputs["topic"]).text),
        dataset=Dataset(examples=examples, source="here"),
    )

    async def evaluated(examples: Sequence[Example]) -> Evaluation:
        lm = FunctionLM(lambda request: request.messages[-1].content.ljust(100_000))
        with InProcessExecutor(lm=lm, model="m") as executor:
            evaluator = Evaluator(suite, LocalRunner(suite, executor))
            candidate = Candidate(name="incumbent", states={})
            return await evaluator.evaluate(candidate, tuple(examples))

    asyncio.run(evaluated(examples[:1]))  # what is kept for ever, such as modules, is there now
    tracemalloc.start()
    try:
        evaluation = asyncio.run(evaluated(examples))
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(evaluation.scores) == 30
    assert kept < 200_000
    assert len(next(evaluation.runs).trace[0].text) == 100_000


def test_runs_with_equal_figures_share_them() -> None:
    """Of a hundred thousand rows most score 0 or 1, and take as many tokens."""
    runs = [_run("a"), replace(_run("b"), score=Score(value=float("0.5"), feedback=""))]
    one, other = Archive().put("one", runs)

    assert one.value is other.value
    assert one.usage is other.usage
