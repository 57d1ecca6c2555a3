"""What an exception means is decided in one table, wherever and however it is raised."""

from __future__ import annotations

import asyncio
import bdb
import unittest
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from pytest_lmopt import Example
from pytest_lmopt.blocks.plain import ended_to_text, runs_from_text
from pytest_lmopt.errors import MetricError
from pytest_lmopt.lm.seam import FunctionLM
from pytest_lmopt.metrics.score import score_with
from pytest_lmopt.runs.executor import InProcessExecutor
from pytest_lmopt.runs.outcomes import MEANINGS, Meaning, SessionEnded, outcome_of
from pytest_lmopt.runs.run import Ending, ExampleSkipped, Run
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.suite import Pipeline

Raiser = Callable[[], Any]
EXAMPLE = Example(id="e", inputs={})


def raising(error: BaseException) -> Raiser:
    """A function that raises this."""

    def raise_it() -> None:
        raise error

    return raise_it


class OwnSkip(unittest.SkipTest):
    """A skip of a test framework built on unittest."""


LEFT_OUT: dict[str, Raiser] = {
    "pytest.skip": lambda: pytest.skip("no reason"),
    "pytest.xfail": lambda: pytest.xfail("no reason"),
    "pytest.importorskip": lambda: pytest.importorskip("no_such_module", reason="no reason"),
    "unittest.SkipTest": raising(unittest.SkipTest("no reason")),
    "a subclass": raising(OwnSkip("no reason")),
    "TestCase.skipTest": lambda: unittest.TestCase().skipTest("no reason"),
    "ExampleSkipped": raising(ExampleSkipped("no reason")),
    "a group": raising(BaseExceptionGroup("", [unittest.SkipTest("no reason")])),
}
FAILED: dict[str, Raiser] = {
    "assert": raising(AssertionError("no reason")),
    "pytest.fail": lambda: pytest.fail("no reason"),
    "pytest.fail(pytrace=False)": lambda: pytest.fail("no reason", pytrace=False),
    "TestCase.fail": lambda: unittest.TestCase().fail("no reason"),
    "a group": raising(ExceptionGroup("", [AssertionError("no reason")])),
    "a group with a skip": raising(
        BaseExceptionGroup("", [unittest.SkipTest("x"), AssertionError("no reason")])
    ),
}
WRONG: dict[str, Raiser] = {
    "ValueError": raising(ValueError("no reason")),
    "SystemExit": raising(SystemExit("no reason")),
    "GeneratorExit": raising(GeneratorExit("no reason")),
    "CancelledError": raising(asyncio.CancelledError("no reason")),
    "a BaseException": raising(type("Own", (BaseException,), {})("no reason")),
    "a class called as pytest's": raising(type("Exit", (Exception,), {})("no reason")),
    "a group": raising(
        ExceptionGroup("", [AssertionError("x"), ExceptionGroup("", [ValueError("no reason")])])
    ),
}
ENDS: dict[str, tuple[Raiser, str, int | None]] = {
    "pytest.exit": (lambda: pytest.exit("no reason", returncode=3), "no reason", 3),
    "with status 0": (lambda: pytest.exit("no reason", returncode=0), "no reason", 0),
    "without a status": (lambda: pytest.exit("no reason"), "no reason", None),
    "KeyboardInterrupt": (raising(KeyboardInterrupt()), "stopped by Ctrl-C", 2),
    "BdbQuit": (raising(bdb.BdbQuit()), "quit the debugger", 2),
    "a group": (
        raising(
            BaseExceptionGroup(
                "", [ValueError("x"), pytest.exit.Exception("no reason", returncode=3)]
            )
        ),
        "no reason",
        3,
    ),
}
SCORED = [
    *((raiser, Ending.SKIPPED) for raiser in LEFT_OUT.values()),
    *((raiser, Ending.FAILED) for raiser in FAILED.values()),
    *((raiser, Ending.WRONG) for raiser in WRONG.values()),
]


def test_every_line_of_the_table_is_tried_here() -> None:
    """A new one needs its case."""
    raised = []
    for raiser in (*LEFT_OUT.values(), *FAILED.values(), *(each for each, *_ in ENDS.values())):
        try:
            raiser()
        except BaseException as error:
            raised += [kind for each in outcome_of(error).because for kind in type(each).__mro__]
    tried = {f"{kind.__name__}" for kind in raised}
    assert {name for _, name in MEANINGS} <= tried


def synchronous(raiser: Raiser) -> Pipeline:
    """A plain function."""
    return lambda _: raiser()


def asynchronous(raiser: Raiser) -> Pipeline:
    """A coroutine."""

    async def pipeline(_: Example) -> None:
        await asyncio.sleep(0)
        raiser()

    return pipeline


def awaited(raiser: Raiser) -> Pipeline:
    """A plain function whose coroutine is awaited."""

    def pipeline(example: Example) -> Any:
        return asynchronous(raiser)(example)

    return pipeline


def on_its_own_thread(raiser: Raiser) -> Pipeline:
    """A function that asks a pool of its own."""

    def pipeline(_: Example) -> None:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(raiser).result()

    return pipeline


KINDS = [synchronous, asynchronous, awaited, on_its_own_thread]


def run(pipeline: Pipeline) -> Run:
    """The pipeline's only run."""

    async def block() -> Run:
        with InProcessExecutor(lm=FunctionLM(lambda _: "")) as executor:
            candidate = Candidate(name="incumbent", states={})
            (only,) = await executor.run_block(pipeline, candidate, [EXAMPLE])
        return only

    return asyncio.run(block())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("raiser", "ending"), SCORED, ids=[*LEFT_OUT, *FAILED, *WRONG])
def test_a_run_ends_as_a_test_would(
    raiser: Raiser, ending: Ending, kind: Callable[[Raiser], Pipeline]
) -> None:
    """Left out, failed or wrong, with the words of what decided it, not those of a group."""
    ended = run(kind(raiser))
    assert ended.ending is ending
    assert ended.problem.endswith("no reason")
    assert "sub-exception" not in ended.problem


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("raiser", "reason", "status"), ENDS.values(), ids=ENDS)
def test_what_ends_a_session_ends_it_from_a_pipeline(
    raiser: Raiser, reason: str, status: int | None, kind: Callable[[Raiser], Pipeline]
) -> None:
    """With its reason and exit status, and what was raised as the cause."""
    with pytest.raises(SessionEnded) as ended:
        run(kind(raiser))
    assert (ended.value.reason, ended.value.returncode) == (reason, status)
    assert outcome_of(ended.value.__cause__ or ValueError()).meaning is Meaning.ENDS


def metric_of(raiser: Raiser, *, is_async: bool) -> Callable[[Example, Any], Any]:
    """A metric that raises."""

    async def metric(example: Example, prediction: Any) -> bool:
        await asyncio.sleep(0)
        raiser()
        return True

    return metric if is_async else lambda *_: raiser()


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("raiser", [raiser for raiser, _ in SCORED])
def test_a_metric_that_raises_is_broken(raiser: Raiser, is_async: bool) -> None:
    """Whatever it is: a metric neither skips nor fails an example by raising."""
    with pytest.raises(MetricError, match="no reason"):
        asyncio.run(score_with(metric_of(raiser, is_async=is_async), EXAMPLE, None))


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize(("raiser", "reason", "status"), ENDS.values(), ids=ENDS)
def test_what_ends_a_session_ends_it_from_a_metric(
    raiser: Raiser, reason: str, status: int | None, is_async: bool
) -> None:
    """As from a pipeline."""
    with pytest.raises(SessionEnded) as ended:
        asyncio.run(score_with(metric_of(raiser, is_async=is_async), EXAMPLE, None))
    assert (ended.value.reason, ended.value.returncode) == (reason, status)


@pytest.mark.parametrize("status", [None, 0, 3])
def test_the_end_travels_between_processes(status: int | None) -> None:
    """In place of the runs of a block."""
    text = ended_to_text(SessionEnded("no reason", status))
    with pytest.raises(SessionEnded) as ended:
        runs_from_text(text, Candidate(name="incumbent", states={}))
    assert (ended.value.reason, ended.value.returncode) == ("no reason", status)
