"""With workers, ``--lm-concurrency`` and rate limits hold for the session, not for each worker."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from doubles.openai_server import Fault, OpenAIServer
from doubles.provider_faults import UNUSABLE
from projects.shouting import Project

TOGETHER = """\
import os, time
from pathlib import Path
import pytest

HERE = Path(__file__).parent

@pytest.fixture(autouse=True, scope="session")
def together():
    import litellm  # which takes seconds, and not the same for both
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
    {{"inputs": {{"word": f"{word} {{i}}"}}, "expected": "", "split": "dev"}}
    for i in range({examples})
]

@pytest.mark.lm_suite(dataset=WORDS, metric=metrics.exact_match, model="openai/{model}")
def test_{word}(lm_example):
    began = time.monotonic()
    one_step(lm_example.inputs["word"])
    with RUNS.open("a") as file:
        file.write(f"{{began}} {{time.monotonic()}}\\n")
    return ""
"""

MOST = 4
PAUSE_SECONDS = 2.0


def askers(server: OpenAIServer) -> list[str]:
    """The first word of each question, which is its suite's name."""
    return [body["messages"][-1]["content"].split()[0] for body in server.requests]


def most_runs_at_once(project: Project) -> int:
    """How many examples were under way together at most."""

    def changes() -> Iterator[tuple[float, int]]:
        for file in project.path.glob("*.runs"):
            for line in file.read_text().splitlines():
                began, ended = map(float, line.split())
                yield from ((began, 1), (ended, -1))

    under_way, most = 0, 0
    for _, change in sorted(changes()):
        under_way += change
        most = max(most, under_way)
    return most


@pytest.mark.slow
def test_two_workers_keep_to_the_limits_of_one_session(
    project: Project, openai_server: OpenAIServer
) -> None:
    """Two suites begin together, one on each worker, then each worker has one with a wrong key.

    Together they keep to ``--lm-concurrency``, use it up, and both get on. A pause the provider
    asks of one holds the other, too. The wrong key is seen by the calls under way at once, and by
    none of the suite that comes to it later.
    """
    project.write("conftest.py", TOGETHER)
    suites = {"red": 60, "later": 20, "blue": 35, "locked": 20}
    for number, (word, examples) in enumerate(suites.items()):
        model = "locked" if examples == 20 else "simulated"
        text = SUITE.format(word=word, examples=examples, model=model)
        project.write(f"test_{number}_{word}.py", text)
    arrivals: list[float] = []
    refused: list[float] = []
    wrong_key, said = UNUSABLE["wrong key"]

    def slowly(_: Any) -> str:
        both_began = {"red", "blue"} <= set(askers(openai_server))
        time.sleep(0.05 if both_began else 1.0)
        return "well"

    def fault(_: int) -> Fault | None:
        asked, now = askers(openai_server), time.monotonic()
        arrivals.append(now)
        if openai_server.requests[-1]["model"] == "locked":
            return wrong_key
        if refused or min(asked.count("red"), asked.count("blue")) < 10:
            return None
        refused.append(now)
        return Fault(status=429, headers={"Retry-After": str(PAUSE_SECONDS)})

    openai_server.answer, openai_server.fault = slowly, fault
    result = project.run_apart("-n", "2", f"--lm-concurrency={MOST}")
    result.assert_outcomes(passed=2, failed=2)
    assert openai_server.most_at_once == MOST
    assert most_runs_at_once(project) == MOST
    asked = askers(openai_server)
    both_ask = asked[max(map(asked.index, ("red", "blue"))) :][:40]
    assert min(both_ask.count("red"), both_ask.count("blue")) >= 10
    since = [arrival - refused[0] for arrival in arrivals]
    assert not [seconds for seconds in since if PAUSE_SECONDS / 2 < seconds < PAUSE_SECONDS]
    assert len([seconds for seconds in since if seconds >= PAUSE_SECONDS]) > 20
    result.stdout.fnmatch_lines([f"*error: {said.replace('simulated', 'locked')}"])
    assert 1 <= asked.count("locked") + asked.count("later") <= MOST
