"""With workers, ``--lm-concurrency`` and rate limits hold for the session, not for each worker."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from doubles.openai_server import Fault, OpenAIServer
from doubles.provider_faults import UNUSABLE
from projects.shouting import Project

from pytest_lmopt.testing.simulated_model import Chat

TOGETHER = """\
from pathlib import Path
import pytest
from doubles.meeting import meet
from doubles.plain_http import PlainHTTP

@pytest.fixture(autouse=True, scope="session")
def together():
    meet(Path(__file__).with_name("workers"))

def pytest_lmopt_lm():
    return PlainHTTP("URL")
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
HELD_SECONDS = 1.0
"""How long an answer is held at most, for others to come in meanwhile."""
ROWS = {"red": 60, "later": 20, "blue": 35, "locked": 20}
"""The suites' examples, by the word they ask about."""


class Holding:
    """Holds answers until as many calls as may are together, and neither suite is far ahead."""

    def __init__(self, server: OpenAIServer) -> None:
        self._server = server
        self._came = threading.Condition()

    def come(self) -> None:
        """Note that a call has arrived."""
        with self._came:
            self._came.notify_all()

    def answer(self, chat: Chat) -> str:
        """Answer, once there is nothing to hold for."""
        word = chat[-1][1].split()[0]
        with self._came:
            self._came.wait_for(lambda: self._enough(word), HELD_SECONDS)
        return "well"

    def _enough(self, word: str) -> bool:
        asked = askers(self._server)
        other = "blue" if word == "red" else "red"
        behind = asked.count(other) < min(ROWS[other], asked.count(word) - MOST)
        return self._server.most_at_once == MOST and not behind


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


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    """A server that counts what both workers ask, by a client that loads little."""
    with OpenAIServer(lambda _: "well").running() as server:
        yield server


def test_two_workers_keep_to_the_limits_of_one_session(
    project: Project, server: OpenAIServer
) -> None:
    """Two suites begin together, one on each worker, then each worker has one with a wrong key.

    Together they keep to ``--lm-concurrency``, use it up, and both get on. A pause the provider
    asks of one holds the other, too. The wrong key is seen by the calls under way at once, and by
    none of the suite that comes to it later.
    """
    project.write("conftest.py", TOGETHER.replace("URL", server.url))
    for number, (word, examples) in enumerate(ROWS.items()):
        model = "locked" if examples == 20 else "simulated"
        text = SUITE.format(word=word, examples=examples, model=model)
        project.write(f"test_{number}_{word}.py", text)
    arrivals: list[float] = []
    refused: list[float] = []
    wrong_key, said = UNUSABLE["wrong key"]

    holding = Holding(server)

    def fault(_: int) -> Fault | None:
        holding.come()
        asked, now = askers(server), time.monotonic()
        arrivals.append(now)
        if server.requests[-1]["model"] == "openai/locked":
            return wrong_key
        if refused or min(asked.count("red"), asked.count("blue")) < 10:
            return None
        refused.append(now)
        return Fault(status=429, headers={"Retry-After": str(PAUSE_SECONDS)})

    server.answer, server.fault = holding.answer, fault
    result = project.run_apart("-n", "2", f"--lm-concurrency={MOST}")
    result.assert_outcomes(passed=2, failed=2)
    assert server.most_at_once == MOST
    assert most_runs_at_once(project) == MOST
    asked = askers(server)
    both_ask = asked[max(map(asked.index, ("red", "blue"))) :][:40]
    assert min(both_ask.count("red"), both_ask.count("blue")) >= 10
    since = [arrival - refused[0] for arrival in arrivals]
    assert not [seconds for seconds in since if PAUSE_SECONDS / 2 < seconds < PAUSE_SECONDS]
    assert len([seconds for seconds in since if seconds >= PAUSE_SECONDS]) > 20
    result.stdout.fnmatch_lines([f"*error: {said.replace('simulated', 'locked')}"])
    assert 1 <= asked.count("locked") + asked.count("later") <= MOST
