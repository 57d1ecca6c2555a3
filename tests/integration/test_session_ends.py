"""``pytest.exit`` and what else ends a session, from inside a suite."""

from __future__ import annotations

import json

import pytest
from doubles.function_model import FunctionModel
from projects.shouting import Project

from pytest_lmopt.lm.tracing import run_or_suite
from pytest_lmopt.testing.simulated_model import SimulatedModel

SUITE = """\
import asyncio, bdb, pytest
from concurrent.futures import ThreadPoolExecutor
from pytest_lmopt import metrics

ROWS = [{"id": f"e{i}", "inputs": {"q": i}, "expected": i, "split": "dev"} for i in range(30)]

def ask(example):
    if example.id == "e7":
        END
    return example.expected

async def task(example):
    await asyncio.sleep(0)
    return ask(example)

def judge(example, prediction):
    return ask(example) == prediction

async def ajudge(example, prediction):
    return await task(example) == prediction

@pytest.mark.lm_suite(dataset=ROWS, metric=METRIC)
PIPELINE

def test_another():
    pass
"""
EXIT = 'pytest.exit("quota used up", returncode=7)'
PIPELINES = {
    "sync": "def test_ask(lm_example):\n    return ask(lm_example)",
    "async": "async def test_ask(lm_example):\n    return await task(lm_example)",
    "thread": (
        "def test_ask(lm_example):\n    with ThreadPoolExecutor(1) as pool:\n"
        "        return pool.submit(ask, lm_example).result()"
    ),
    "group": (
        "async def test_ask(lm_example):\n    async with asyncio.TaskGroup() as group:\n"
        "        return await group.create_task(task(lm_example))"
    ),
}
RIGHT = "def test_ask(lm_example):\n    return lm_example.expected"


def write(
    project: Project,
    pipeline: str = PIPELINES["sync"],
    *,
    metric: str = "metrics.exact_match",
    end: str = EXIT,
) -> None:
    """A suite that ends the session on one of its examples, and another test."""
    suite = SUITE.replace("METRIC", metric).replace("PIPELINE", pipeline).replace("END", end)
    project.write("test_words.py", suite)


def status(project: Project) -> tuple[str, str]:
    """The suite's status and problem in the JSON report."""
    (suite,) = json.loads((project.path / "lm.json").read_text())["suites"]
    return suite["status"], suite["problem"]


@pytest.mark.parametrize(
    ("pipeline", "metric"),
    [
        *((pipeline, "metrics.exact_match") for pipeline in PIPELINES.values()),
        (RIGHT, "judge"),
        (RIGHT, "ajudge"),
    ],
    ids=[*PIPELINES, "metric", "async metric"],
)
def test_pytest_exit_ends_the_session_with_its_status(
    project: Project, pipeline: str, metric: str
) -> None:
    """No other test runs, the suite is reported as interrupted, and nothing of it is accepted."""
    write(project, pipeline, metric=metric)
    result = project.run("--lm-snapshot-update", "--lm-report=json:lm.json")
    assert result.ret == 7
    result.assert_outcomes()
    result.stdout.fnmatch_lines(["*Exit: quota used up*"])
    assert status(project) == ("interrupted", "quota used up")
    assert project.files() == {}
    assert run_or_suite() is None, "the suite takes calls in after its session"


@pytest.mark.parametrize(
    ("end", "line"),
    [
        ('pytest.exit("enough")', "interrupted: enough"),
        ("raise KeyboardInterrupt", "interrupted: stopped by Ctrl-C"),
        ("raise bdb.BdbQuit", "interrupted: quit the debugger"),
    ],
)
def test_what_else_ends_a_session(project: Project, end: str, line: str) -> None:
    """As an interrupted one, with the section on suites."""
    write(project, end=end)
    # a Ctrl-C in this process would end these tests
    run = project.run_apart if "KeyboardInterrupt" in end else project.run
    result = run("--lm-snapshot-update")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines([f"*{line}"])
    assert project.files() == {}


@pytest.mark.parametrize("options", [[], ["--dist=loadfile"]])
def test_pytest_exit_in_a_worker_ends_the_session_with_its_status(
    project: Project, options: list[str]
) -> None:
    """Whichever lane meets it, and however tests are distributed."""
    write(project)
    result = project.run_apart(
        "-n", "2", *options, "--lm-snapshot-update", "--lm-report=json:lm.json"
    )
    assert result.ret == 7
    result.stdout.fnmatch_lines(["*Exit: quota used up*"])
    result.stdout.no_fnmatch_line("*INTERNALERROR*")
    assert status(project) == ("interrupted", "quota used up")
    assert project.files() == {}


HELPER_ENDS = """
import itertools, os
from pathlib import Path
from doubles.meeting import wait_until

RUNS, ENDING = itertools.count(), Path(__file__).with_name("ending")

def ask(example):
    me, first = os.environ["PYTEST_XDIST_WORKER"], Path(__file__).with_name("first")
    try:
        with first.open("x") as file:
            file.write(me)
    except FileExistsError:
        pass
    wait_until(first.read_text)
    if me != first.read_text():
        ENDING.touch()
        pytest.exit("quota used up", returncode=7)
    if next(RUNS) > 16:
        wait_until(ENDING.exists)
    return example.expected
"""


def test_a_lane_that_helps_hands_the_end_on(project: Project) -> None:
    """The leader, which would not meet it by itself, ends the suite at once."""
    write(project)
    text = (project.path / "test_words.py").read_text().replace("range(30)", "range(120)")
    begin, end = text.index("def ask"), text.index("async def task")
    project.write("test_words.py", text[:begin] + HELPER_ENDS + text[end:])
    enough = "--lm-concurrency=64"  # the leader's examples wait for its helper's
    result = project.run_apart("-n", "2", enough, "--lm-report=json:lm.json")
    assert result.ret == 7
    assert status(project) == ("interrupted", "quota used up")


ON_A_CANDIDATE = """
    from pytest_lmopt.lm.tracing import current_run
    if lm_example.inputs["word"].startswith("WORD") and current_run("shout").candidate.states:
        pytest.exit("quota used up", returncode=7)
    return one_step"""


@pytest.mark.parametrize("word", ["word", "thing"])
def test_pytest_exit_ends_a_search_and_what_follows_it(
    project: Project, model: FunctionModel, word: str
) -> None:
    """Raised while candidates race, or while a winner is tried on a suite that shares its prompt:
    reports are written, prompts and baselines are not."""
    model.answer = SimulatedModel(base=0.2, per_demo=0.2).answer
    project.suite("budget=Budget(calls=500)", examples=120)
    project.second_suite("budget=Budget(calls=100)", words="thing")
    text = (project.path / "test_words.py").read_text()
    ending = ON_A_CANDIDATE.replace("WORD", word)
    project.write("test_words.py", text.replace("\n    return one_step", ending))
    before = (project.path / "shout.yaml").read_text()
    result = project.run(
        "--lm-optimize=labeled", "--lm-snapshot-update", "--lm-report=json:lm.json"
    )
    assert result.ret == 7
    statuses = [
        suite["status"] for suite in json.loads((project.path / "lm.json").read_text())["suites"]
    ]
    assert statuses == (["interrupted"] if word == "word" else ["passed", "passed"])
    assert (project.path / "shout.yaml").read_text() == before
    assert project.files() == {}


LEAVES_AN_IMPORT = """
import atexit, threading

BEGUN, ENDING = threading.Event(), threading.Event()

class Client:
    def __del__(self):
        import slow_module

KEPT = Client()

def ask(example):
    if example.id == "e0":
        import slow_module
    BEGUN.wait(60)
    if example.id == "e7":
        atexit.register(ENDING.set)
        pytest.exit("quota used up", returncode=7)
    return example.expected
"""


def test_an_import_on_a_thread_left_behind_does_not_hang_the_process(project: Project) -> None:
    """Clients import when they are collected, as litellm's do at the interpreter's end."""
    write(project)
    text = (project.path / "test_words.py").read_text()
    begin, end = text.index("def ask"), text.index("async def task")
    project.write("test_words.py", text[:begin] + LEAVES_AN_IMPORT + text[end:])
    project.write(
        "slow_module.py",
        "from test_words import BEGUN, ENDING\nBEGUN.set()\nENDING.wait(60)\nENDING.clear()\n"
        "ENDING.wait(0.2)\n",
    )

    assert project.run_apart().ret == 7
