"""``--lm-executor``: a real Dask scheduler and two workers, which are told from one machine by
nothing but who runs what."""

from __future__ import annotations

import json
import os
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
from doubles.meeting import wait_until
from doubles.otlp_collector import Collector
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from projects.shouting import Project

READY_SECONDS = 60.0
LOG_PIDS = """

import os, pathlib

def note_pid():
    (pathlib.Path(__file__).parent / f"ran-{os.getppid()}").touch()
"""
"""``note_pid`` leaves the process id of the Dask worker that runs it."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a worker stands: its network namespace, "" for this machine's, and its address."""

    namespace: str = ""
    address: str = "127.0.0.1"


@dataclass(kw_only=True)
class Machines:
    """A scheduler, and its workers by process id."""

    folder: Path
    host: str
    workers: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def file(self) -> Path:
        """Where the scheduler writes its address."""
        return self.folder / "scheduler.json"

    @property
    def option(self) -> str:
        """The command line option that names them."""
        address = json.loads(self.file.read_text())["address"]
        return f"--lm-executor={address.replace('tcp', 'dask')}"

    def start(self, program: str, *options: str, place: Place) -> subprocess.Popen[bytes]:
        """Start a Dask program."""
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        }
        inside = ["ip", "netns", "exec", place.namespace] if place.namespace else []
        command = [sys.executable, "-m", "dask", program, "--no-dashboard", *options]
        with (self.folder / f"{program}-{time.monotonic_ns()}.log").open("wb") as log:
            return subprocess.Popen(
                [*inside, *command, f"--host={place.address}", f"--scheduler-file={self.file}"],
                cwd=self.folder, env=environment, stdout=log, stderr=log,
            )  # fmt: skip

    def add_worker(self, place: Place) -> None:
        """Start a worker."""
        process = self.start("worker", "--nthreads=2", "--no-nanny", place=place)
        self.workers[process.pid] = process

    def wait_for_workers(self) -> None:
        """Wait until all workers are there."""
        with distributed.Client(scheduler_file=str(self.file), timeout=READY_SECONDS) as client:
            client.wait_for_workers(len(self.workers), timeout=READY_SECONDS)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


@contextmanager
def _places() -> Iterator[tuple[str, list[Place]]]:
    """This machine's address, and two places for workers: in namespaces of their own if possible.

    The addresses are among those reserved for tests of networks.
    """
    net = f"198.{18 + os.getpid() // 256 % 2}.{os.getpid() % 256}"
    found: list[Place] = []
    with ExitStack() as stack:
        try:
            for number in range(2):
                name = f"lmopt{os.getpid()}-{number}"
                here, there = (f"{net}.{4 * number + end}" for end in (1, 2))
                _ip("netns", "add", name)
                stack.callback(_ip, "netns", "del", name)
                _ip("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
                _ip("addr", "add", f"{here}/30", "dev", name)
                _ip("link", "set", name, "up")
                _ip("-n", name, "addr", "add", f"{there}/30", "dev", "eth0")
                _ip("-n", name, "link", "set", "eth0", "up")
                _ip("-n", name, "link", "set", "lo", "up")
                _ip("-n", name, "route", "add", "default", "via", here)
                found.append(Place(namespace=name, address=there))
        except (OSError, subprocess.CalledProcessError):
            stack.close()
            yield "127.0.0.1", [Place(), Place()]
            return
        yield f"{net}.1", found


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    """A scheduler and two workers, for all tests here."""
    with ExitStack() as stack:
        host, places = stack.enter_context(_places())
        found = Machines(folder=tmp_path_factory.mktemp("dask"), host=host)
        scheduler = found.start("scheduler", "--port=0", place=Place(address=host))
        stack.callback(scheduler.wait)
        stack.callback(scheduler.kill)
        try:
            for place in places:
                found.add_worker(place)
            found.wait_for_workers()
            yield found
        finally:
            for worker in found.workers.values():
                worker.kill()
                worker.wait()


@pytest.fixture
def project(project: Project) -> Project:
    """A project whose workers ask a function in place of a model."""
    project.answer_apart()
    return project


def _each_run_begins_with(project: Project, line: str) -> None:
    """Have the test's function do something more."""
    text = (project.path / "test_words.py").read_text()
    project.write("test_words.py", text.replace("    return", f"    {line}\n    return") + LOG_PIDS)


def _ran(project: Project) -> set[int]:
    """The parents of the processes that ran anything: of a lane, its worker."""
    return {int(path.name.removeprefix("ran-")) for path in project.path.glob("ran-*")}


def _charges(project: Project) -> dict[str, int]:
    """Calls in the book: charged to the suite, and by what became of them."""
    with sqlite3.connect(project.path / ".lmopt" / "ledger.sqlite") as book:
        found = book.execute("SELECT state, sum(calls) FROM charges GROUP BY state").fetchall()
        (charged,) = book.execute("SELECT sum(calls) FROM accounts").fetchone()
    book.close()
    return {"charged": charged, "reserved": 0, "lost": 0, "settled": 0, **dict(found)}


def test_the_workers_stand_in_networks_of_their_own(machines: Machines) -> None:
    """Where this machine allows it; the other tests are about the same workers."""
    if machines.host == "127.0.0.1":
        pytest.skip("no permission to make network namespaces here")
    networks = {os.readlink(f"/proc/{pid}/ns/net") for pid in (*machines.workers, os.getpid())}
    assert len(networks) == 1 + len(machines.workers)


def test_a_search_takes_the_same_decisions_and_both_workers_take_part(
    project: Project, machines: Machines
) -> None:
    """Trials, winner and verdict are those of a search on one machine, and so is the bill."""
    project.suite("budget=Budget(calls=220)", examples=60)
    _each_run_begins_with(project, "note_pid()")
    alone = project.run("--lm-optimize=bootstrap", "--lm-cache=off")
    asked = project.asked_apart
    result = project.run("--lm-optimize=bootstrap", machines.option)
    result.assert_outcomes(passed=1)
    assert _found(result) == _found(alone)
    assert project.asked_apart == 2 * asked
    assert _charges(project) == {
        "charged": 2 * asked, "settled": 2 * asked, "lost": 0, "reserved": 0,
    }  # fmt: skip
    assert _ran(project) >= set(machines.workers)


def _found(result: pytest.RunResult) -> list[str]:
    """What the report says of the search."""
    words = ("search:", "search (", "winner", "incumbent", "bootstrap-", "+", "-")
    lines = [line for line in result.outlines if line.strip().startswith(words)]
    return [line for line in lines if not line.endswith((" s", "--"))]


KILLING = """
import os, signal
from pathlib import Path

def kill_worker(number, request):
    if os.getppid() in {workers} and number == 6:
        try:
            with Path(__file__).with_name("killed").open("x") as killed:
                killed.write(str(os.getppid()))
        except FileExistsError:
            return
        os.kill(os.getppid(), signal.SIGKILL)

MODEL.fault = kill_worker
"""
"""The first lane to make its sixth call kills its worker."""


def test_a_worker_killed_in_mid_block_costs_its_allowance_and_nothing_else(
    project: Project, machines: Machines
) -> None:
    """Dask runs its blocks again: the result is the same, and no lost allowance is spent twice."""
    project.suite("budget=Budget(calls=300)", examples=120)
    _each_run_begins_with(project, "note_pid()")
    project.run("--lm-snapshot-update", "--lm-cache=off").assert_outcomes(passed=1)
    alone, asked = project.files(), project.asked_apart
    conftest = (project.path / "conftest.py").read_text()
    project.write("conftest.py", conftest + KILLING.format(workers=[*machines.workers]))
    result = project.run(machines.option, "--lm-snapshot-update")
    machines.workers.pop(int((project.path / "killed").read_text())).wait()
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*a Dask worker was lost while it ran *test_shout*"])
    assert project.files() == alone
    book, seen = _charges(project), project.asked_apart - asked
    assert book["charged"] == book["settled"] + book["lost"]
    assert book["reserved"] == 0
    assert book["lost"] > 0
    assert asked <= seen <= book["charged"] - asked <= 300
    project.run(machines.option, "--lm-cache=replay").assert_outcomes(passed=1)
    assert project.asked_apart == asked + seen


def test_workers_send_spans_to_the_leaders_collector_below_its_own(
    project: Project, machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One tree, though nothing in their environment says where to: with words, as is asked here."""
    project.suite(examples=40)
    _each_run_begins_with(project, "note_pid()")
    with Collector(host=machines.host).running() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "true")
        project.run("-o", "lm_otel=true", machines.option).assert_outcomes(passed=1)
        calls = _sent(collector, "chat", count=project.asked_apart)
        runs = _sent(collector, "invoke_workflow", count=project.asked_apart)
        (suite,) = _sent(collector, "lm_suite", count=1)
    assert _ran(project) <= set(machines.workers)
    assert len(calls) == len(runs) == project.asked_apart > 10
    assert {span.trace_id for span in (*runs, *calls)} == {suite.trace_id}
    assert {run.parent_span_id for run in runs} == {suite.span_id}
    assert {call.parent_span_id for call in calls} == {run.span_id for run in runs}
    assert all(
        {"gen_ai.input.messages"} <= {each.key for each in call.attributes} for call in calls
    )


def _sent(collector: Collector, name: str, *, count: int) -> list[Span]:
    """The spans of a name, once there are so many: workers send them while the session ends."""

    def found() -> list[Span]:
        return [span for span in collector.spans if span.name.startswith(name)]

    wait_until(lambda: len(found()) >= count)
    return found()


def test_a_package_that_a_worker_lacks_is_named_with_the_worker(
    project: Project, machines: Machines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The suite is an error, without a traceback; options about the terminal don't matter there."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "only_here.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path / "lib")
    project.suite()
    project.write("pipeline.py", (project.path / "pipeline.py").read_text() + "import only_here\n")
    result = project.run(machines.option, "-v")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["*can't be run on Dask worker tcp://*: *No module named 'only_here'*"]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    assert project.asked_apart == 0


def test_pytest_exit_on_a_worker_ends_the_session_with_its_status(
    project: Project, machines: Machines
) -> None:
    """Though it is raised there only, and not where the leader would run the example again."""
    project.suite(examples=40)
    ending = (
        'import os, pytest; os.getpid() == LEADER or pytest.exit("quota used up", returncode=7)'
    )
    _each_run_begins_with(project, ending.replace("LEADER", str(os.getpid())))
    result = project.run(machines.option, "--lm-report=json:lm.json")
    assert result.ret == 7
    (suite,) = json.loads((project.path / "lm.json").read_text())["suites"]
    assert (suite["status"], suite["problem"]) == ("interrupted", "quota used up")


def test_a_call_in_a_fixture_is_refused_where_no_budget_would_see_it(
    machines: Machines, project: Project
) -> None:
    """On a worker; here it is charged."""
    project.suite("budget=Budget(calls=500)", examples=40)
    _each_run_begins_with(project, "pass")
    fixture = (
        "\n@pytest.fixture(autouse=True)\ndef asking():\n    return one_step('in a fixture')\n"
    )
    text = (project.path / "test_words.py").read_text()
    project.write("test_words.py", text + fixture)
    result = project.run(machines.option)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["error: *can't be run on Dask worker *a fixture calls a model on a Dask worker*"]
    )
    assert project.asked_apart == 1


def test_a_scheduler_that_is_not_there_is_a_usage_error(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within seconds, and before anything is run."""
    monkeypatch.setattr("pytest_lmopt.blocks.dask.cluster.CONNECT_SECONDS", 0.5)
    project.suite()
    started = time.monotonic()
    result = project.run("--lm-executor=dask://127.0.0.1:9")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*no scheduler answers there*"])
    assert time.monotonic() - started < 15


def test_without_dask_installed_it_is_a_usage_error(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says what to install."""
    monkeypatch.setitem(sys.modules, "distributed", None)
    project.suite()
    result = project.run("--lm-executor=dask://127.0.0.1:9")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*pip install 'pytest-lmopt?dask?'*"])


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("-n", "2", "--lm-executor=dask://127.0.0.1:9"), "*leave one out*"),
        (("--lm-executor=spark://127.0.0.1:9",), "*dask://HOST:PORT or dask+tls://HOST:PORT*"),
    ],
)
def test_what_does_not_fit_is_refused(
    project: Project, options: tuple[str, ...], problem: str
) -> None:
    """Before anything is run."""
    project.suite()
    result = project.run(*options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([problem])
