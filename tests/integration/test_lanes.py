"""``-n``: one suite uses all workers, and nothing but the time it takes tells."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from doubles.openai_server import OpenAIServer
from projects.shouting import SHOUT, Project

WHO_RAN_WHAT = """

import os, pathlib, time

@pytest.fixture(autouse=True, scope="module")
def noted():
    yield

def note(example):
    with pathlib.Path(__file__).with_name("ran").open("a") as file:
        file.write(f"{os.environ.get('PYTEST_XDIST_WORKER', 'alone')} {example.id}\\n")
    time.sleep(0.02)
"""


def _noting(project: Project, arguments: str = "", *, examples: int = 80) -> None:
    """A suite that notes which worker ran which example."""
    project.suite(arguments, examples=examples)
    text = (project.path / "test_words.py").read_text()
    text = text.replace("    return one_step", "    note(lm_example)\n    return one_step")
    project.write("test_words.py", text + WHO_RAN_WHAT)


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
    suites: list[dict[str, Any]] = json.loads(path.read_text())["suites"]
    for suite in suites:
        del suite["seconds"]
    return suites


def test_all_workers_run_examples_of_one_suite_each_example_once(
    project: Project, openai_server: OpenAIServer
) -> None:
    """The suite is one test: one outcome, one test case, one line."""
    _noting(project)
    result = project.run_apart("-n", "2", "--junit-xml=junit.xml", "-v")
    result.assert_outcomes(passed=1)
    assert result.stdout.str().count("test_words.py::test_shout") == 4  # start, end, table, next
    ran = _ran(project)
    assert set(ran) == {"gw0", "gw1"}
    assert min(map(len, ran.values())) >= 16
    examples = sorted(example for some in ran.values() for example in some)
    assert len(examples) == len(set(examples)) == openai_server.calls
    (suite,) = ET.parse(project.path / "junit.xml").getroot()
    assert len(suite.findall("testcase")) == 1


@pytest.mark.parametrize("options", [[], ["--lm-optimize", "--lm-snapshot-update"]])
def test_the_report_is_the_same_with_any_number_of_workers(
    project: Project, openai_server: OpenAIServer, options: list[str]
) -> None:
    """Scores, verdict, trials, winner, usage, files."""
    project.suite("budget=Budget(calls=500)", examples=120)
    project.run("--lm-snapshot-update")
    before = {name: (project.path / name).read_bytes() for name in project.files()}
    told = []
    for workers in ("0", "2", "4"):
        for name, content in before.items():
            (project.path / name).write_bytes(content)
        project.write("shout.yaml", SHOUT)
        result = project.run_apart(
            "-n", workers, "--lm-cache=off", "--lm-report=json:lm.json", *options
        )
        result.assert_outcomes(passed=1)
        told.append((_report(project.path / "lm.json"), project.files()))
    assert told[0] == told[1] == told[2]


def test_a_suite_among_hundreds_of_tests_still_gets_all_workers(
    project: Project, openai_server: OpenAIServer
) -> None:
    """Each of them is counted once, to the last percent, in both modes of distribution."""
    _noting(project)
    others = "import pytest\n@pytest.mark.parametrize('n', range(200))\ndef test_n(n): pass\n"
    project.write("test_a.py", others)
    project.write("test_z.py", others)
    for mode in ("load", "worksteal"):
        result = project.run_apart("-n", "2", "--dist", mode, "--lm-cache=off")
        result.assert_outcomes(passed=401)
        assert "[100%]" in result.stdout.str()
        assert set(_ran(project)) == {"gw0", "gw1"}


def test_fixtures_are_set_up_in_every_worker_that_helps(
    project: Project, openai_server: OpenAIServer
) -> None:
    """A lane runs on its own fixtures; parameters, classes and async pipelines included."""
    project.suite()
    text = (project.path / "test_words.py").read_text()
    project.write(
        "test_words.py",
        text[: text.index("@pytest.mark")]
        + """
import os, asyncio

@pytest.fixture
def worker(request):
    return os.environ.get("PYTEST_XDIST_WORKER")

@pytest.mark.lm_suite(dataset=WORDS)
class TestShout:
    @pytest.mark.parametrize("n", [1, 2])
    async def test_it(self, lm_example, worker, n):
        await asyncio.sleep(0.01)
        assert worker == os.environ["PYTEST_XDIST_WORKER"]
        assert n in (1, 2)
""",
    )
    result = project.run_apart("-n", "2")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        ["*TestShout::test_it?1? *1.000*", "*TestShout::test_it?2? *1.000*"]
    )
