"""``--lm-executor``: a real Dask scheduler and two workers, which are told from one machine by
nothing but who runs what."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import distributed
import pytest
from doubles.openai_server import Fault, OpenAIServer
from doubles.simulated_model import SimulatedModel
from projects.shouting import Project

READY_SECONDS = 60.0
LOG_PIDS = """

import os, pathlib

def note_pid():
    (pathlib.Path(__file__).parent / f"ran-{os.getppid()}").touch()
"""
"""``note_pid`` leaves the process id of the Dask worker that runs it."""


@dataclass(kw_only=True)
class Machines:
    """A scheduler, its workers by process id, and the model's server."""

    folder: Path
    server: OpenAIServer
    workers: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def file(self) -> Path:
        """Where the scheduler wrote its address."""
        return self.folder / "scheduler.json"

    @property
    def option(self) -> str:
        """The command line option that names them."""
        address = json.loads(self.file.read_text())["address"]
        return f"--lm-executor={address.replace('tcp', 'dask')}"

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a Dask program."""
        environment = {
            **os.environ,
            "OPENAI_BASE_URL": self.server.url,
            "OPENAI_API_KEY": "sk-simulated",
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        }
        log = (self.folder / f"{arguments[0]}-{time.monotonic_ns()}.log").open("wb")
        command = [sys.executable, "-m", "dask", *arguments, "--no-dashboard"]
        return subprocess.Popen(
            [*command, f"--scheduler-file={self.file}"],
            cwd=self.folder, env=environment, stdout=log, stderr=log,
        )  # fmt: skip

    def add_worker(self) -> None:
        """Start a worker."""
        process = self.start("worker", "--nthreads=2", "--no-nanny", "--host=127.0.0.1")
        self.workers[process.pid] = process

    def wait_for_workers(self) -> None:
        """Wait until all workers are there."""
        with distributed.Client(scheduler_file=str(self.file), timeout=READY_SECONDS) as client:
            client.wait_for_workers(len(self.workers), timeout=READY_SECONDS)


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    """A scheduler and two workers, for all tests here."""
    with OpenAIServer(SimulatedModel().answer).running() as server, ExitStack() as stack:
        found = Machines(folder=tmp_path_factory.mktemp("dask"), server=server)
        scheduler = found.start("scheduler", "--host=127.0.0.1", "--port=0")
        stack.callback(scheduler.wait)
        stack.callback(scheduler.kill)
        try:
            found.add_worker()
            found.add_worker()
            found.wait_for_workers()
            yield found
        finally:
            for worker in found.workers.values():
                worker.kill()
                worker.wait()


@pytest.fixture
def cluster(machines: Machines, monkeypatch: pytest.MonkeyPatch) -> Machines:
    """The machines, as if nobody had used them before."""
    monkeypatch.setenv("OPENAI_BASE_URL", machines.server.url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-simulated")
    machines.server.requests.clear()
    machines.server.fault = lambda _: None
    return machines


def _each_run_begins_with(project: Project, line: str) -> None:
    """Have the test's function do something more."""
    text = (project.path / "test_words.py").read_text()
    project.write("test_words.py", text.replace("    return", f"    {line}\n    return") + LOG_PIDS)


def _charges(project: Project) -> dict[str, int]:
    """Calls in the book: charged to the suite, and by what became of them."""
    with sqlite3.connect(project.path / ".lmopt" / "ledger.sqlite") as book:
        found = book.execute("SELECT state, sum(calls) FROM charges GROUP BY state").fetchall()
        (charged,) = book.execute("SELECT sum(calls) FROM accounts").fetchone()
    book.close()
    return {"charged": charged, "reserved": 0, "lost": 0, "settled": 0, **dict(found)}


def test_an_evaluation_has_the_same_scores_and_both_workers_take_part(
    project: Project, cluster: Machines
) -> None:
    """The snapshot is the same file, the book balances, and the answers are recorded here."""
    project.suite("budget=Budget(calls=200)", examples=120)
    _each_run_begins_with(project, "note_pid()")
    project.run("--lm-snapshot-update", "--lm-cache=off").assert_outcomes(passed=1)
    alone, asked = project.files(), cluster.server.calls
    result = project.run(cluster.option, "--lm-snapshot-update")
    result.assert_outcomes(passed=1)
    assert project.files() == alone
    assert cluster.server.calls == 2 * asked
    ran = {int(path.name.removeprefix("ran-")) for path in project.path.glob("ran-*")}
    assert ran >= set(cluster.workers)
    book = _charges(project)
    assert book == {"charged": 2 * asked, "settled": 2 * asked, "lost": 0, "reserved": 0}
    project.run("--lm-cache=replay").assert_outcomes(passed=1)
    project.run("--lm-cache=replay", cluster.option).assert_outcomes(passed=1)
    project.run(cluster.option).assert_outcomes(passed=1)
    assert cluster.server.calls == 2 * asked
