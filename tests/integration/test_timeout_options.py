"""``--lm-timeout`` and ``--lm-example-timeout``: what takes too long is missing, never 0."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest
from doubles.function_model import Answer, FunctionModel
from doubles.manual_clock import ManualClock
from projects.shouting import Project

from pytest_lmopt import LM, FunctionLM, Request

SUITE = """\
import threading
import pytest
from pytest_lmopt import metrics
from pipeline import one_step, shout

WORDS = [{"id": f"w{i}", "inputs": {"word": f"word{i}"}, "expected": f"WORD{i}", "split": "dev"}
         for i in range(20)]

@pytest.mark.lm_suite(dataset=WORDS, metric=metrics.exact_match, max_missing=0.2)
"""
SYNC = SUITE + 'def test_shout(lm_example):\n    return one_step(lm_example.inputs["word"])\n'
ASYNC = (
    SUITE
    + "async def test_shout(lm_example):\n"
    + '    return (await shout.acall(word=lm_example.inputs["word"])).text\n'
)
HANGING = (
    SUITE.replace("import pytest\n", "import pytest\nfrom conftest import CLOCK\n")
    + "def test_shout(lm_example):\n"
    + '    if lm_example.id in ("w17", "w18", "w19"):\n'
    + "        if lm_example.id != 'w17':\n"
    + "            CLOCK.advance(10)\n"
    + "        threading.Event().wait()\n"
    + '    return lm_example.inputs["word"].upper()\n'
)
CLOCK = """\
from doubles.manual_clock import ManualClock

CLOCK = ManualClock()

def pytest_configure(config):
    CLOCK.pytest_configure(config)
"""


@pytest.fixture(autouse=True)
def _two_attempts(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """That follow each other at once, by a clock that jumps over the wait."""
    monkeypatch.setattr("pytest_lmopt.lm.faults.retries.ATTEMPTS", 2)


class Hanging(FunctionModel):
    """A model without an answer to words 3 and 7; 10 seconds pass once both are asked."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(lambda chat: chat[-1][1].upper())
        self._clock = clock
        self._hanging = 0

    def pytest_lmopt_lm(self) -> LM:
        """Offer the model to a suite."""
        return FunctionLM(self._answer)

    async def _answer(self, request: Request) -> Answer:
        answer = self._complete(request)
        if answer in ("WORD3", "WORD7"):
            self._hanging += 1
            if self._hanging % 2 == 0:
                self._clock.advance(10)
            await asyncio.Event().wait()
        return answer


@pytest.fixture
def model(clock: ManualClock) -> Hanging:
    """Take the place of the simulated model."""
    return Hanging(clock)


def report_of(project: Project) -> dict[str, Any]:
    """The only suite's report."""
    (suite,) = json.loads((project.path / "r.json").read_text())["suites"]
    return dict(suite)


@pytest.mark.parametrize("source", [SYNC, ASYNC], ids=["sync", "async"])
def test_an_example_that_takes_too_long_is_missing(
    source: str, project: Project, model: Hanging
) -> None:
    """Its call is not made again, and its place is given to others, who score as they deserve."""
    project.write("test_words.py", source)
    began = time.monotonic()
    result = project.run("--lm-example-timeout=2", "--lm-concurrency=2", "--lm-report=json:r.json")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "  left out: 2 without an answer, 0 skipped",
            "    w3: the run took more than 2 s (--lm-example-timeout)",
        ]
    )
    report = report_of(project)
    assert (report["n"], report["score"], report["missing"]) == (18, 1.0, 2)
    assert model.calls == 20
    assert time.monotonic() - began < 15


def test_pytest_ends_though_a_pipeline_hangs(project: Project, model: FunctionModel) -> None:
    """Three threads are left behind, more than there are examples at a time."""
    project.write("conftest.py", CLOCK)
    project.write("test_words.py", HANGING)
    limits = "--lm-example-timeout=1", "--lm-concurrency=2"
    began = time.monotonic()
    result = project.run_apart("-p", "no:hypothesispytest", "--lm-cache=replay", *limits)
    assert time.monotonic() - began < 60
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["  left out: 3 without an answer, 0 skipped"])


def test_an_answer_that_takes_too_long_is_asked_for_again(project: Project, model: Hanging) -> None:
    """And is missing after the last attempt; the option wins over the configuration."""
    project.write("test_words.py", SYNC)
    project.write("tox.ini", "[pytest]\nlm_model=openai/simulated\npythonpath=.\nlm_timeout = 60\n")
    result = project.run("--lm-timeout=1.5")
    result.stdout.fnmatch_lines(
        ["    w3: no answer after 2 attempts; the last: no answer within 1.5 s (--lm-timeout)"]
    )
    assert model.calls == 18 + 2 * 2


def test_both_may_stand_in_the_configuration(project: Project, model: Hanging) -> None:
    """A pipeline's run is over when its time is, whatever its call still may take."""
    project.write("test_words.py", SYNC)
    project.write(
        "tox.ini",
        "[pytest]\nlm_model=openai/simulated\npythonpath=.\n"
        "lm_timeout = 20\nlm_example_timeout = 1.5\n",
    )
    result = project.run("--lm-concurrency=2")
    result.stdout.fnmatch_lines(["    w3: the run took more than 1.5 s (--lm-example-timeout)"])


@pytest.mark.parametrize("option", ["--lm-timeout", "--lm-example-timeout"])
@pytest.mark.parametrize("value", ["0", "-1", "soon", "inf", "nan"])
def test_a_time_out_is_a_positive_number_of_seconds(
    option: str, value: str, project: Project
) -> None:
    """Anything else is a usage error that says so, on the command line or in the configuration."""
    message = f"a positive number of seconds expected, found '{value}'"
    result = project.run(f"{option}={value}")
    assert result.ret == 4
    result.stderr.fnmatch_lines([f"*error: argument {option}: {message}"])
    name = option.removeprefix("--").replace("-", "_")
    project.write("tox.ini", f"[pytest]\n{name} = {value}\n")
    result = project.run()
    assert result.ret == 4
    result.stderr.fnmatch_lines([f"ERROR: ini value {name}: {message}"])
