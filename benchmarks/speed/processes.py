"""Runs a case in a process of its own, from start to end, and checks what it did."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from speed import clients, sampling
from speed.cases import CONCURRENCY, REPLAY, Case, write_suite
from speed.server import Seen, Serving

BENCHMARKS = Path(__file__).resolve().parent.parent


class CaseError(Exception):
    """A case that did not do what it is measured for."""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What a process took.

    Wall and CPU seconds (with its children's), megabytes of the largest process (on Linux never
    below what this process has), requests a second at the server without the first and last tenth,
    requests at once, and the load average before.
    """

    seconds: float
    cpu_seconds: float
    megabytes: float
    steady_rate: float
    most_at_once: int
    load: float


@dataclass(frozen=True, kw_only=True)
class Bench:
    """The servers by latency, the peers' interpreters, and the folder of all cases' files."""

    servers: Mapping[float, Serving]
    pythons: Mapping[str, str]
    folder: Path

    def measured(self, case: Case) -> Figures:
        """Run a case once. Raises ``CaseError`` where it asked or kept too little or too much."""
        with self._fresh(case) as folder:
            server = self.servers[case.latency]
            server.seen()
            load, started = os.getloadavg()[0], time.monotonic()
            with (folder / "output.txt").open("w") as output:
                process = subprocess.Popen(
                    self._command(case),
                    cwd=folder,
                    env=self.environment(server, folder),
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )
                _, status, used = os.wait4(process.pid, 0)
            seconds = time.monotonic() - started
            process.returncode = os.waitstatus_to_exitcode(status)
            seen = server.seen()
            if process.returncode:
                said = (folder / "output.txt").read_text(errors="replace")[-2_000:]
                raise CaseError(f"{case} ended with status {process.returncode}:\n{said}")
            check(case, seen, folder)
        return Figures(
            seconds=seconds,
            cpu_seconds=used.ru_utime + used.ru_stime,
            megabytes=used.ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2),
            steady_rate=seen.steady_rate,
            most_at_once=seen.most_at_once,
            load=load,
        )

    def profiled(self, case: Case) -> dict[str, float]:
        """Run a pytest case once under the sampler; return CPU seconds by what they went to."""
        with self._fresh(case) as folder:
            server = self.servers[case.latency]
            found = folder / "profile.json"
            with (folder / "output.txt").open("w") as output:
                subprocess.run(
                    [sys.executable, sampling.__file__, str(found), *case.options[2:]],
                    cwd=folder,
                    env=self.environment(server, folder),
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    check=True,
                )
            return sampling.read(found)

    def environment(self, server: Serving, folder: Path) -> dict[str, str]:
        """Return the variables of a case: the server is OpenAI, and caches are new files."""
        paths = filter(None, [str(BENCHMARKS), os.environ.get("PYTHONPATH")])
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("PYTEST")},
            "PYTHONPATH": os.pathsep.join(paths),
            "OPENAI_BASE_URL": server.url,
            "OPENAI_API_KEY": clients.KEY,
            "LMOPT_MODEL": f"openai/{clients.MODEL}",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else an import waits for the network
            "DSPY_CACHEDIR": str(folder / "dspy"),
        }

    def _command(self, case: Case) -> list[str]:
        if case.suite is not None:
            return [sys.executable, *case.options]
        work = [case.name, str(case.examples), str(CONCURRENCY)]
        return [self.pythons[case.name], clients.__file__, *work, self.servers[case.latency].url]

    @contextmanager
    def _fresh(self, case: Case) -> Iterator[Path]:
        """A new folder with the case's files: those of a recorded run, where it replays one."""
        with tempfile.TemporaryDirectory(dir=self.folder) as name:
            folder = Path(name)
            write_suite(case, folder)
            if case.name == REPLAY:
                recorded = self.folder / f"recorded-{case.examples}"
                if not recorded.exists():
                    self._record(case, recorded)
                shutil.copytree(recorded, folder / ".lmopt")
            yield folder

    def _record(self, case: Case, into: Path) -> None:
        with tempfile.TemporaryDirectory(dir=self.folder) as name:
            folder = Path(name)
            write_suite(case, folder)
            subprocess.run(
                [sys.executable, *case.options],
                cwd=folder,
                env=self.environment(self.servers[0.0], folder),
                stdout=subprocess.DEVNULL,
                check=True,
            )
            shutil.move(folder / ".lmopt", into)


def check(case: Case, seen: Seen, folder: Path) -> None:
    """Raise ``CaseError`` unless the server saw, and the files hold, one call an example."""
    if seen.requests != case.requests:
        raise CaseError(
            f"{case}: expected {case.requests} requests, the server saw {seen.requests}"
        )
    if case.kept:
        kept = rows(folder / ".lmopt")
        if kept != (case.examples, case.examples):
            raise CaseError(f"{case}: expected a recording and a charge each, found {kept}")


def rows(store: Path) -> tuple[int, int]:
    """Return how many recordings, and how many charged calls, stand on files."""
    with (
        closing(sqlite3.connect(store / "recordings.sqlite")) as recordings,
        closing(sqlite3.connect(store / "ledger.sqlite")) as ledger,
    ):
        (recorded,) = recordings.execute("SELECT COUNT(*) FROM recordings").fetchone()
        (charged,) = ledger.execute("SELECT COALESCE(SUM(calls), 0) FROM charges").fetchone()
    return int(recorded), int(charged)
