"""With workers, ``--lm-concurrency`` and rate limits hold for the session, not for each worker."""

from __future__ import annotations

import time

import pytest
from doubles.openai_server import Fault, OpenAIServer
from doubles.provider_faults import UNUSABLE
from projects.shouting import Project

TOGETHER = """\
# both workers have come as far as this before one begins
import os, time
from pathlib import Path
import litellm
import pytest

HERE = Path(__file__).parent

@pytest.fixture(autouse=True, scope="session")
def together():
    (HERE / f"{os.environ['PYTEST_XDIST_WORKER']}.here").touch()
    deadline = time.monotonic() + 60
    while len(list(HERE.glob("*.here"))) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.01)
"""

SUITE = """\
import pytest, time
from pathlib import Path
from pytest_lmopt import metrics
from pipeline import one_step

RUNS = Path(__file__).with_suffix(".runs")
WORDS = [
    {{"inputs": {{"word": f"{name}{{i}}"}}, "expected": "", "split": "dev"}} for i in range(60)
]

@pytest.mark.lm_suite(dataset=WORDS, metric=metrics.exact_match)
def test_{name}(lm_example):
    began = time.monotonic()
    one_step(lm_example.inputs["word"])
    with RUNS.open("a") as file:
        file.write(f"{{began}} {{time.monotonic()}}\\n")
    return ""
"""
SUITES = ("red", "blue")


@pytest.fixture
def two_suites(project: Project, openai_server: OpenAIServer) -> Project:
    """A project with two suites of 60 examples, begun together; the model takes 50 ms."""
    project.write("conftest.py", TOGETHER)
    for name in SUITES:
        project.write(f"test_{name}.py", SUITE.format(name=name))
    answer = openai_server.answer

    def slowly(chat: list[tuple[str, str]]) -> object:
        time.sleep(0.05)
        return answer(chat)

    openai_server.answer = slowly  # type: ignore[assignment]
    return project


def askers(server: OpenAIServer) -> str:
    """Which suite made each call: ``r`` or ``b``."""
    return "".join(body["messages"][-1]["content"][0] for body in server.requests)


def at_once(project: Project) -> int:
    """How many runs of examples were under way at once, at most."""
    changes = []
    for file in project.path.glob("*.runs"):
        for line in file.read_text().splitlines():
            began, ended = map(float, line.split())
            changes += [(began, 1), (ended, -1)]
    under_way = most = 0
    for _, change in sorted(changes):
        under_way += change
        most = max(most, under_way)
    return most


def test_workers_share_calls_and_examples_at_once(
    two_suites: Project, openai_server: OpenAIServer
) -> None:
    """Together they keep to the limit and use it up; neither waits for the other to end."""
    two_suites.run_apart("-n", "2", "--lm-concurrency=4").assert_outcomes(passed=2)
    assert openai_server.most_at_once == 4
    assert at_once(two_suites) == 4
    asked = askers(openai_server)
    assert len(asked) == 120
    assert 15 <= asked[:60].count("r") <= 45


def test_a_pause_asked_of_one_worker_is_kept_by_all(
    two_suites: Project, openai_server: OpenAIServer
) -> None:
    """What was under way may arrive; then nothing does until the provider wants to be asked."""
    arrivals: list[float] = []
    refused: list[float] = []

    def refuse_once(_: int) -> Fault | None:
        arrivals.append(time.monotonic())
        asked = askers(openai_server)
        if refused or min(asked.count("r"), asked.count("b")) < 10:
            return None
        refused.append(time.monotonic())
        return Fault(status=429, headers={"Retry-After": "2"})

    openai_server.fault = refuse_once
    two_suites.run_apart("-n", "2", "--lm-concurrency=4").assert_outcomes(passed=2)
    since = [arrival - refused[0] for arrival in arrivals]
    assert not [seconds for seconds in since if 1.0 < seconds < 2.0]
    assert len([seconds for seconds in since if seconds >= 2.0]) > 20


def test_a_wrong_key_is_tried_once_by_all_workers_together(
    two_suites: Project, openai_server: OpenAIServer
) -> None:
    """Both suites fail with the same message; the server saw only the calls under way at once."""
    fault, said = UNUSABLE["wrong key"]
    openai_server.fault = lambda _: fault
    result = two_suites.run_apart("-n", "2", "--lm-concurrency=3")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines([f"*error: {said}", f"*error: {said}"])
    assert openai_server.calls <= 3
