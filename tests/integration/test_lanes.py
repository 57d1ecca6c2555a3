"""``-n``: one suite uses all workers, and nothing but the time it takes tells."""

from __future__ import annotations

import functools
import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from projects.shouting import SHOUT, Project, untimed

WHO_RAN_WHAT = """

import os, pathlib
from doubles.meeting import wait_until

HERE = pathlib.Path(__file__).parent
RAN = HERE / "ran"
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "alone")

def note(example):
    with RAN.open("a") as file:
        file.write(f"{WORKER} {example.id}\\n")

def by_others():
    return sum(not line.startswith(WORKER) for line in RAN.read_text().splitlines())

def leave_some(most, least):
    if len(RAN.read_text().splitlines()) - by_others() > most:
        wait_until(lambda: by_others() >= least)
"""
"""``leave_some`` waits, in a worker that ran ``most`` examples, until others ran ``least``."""
ENOUGH = "--lm-concurrency=64"
"""More than one worker uses: its examples may wait for those of another."""


def _noting(project: Project, also: str = "") -> None:
    """A suite without a model that notes which worker ran which example."""
    project.suite(examples=120)
    text = (project.path / "test_words.py").read_text()
    head = text[: text.index("    return one_step")]
    run = f'    note(lm_example)\n    {also}\n    return lm_example.inputs["word"].upper()\n'
    project.write("test_words.py", head + run + WHO_RAN_WHAT)


def _ran(project: Project) -> dict[str, list[str]]:
    """Which examples each worker ran, since the last time one looked."""
    path = project.path / "ran"
    ran: dict[str, list[str]] = {}
    for line in path.read_text().splitlines():
        worker, example = line.split()
        ran.setdefault(worker, []).append(example)
    path.unlink()
    return ran


def _report(path: Path) -> list[dict[str, Any]]:
    """A JSON report without what may differ from run to run: how long it took."""
    suites: list[dict[str, Any]] = untimed(json.loads(path.read_text())["suites"])
    return suites


def test_a_search_is_the_same_with_any_number_of_workers(project: Project) -> None:
    """Scores, verdict, trials, winner, usage, files; of a plain run ``test_xdist.py`` tells."""
    project.answer_apart()
    project.suite("budget=Budget(calls=260)", examples=60)
    project.run("--lm-snapshot-update")
    before = {name: (project.path / name).read_bytes() for name in project.files()}
    told = []
    for run in (project.run, functools.partial(project.run_apart, "-n", "3")):
        for name, content in before.items():
            (project.path / name).write_bytes(content)
        project.write("shout.yaml", SHOUT)
        result = run(
            "--lm-optimize=bootstrap",
            "--lm-snapshot-update",
            "--lm-cache=off",
            "--lm-report=json:lm.json",
        )
        result.assert_outcomes(passed=1)
        told.append((_report(project.path / "lm.json"), project.files()))
    assert told[0] == told[1]


@pytest.mark.parametrize("mode", ["load", "worksteal"])
def test_all_workers_run_examples_of_one_suite_each_example_once(
    project: Project, mode: str
) -> None:
    """Also among hundreds of other tests; and the suite is counted once, to the last percent."""
    _noting(project, "leave_some(32, 16)")
    others = "import pytest\n@pytest.mark.parametrize('n', range(100))\ndef test_n(n): pass\n"
    project.write("test_a.py", others)
    project.write("test_z.py", others)
    result = project.run_apart("-n", "2", ENOUGH, "--dist", mode, "--junit-xml=junit.xml")
    result.assert_outcomes(passed=201)
    assert "[100%]" in result.stdout.str()
    ran = _ran(project)
    assert set(ran) == {"gw0", "gw1"}
    assert min(map(len, ran.values())) >= 16
    examples = [example for some in ran.values() for example in some]
    assert len(examples) == len(set(examples))
    cases = ET.parse(project.path / "junit.xml").getroot().findall(".//testcase")
    assert len(cases) == 201


def test_a_lane_that_comes_too_late_leaves_other_tests_as_they_were(project: Project) -> None:
    """Fixtures of the tests before it are torn down, and those of the tests after it set up."""
    _noting(project)
    others = """
import os, pathlib, pytest
from doubles.meeting import wait_until

@pytest.fixture(scope="module")
def shared():
    yield

@pytest.mark.parametrize("n", range(30))
def test_n(shared, n):
    if os.environ["PYTEST_XDIST_WORKER"] != "gw0":
        wait_until(pathlib.Path(__file__).with_name("ended").exists)
"""
    ending = """
@pytest.fixture(autouse=True, scope="module")
def ending():
    yield
    (HERE / "ended").touch()
"""
    text = (project.path / "test_words.py").read_text()
    project.write("test_words.py", text + ending)
    project.write("test_a.py", others)
    project.write("test_z.py", others)
    result = project.run_apart("-n", "3", "--dist=load")
    result.assert_outcomes(passed=61)


NOTING = """
from pytest_lmopt.plugin.session import session_key

def pytest_sessionstart(session):
    worker = getattr(session.config, "workerinput", {}).get("workerid", "controller")
    session.config.stash[session_key].note([f"{worker} found a file damaged", "all found it"])
"""


def test_what_any_worker_notices_is_reported_once(project: Project) -> None:
    """One that leads no suite has no report to carry its notices, and leaves them at its end."""
    project.suite(examples=12)
    text = (project.path / "test_words.py").read_text()
    head = text[: text.index("    return one_step")]
    project.write("test_words.py", head + '    return lm_example.inputs["word"].upper()\n')
    project.write("conftest.py", NOTING)
    result = project.run_apart("-n", "2")
    result.assert_outcomes(passed=1)
    lines = [line for line in result.outlines if line.startswith("note: ")]
    assert sorted(lines) == [
        "note: all found it",
        "note: controller found a file damaged",
        "note: gw0 found a file damaged",
        "note: gw1 found a file damaged",
    ]


def test_fixtures_are_set_up_in_every_worker_that_helps(project: Project) -> None:
    """A lane runs on its own fixtures; parameters, classes and async pipelines included."""
    project.suite()
    text = (project.path / "test_words.py").read_text()
    project.write(
        "test_words.py",
        text[: text.index("@pytest.mark")]
        + """
import asyncio

@pytest.fixture
def worker(request):
    return os.environ.get("PYTEST_XDIST_WORKER")

@pytest.mark.lm_suite(dataset=WORDS)
class TestShout:
    @pytest.mark.parametrize("n", [1, 2])
    async def test_it(self, lm_example, worker, n):
        note(lm_example)
        await asyncio.to_thread(leave_some, 8, 1)
        assert worker == os.environ["PYTEST_XDIST_WORKER"]
        assert n in (1, 2)
"""
        + WHO_RAN_WHAT,
    )
    result = project.run_apart("-n", "2", ENOUGH)
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        ["*TestShout::test_it?1? *1.000*", "*TestShout::test_it?2? *1.000*"]
    )
    assert set(_ran(project)) == {"gw0", "gw1"}
