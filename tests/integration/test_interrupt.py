"""Ctrl-C: a partial report, exit code 2, nothing left running, snapshots untouched."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
from doubles.meeting import wait_until
from projects.shouting import Project

STUCK = """
import asyncio
from pathlib import Path
from pytest_lmopt import FunctionLM
from pytest_lmopt.runs.ctrl_c import ctrl_c

ASKED = []

async def answer(request):
    ASKED.append(request)
    number = len(ASKED)
    if number > 50:  # the third block is under way: the first one has been evaluated
        Path(__file__).with_name("going").touch()
    if number > 40:  # the second one is not
        while not ctrl_c.count:
            await asyncio.sleep(0.005)
    return "no"

def pytest_lmopt_lm():
    return FunctionLM(answer)
"""
"""A model that answers forty calls at once, and all others after Ctrl-C."""


def test_ctrl_c_reports_what_was_evaluated(project: Project) -> None:
    """Accepting was asked for, but an interrupted suite has nothing to accept."""
    project.write("conftest.py", STUCK)
    project.suite(examples=300)
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "--lm-snapshot-update"],
        cwd=project.path,
        stdout=subprocess.PIPE,
        text=True,
    )
    wait_until((project.path / "going").exists)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == pytest.ExitCode.INTERRUPTED
    assert "interrupted: stopped by Ctrl-C" in output
    assert "test_words.py::test_shout  25" in output
    assert "written" not in output
    assert project.files() == {}


INTERRUPTING = """

@pytest.mark.lm_suite(dataset=WORDS, metric=metrics.exact_match)
def test_then(lm_example):
    if INTERRUPTING.acquire(blocking=False):
        os.kill(os.getpid(), signal.SIGINT)
    wait_until(lambda: ctrl_c.count)
"""
IMPORTS = """\
import os, signal, threading
from doubles.meeting import wait_until
from pytest_lmopt.runs.ctrl_c import ctrl_c

INTERRUPTING = threading.Lock()
"""


def test_a_winner_found_before_ctrl_c_is_told_not_to_be_written(project: Project) -> None:
    """Accepting was asked for, but nothing of an interrupted run is accepted."""
    project.answer_apart("SimulatedModel(base=0.2, per_demo=0.2).answer")
    project.suite("budget=Budget(calls=500)", examples=120)
    text = (project.path / "test_words.py").read_text()
    project.write("test_words.py", f"{IMPORTS}{text}{INTERRUPTING}")
    result = project.run_apart("--lm-optimize=labeled", "--lm-snapshot-update", "-p", "no:randomly")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*better on holdout, not written: the run was interrupted*"])
    assert "demos" not in (project.path / "shout.yaml").read_text()


# what hangs sleeps longer than the test may take, so that signals alone can end it
HANGING = """\
import asyncio, os, pytest, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from pytest_lmopt import metrics

ROWS = [{"id": f"e{i}", "inputs": {"q": i}, "expected": i, "split": "dev"} for i in range(30)]

def begun():
    Path(__file__).with_name("begun").touch()

def right(example):
    return example.expected

@pytest.fixture
def slow():
    yield
    if FIXTURE:
        begun()
        time.sleep(600)

@pytest.mark.lm_suite(dataset=ROWS, metric=METRIC)
PIPELINE
"""
SWALLOWS = """\
    begun()
    while True:
        try:
            WAIT
        except ERROR:
            pass
"""
ASYNC, SYNC = "async def test_q(lm_example):\n", "def test_q(lm_example):\n"
PIPELINES = {
    "a task that swallows its cancellation": ASYNC
    + SWALLOWS.replace("WAIT", "await asyncio.sleep(600)").replace(
        "ERROR", "asyncio.CancelledError"
    ),
    "a task that swallows everything": ASYNC
    + SWALLOWS.replace("WAIT", "await asyncio.sleep(600)").replace("ERROR", "BaseException"),
    "a task that shields another": ASYNC
    + "    task = asyncio.ensure_future(asyncio.sleep(600))\n"
    + SWALLOWS.replace("WAIT", "await asyncio.shield(task)").replace("ERROR", "BaseException"),
    "a task that blocks the loop": ASYNC + "    begun()\n    time.sleep(600)\n",
    "a task that blocks it and swallows everything": ASYNC
    + SWALLOWS.replace("WAIT", "time.sleep(600)").replace("ERROR", "BaseException"),
    "a task that waits for a thread": ASYNC
    + "    begun()\n    await asyncio.to_thread(time.sleep, 600)\n",
    "a thread that swallows everything": SYNC
    + SWALLOWS.replace("WAIT", "time.sleep(600)").replace("ERROR", "BaseException"),
    "a thread that waits for a pool": SYNC
    + "    begun()\n    with ThreadPoolExecutor(1) as pool:\n"
    "        return pool.submit(time.sleep, 600).result()\n",
}
METRICS = {
    "a metric": "def metric(example, prediction):\n    begun()\n    time.sleep(600)\n",
    "an async metric that swallows everything": "async def metric(example, prediction):\n"
    + SWALLOWS.replace("WAIT", "await asyncio.sleep(600)").replace("ERROR", "BaseException"),
}


NOTICED = """
import os, threading
from pathlib import Path
from doubles.meeting import wait_until
from pytest_lmopt.runs.ctrl_c import ctrl_c

def note():
    wait_until(lambda: ctrl_c.count)
    Path(__file__).with_name("noticed").touch()

if "PYTEST_XDIST_WORKER" not in os.environ:
    threading.Thread(target=note, daemon=True).start()
"""
"""The run leaves a file once it has seen the first Ctrl-C: the system may make one of two."""


def _twice(project: Project, *options: str) -> tuple[int, float, str]:
    """Exit status, seconds it took, and output of a run that is interrupted twice once it began.

    Between the two, only as long as it takes to send them.
    """
    begun, noticed = project.path / "begun", project.path / "noticed"
    project.write("conftest.py", NOTICED)
    with (project.path / "output").open("w+") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", *options],
            cwd=project.path,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_until(begun.exists)
            process.send_signal(signal.SIGINT)
            wait_until(lambda: noticed.exists() or process.poll() is not None)
            since = time.monotonic()
            process.send_signal(signal.SIGINT)
            status = process.wait(60)
            seconds = time.monotonic() - since
        finally:
            process.kill()
        output.seek(0)
        return status, seconds, output.read()


ENDINGS = (
    "interrupted: stopped by Ctrl-C",
    "ended at the second Ctrl-C",
    "!!! KeyboardInterrupt !!!",
)
"""With a report; without one where all is swallowed, or where the second comes amid the first."""

MOST_SECONDS = 10.0
"""Far less than anything here would wait, and enough for a busy machine."""


@pytest.mark.parametrize("pipeline", PIPELINES.values(), ids=PIPELINES)
def test_ctrl_c_twice_ends_any_pipeline(project: Project, pipeline: str) -> None:
    """Whatever it swallows, blocks or waits for."""
    text = HANGING.replace("PIPELINE", pipeline).replace("METRIC", "metrics.exact_match")
    project.write("test_words.py", text.replace("FIXTURE", "False"))
    status, seconds, output = _twice(project, "--lm-snapshot-update")
    assert (status, project.files()) == (pytest.ExitCode.INTERRUPTED, {}), output
    assert seconds < MOST_SECONDS
    assert any(ending in output for ending in ENDINGS)
    assert "Traceback" not in output


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_ctrl_c_twice_ends_any_metric(project: Project, metric: str) -> None:
    """As a pipeline."""
    text = HANGING.replace("@pytest.mark", f"{metric}\n@pytest.mark").replace("METRIC", "metric")
    text = text.replace("PIPELINE", SYNC + "    return 1\n").replace("FIXTURE", "False")
    project.write("test_words.py", text)
    status, seconds, output = _twice(project)
    assert status == pytest.ExitCode.INTERRUPTED
    assert seconds < MOST_SECONDS
    assert "interrupted: stopped by Ctrl-C" in output


def test_ctrl_c_twice_ends_the_workers_too(project: Project) -> None:
    """Though only their controller is sent it; none is left behind."""
    name = "a task that blocks it and swallows everything"
    pipeline = PIPELINES[name].replace("    begun()\n", PID + "    begun()\n")
    text = HANGING.replace("PIPELINE", pipeline).replace("METRIC", "metrics.exact_match")
    project.write("test_words.py", text.replace("FIXTURE", "False"))
    status, seconds, output = _twice(project, "-n", "2")
    assert status == pytest.ExitCode.INTERRUPTED
    assert seconds < MOST_SECONDS
    assert "Traceback" not in output
    workers = [int(path.name.removeprefix("pid-")) for path in project.path.glob("pid-*")]
    assert workers
    assert not any(map(_runs, workers))


def _runs(pid: int) -> bool:
    """Whether there is a process of that number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


PID = '    Path(__file__).with_name(f"pid-{os.getpid()}").touch()\n'


def test_ctrl_c_while_fixtures_are_torn_down_ends_the_run(project: Project) -> None:
    """The first one is enough there."""
    pipeline = "def test_q(lm_example, slow):\n    return lm_example.expected\n"
    text = HANGING.replace("PIPELINE", pipeline).replace("METRIC", "metrics.exact_match")
    project.write("test_words.py", text.replace("FIXTURE", "True"))
    _, seconds, _ = _twice(project)
    assert seconds < MOST_SECONDS
