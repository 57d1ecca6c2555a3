"""A project whose suites run one client's pipeline, and the processes that run it."""

from __future__ import annotations

import ast
import json
import os
import shutil
import sqlite3
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clients.registry import Client
from doubles.meeting import wait_until

HERE = Path(__file__).parent
ENVIRONMENTS = Path(
    os.environ.get("LMOPT_CLIENTS_ENVIRONMENTS", HERE.parent.parent / ".venv-clients")
)
SECONDS = 240.0
"""Time for one process to end."""

ROWS = tuple(f"row-{number:03}" for number in range(40))
FAILING = ("fail-400", "fail-401")
BUDGET = 5
MICRO_USD = {"input_tokens": 1, "output_tokens": 2}
"""Price of a token, by the project's ``lm_prices``."""

_INI = """\
[pytest]
lm_concurrency = 16
lm_prices =
    localhost/gpt-4o-mini 1 2
    localhost/text-embedding-3-small 1 2
    localhost/claude-haiku-4-5 1 2
"""

_SUITES = """\
import pytest
from pytest_lmopt import Budget

import pipelines.{module} as pipeline
from pipelines.transcript import note_error


def rows(*names):
    return [{{"id": name, "inputs": {{"row": name}}, "split": "dev"}} for name in names]


def numbered(first):
    return rows(*(f"row-{{number:03}}" for number in range(first, first + 40)))


def is_odd(example, prediction):
    return " is odd" in prediction


@pytest.fixture
def prepared():
    return [pipeline.prepare()] if hasattr(pipeline, "prepare") else []


{define} answer(example, prepared):
    return {call}pipeline.run(example.inputs["row"], *prepared)


@pytest.mark.lm_suite(dataset=numbered(0), metric=is_odd)
{define} test_rows(lm_example, prepared):
    return {call}answer(lm_example, prepared)


@pytest.mark.lm_suite(dataset=numbered(100), metric=is_odd, budget=Budget(calls={budget}))
{define} test_budget(lm_example, prepared):
    return {call}answer(lm_example, prepared)


@pytest.mark.lm_suite(dataset=numbered(200), metric=is_odd, budget=Budget(calls={budget}))
{define} test_budget_caught(lm_example, prepared):
    try:
        return {call}answer(lm_example, prepared)
    except BaseException:
        return "caught"


@pytest.mark.lm_suite(dataset=rows("fail-400"), metric=is_odd)
{define} test_refused(lm_example, prepared):
    try:
        return {call}answer(lm_example, prepared)
    except BaseException as error:
        note_error(lm_example.id, error)
        raise


@pytest.mark.lm_suite(dataset=rows("fail-401"), metric=is_odd)
{define} test_denied(lm_example, prepared):
    try:
        return {call}answer(lm_example, prepared)
    except BaseException as error:
        note_error(lm_example.id, error)
        raise
"""

Transcript = dict[str, list[Any]]
"""What each row's pipeline received, in order."""


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A pytest process that ended, and its JSON report's suites by function."""

    status: int
    said: str
    suites: dict[str, Any]
    transcript: Transcript

    def suite(self, function: str) -> dict[str, Any]:
        """The suite of a function; raises ``AssertionError`` with the output if there is none."""
        assert function in self.suites, f"no report of {function}:\n{self.said[-3000:]}"
        found: dict[str, Any] = self.suites[function]
        return found

    @property
    def scores(self) -> dict[str, float | None]:
        """The rows' scores."""
        return {row["id"]: row["score"] for row in self.suite("test_rows")["examples"]}


class Project:
    """A client's project in ``folder``, with its recordings and accounts."""

    def __init__(self, client: Client, folder: Path) -> None:
        self.client = client
        self.folder = folder
        self.python = ENVIRONMENTS / client.environment / "bin" / "python"
        folder.mkdir(parents=True, exist_ok=True)
        source = HERE / "pipelines" / f"{client.module}.py"
        is_async = any(
            isinstance(node, ast.AsyncFunctionDef) and node.name == "run"
            for node in ast.parse(source.read_text(encoding="utf-8")).body
        )
        suites = _SUITES.format(
            module=client.module,
            define="async def" if is_async else "def",
            call="await " if is_async else "",
            budget=BUDGET,
        )
        (folder / "pytest.ini").write_text(_INI, encoding="utf-8")
        (folder / "test_client.py").write_text(suites, encoding="utf-8")
        self._runs = 0

    def environment(self, url: str, **more: str) -> dict[str, str]:
        """The variables of a process whose providers are at ``url``."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return {
            **kept,
            "OPENAI_BASE_URL": f"{url}/v1",
            "ANTHROPIC_BASE_URL": url,
            "OPENAI_API_KEY": "sk-double",
            "ANTHROPIC_API_KEY": "sk-double",
            "PYTHONPATH": str(HERE),
            "HAYSTACK_TELEMETRY_ENABLED": "False",
            **more,
        }

    def plainly(self, url: str, *rows: str) -> Transcript:
        """Run the pipeline without the plugin; returns what it received."""
        transcript = self._transcript("plain")
        command = [str(self.python), "-m", "pipelines.plainly", self.client.module, *rows]
        ended = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment(url, TRANSCRIPT=str(transcript)),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert ended.returncode == 0, f"the pipeline alone failed:\n{ended.stderr[-3000:]}"
        return _read(transcript)

    def start(
        self, url: str, tests: str, *options: str, transcript: Path | None = None
    ) -> subprocess.Popen[str]:
        """Start pytest on the suites that ``tests`` selects."""
        command = [str(self.python), "-m", "pytest", "-vv", "-p", "no:cacheprovider"]
        more = {} if transcript is None else {"TRANSCRIPT": str(transcript)}
        return subprocess.Popen(
            [*command, "-k", tests, *options],
            cwd=self.folder,
            env=self.environment(url, **more),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, url: str, tests: str, *options: str) -> Ran:
        """Run pytest to its end; raises ``AssertionError`` where it has none."""
        self._runs += 1
        report = self.folder / f"report-{self._runs}.json"
        transcript = self._transcript(f"run-{self._runs}")
        process = self.start(
            url, tests, f"--lm-report=json:{report}", *options, transcript=transcript
        )
        try:
            said, _ = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            said, _ = process.communicate()
            raise AssertionError(f"no end within {SECONDS} s:\n{said[-3000:]}") from None
        suites = json.loads(report.read_text(encoding="utf-8"))["suites"] if report.exists() else ()
        return Ran(
            status=process.returncode,
            said=said,
            suites={suite["suite"].rpartition("::")[2]: suite for suite in suites},
            transcript=_read(transcript),
        )

    def forget(self) -> None:
        """Remove the recordings and accounts."""
        shutil.rmtree(self.folder / ".lmopt", ignore_errors=True)

    def recorded(self) -> int:
        """How many answers are recorded."""
        path = self.folder / ".lmopt" / "recordings.sqlite"
        if not path.exists():
            return 0
        with closing(sqlite3.connect(path)) as connection:
            (rows,) = connection.execute("SELECT COUNT(*) FROM recordings").fetchone()
        return int(rows)

    @contextmanager
    def cluster(self, url: str) -> Iterator[str]:
        """A Dask scheduler with one worker; yields its address as ``--lm-executor`` takes it."""
        file = self.folder / "scheduler.json"
        file.unlink(missing_ok=True)
        with self._dask(url, "scheduler", file, "--port=0"), self._dask(url, "worker", file):
            wait_until(file.exists)
            address = json.loads(file.read_text(encoding="utf-8"))["address"]
            yield address.replace("tcp", "dask")

    @contextmanager
    def _dask(self, url: str, program: str, file: Path, *options: str) -> Iterator[None]:
        places = ("--no-dashboard", "--host=127.0.0.1", f"--scheduler-file={file}")
        process = subprocess.Popen(
            [str(self.python), "-m", "dask", program, *places, *options],
            cwd=self.folder,
            env=self.environment(url),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(30)

    def _transcript(self, name: str) -> Path:
        path = self.folder / f"transcript-{name}.jsonl"
        path.unlink(missing_ok=True)
        return path


def _read(path: Path) -> Transcript:
    rows: defaultdict[str, list[Any]] = defaultdict(list)
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            row, received = json.loads(line)
            rows[row].append(received)
    return dict(rows)
