"""Whatever a provider does wrong ends as one of three outcomes, and disturbs no other example."""

from __future__ import annotations

import csv
import json
import threading
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from doubles.manual_clock import ManualClock
from doubles.openai_server import Fault, OpenAIServer
from doubles.provider_faults import PASSING, REFUSALS, UNUSABLE, altered
from projects.shouting import Project

ATTEMPTS = 2
AT_ONCE = {name: fault for name, fault in PASSING.items() if not fault.seconds}
"""The faults that a clock which jumps can meet; ``test_faults.py`` meets the slow one."""

UNDISTURBED = tuple(f"undisturbed-{number}" for number in range(24))

SUITE = """\
import pytest
from pytest_lmopt import metrics
from pipeline import one_step

WORDS = [{{"id": i, "inputs": {{"word": i}}, "expected": i.upper(), "split": "dev"}}
         for i in {words}]

@pytest.mark.lm_suite(dataset=WORDS, metric=metrics.exact_match, {arguments})
def test_{name}(lm_example):
    return one_step(lm_example.inputs["word"])
"""


@pytest.fixture(autouse=True)
def _few_attempts(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts follow each other at once, by a clock that jumps."""
    monkeypatch.setattr("pytest_lmopt.lm.faults.retries.ATTEMPTS", ATTEMPTS)
    monkeypatch.setattr("pytest_lmopt.lm.faults.retries.RATE_LIMIT_ATTEMPTS", ATTEMPTS)


def write_suite(
    project: Project, *words: str, name: str = "words", arguments: str = "max_missing=0.5"
) -> None:
    """One suite whose examples are named like their words; its words may go missing."""
    text = SUITE.format(words=[*words, *UNDISTURBED], name=name, arguments=arguments)
    project.write(f"test_{name}.py", text)


def striking(faults: dict[str, Fault], *, times: int = 99) -> Callable[[str, int], Fault | None]:
    """Each fault, for the word that is its name and the first ``times`` it is asked about."""
    return lambda question, asked: faults.get(question) if asked <= times else None


def scores(project: Project) -> dict[str, float]:
    """The scores accepted as baseline, by example id."""
    (table,) = project.path.glob("__lm_snapshots__/*/*.csv")
    with table.open(newline="") as file:
        return {row["id"]: float(row["score"]) for row in csv.DictReader(file) if row["score"]}


def deserved(server: OpenAIServer, *words: str) -> dict[str, float]:
    """What an undisturbed run scores."""
    said = {i: server.answer([("system", "SHOUT"), ("user", i)]) for i in (*words, *UNDISTURBED)}
    return {i: float(answer == i.upper()) for i, answer in said.items()}


def test_faults_that_pass_change_nothing(project: Project, openai_server: OpenAIServer) -> None:
    """Each call is made again, once, and the scores are those of an undisturbed run."""
    write_suite(project, *AT_ONCE)
    openai_server.fault_of = striking(AT_ONCE, times=1)
    project.run("--lm-snapshot-update").assert_outcomes(passed=1)
    disturbed, calls = scores(project), openai_server.calls
    assert disturbed == deserved(openai_server, *AT_ONCE)
    assert set(disturbed.values()) == {0.0, 1.0}
    assert calls == len(disturbed) + len(AT_ONCE)
    openai_server.fault_of = lambda *_: None
    project.run("--lm-snapshot-update", "--lm-cache=off").assert_outcomes(passed=1)
    assert scores(project) == disturbed
    assert openai_server.calls == calls + len(disturbed)


def test_faults_that_stay_leave_their_examples_missing(
    project: Project, openai_server: OpenAIServer
) -> None:
    """Never 0; every attempt is ours, none litellm's; the other scores are undisturbed."""
    write_suite(project, *AT_ONCE)
    openai_server.fault_of = striking(AT_ONCE)
    result = project.run("--lm-snapshot-update")
    result.stdout.fnmatch_lines(
        [
            f"  left out: {len(AT_ONCE)} without an answer, 0 skipped",
            "    rate limit: no answer after 2 attempts; the last: RateLimitError: *",
        ]
    )
    assert scores(project) == deserved(openai_server)
    asked = [body["messages"][-1]["content"] for body in openai_server.requests]
    assert {word: asked.count(word) for word in AT_ONCE} == dict.fromkeys(AT_ONCE, ATTEMPTS)
    assert len(asked) == len(UNDISTURBED) + ATTEMPTS * len(AT_ONCE)


def test_too_much_missing_makes_the_suite_an_error(
    project: Project, openai_server: OpenAIServer
) -> None:
    """With the default of 2 %, one example in 25 is too much; it is named with its reason."""
    write_suite(project, "struck", arguments="")
    openai_server.fault_of = striking({"struck": Fault(status=503)})
    result = project.run("--lm-snapshot-update")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["error: 1 of 25 runs have no answer, *max_missing=0.02*'struck': no answer after 2 *"]
    )
    assert project.files() == {}


def test_a_refusal_is_the_prompts_own_doing(project: Project, openai_server: OpenAIServer) -> None:
    """It scores 0, is listed with what the provider said, and is not asked again."""
    faults = {name: fault for name, (fault, _) in REFUSALS.items()}
    faults["empty answer"] = Fault(body=altered(content=""))
    openai_server.answer = lambda chat: chat[-1][1].upper()
    write_suite(project, *faults)
    openai_server.fault_of = striking(faults)
    result = project.run("--lm-snapshot-update", "-vv")
    shown = [line for name in REFUSALS for line in (f"    {name}", "*feedback RefusedError: *")]
    result.stdout.fnmatch_lines(shown)
    assert scores(project) == {
        **deserved(openai_server, *faults),
        **dict.fromkeys(faults, 0.0),
    }
    assert openai_server.calls == len(UNDISTURBED) + len(faults)


def test_a_wrong_key_is_tried_once(project: Project, openai_server: OpenAIServer) -> None:
    """Both suites fail with the same message; the server saw only the calls under way at once."""
    fault, said = UNUSABLE["wrong key"]
    openai_server.fault = lambda _: fault
    write_suite(project)
    write_suite(project, name="others")
    result = project.run("--lm-concurrency=3")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines([f"error: {said}", f"error: {said}"])
    assert openai_server.calls <= 3


def test_a_burst_of_rate_limits_is_waited_out(
    project: Project, openai_server: OpenAIServer, clock: ManualClock
) -> None:
    """The first eight words are refused once each; nothing arrives while a pause is asked for."""
    arrivals: list[float] = []

    def refused(question: str, asked: int) -> Fault | None:
        arrivals.append(clock.now)
        hit = asked == 1 and question in UNDISTURBED[:8]
        return Fault(status=429, headers={"Retry-After": "1"}) if hit else None

    openai_server.fault_of = refused
    write_suite(project)
    project.run("--lm-concurrency=8", "--lm-snapshot-update").assert_outcomes(passed=1)
    assert scores(project) == deserved(openai_server)
    assert openai_server.calls == len(UNDISTURBED) + 8
    assert max(later - earlier for earlier, later in pairwise(arrivals)) > 0.9


def test_calls_at_once_are_bounded_whatever_the_pipeline_does(
    project: Project, openai_server: OpenAIServer
) -> None:
    """An async pipeline that asks four things together stays within ``--lm-concurrency``."""
    answer, all_four = openai_server.answer, threading.Barrier(4)

    def slowly(chat: Any) -> Any:
        all_four.wait(timeout=30)
        return answer(chat)

    openai_server.answer = slowly
    project.write(
        "test_words.py",
        """
import asyncio, pytest
from pipeline import shout

@pytest.mark.lm_suite(dataset=[{"inputs": {"word": f"word{i}"}} for i in range(20)])
async def test_shout(lm_example):
    word = lm_example.inputs["word"]
    await asyncio.gather(*(shout.acall(word=f"{word}-{n}") for n in range(4)))
""",
    )
    project.run("--lm-concurrency=4").assert_outcomes(passed=1)
    assert openai_server.most_at_once == 4


def test_a_server_that_dies_makes_the_suite_an_error_and_loses_nothing(
    project: Project, openai_server: OpenAIServer
) -> None:
    """What was answered is kept; nothing is judged."""
    answer = openai_server.answer

    def briefly(chat: Any) -> Any:
        if openai_server.calls == 8:
            openai_server.die()
        return answer(chat)

    openai_server.answer = briefly
    write_suite(project)
    result = project.run("--lm-concurrency=1", "--lm-snapshot-update", "--lm-report=json:r.json")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["error: 16 of 24 runs have no answer, more than max_missing=0.5*"])
    (suite,) = json.loads((project.path / "r.json").read_text())["suites"]
    assert (suite["status"], suite["n"], suite["missing"]) == ("error", 8, 16)
    assert project.files() == {}
