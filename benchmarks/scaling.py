"""Evaluations per second, CPU and memory against examples, workers and latency.

    python benchmarks/scaling.py [--largest 100000]

Every row is a pytest process of its own, from start to end, on a suite in a temporary folder. The
model is an HTTP server that answers after a fixed latency, in a process of its own on the same
machine; nothing is recorded. Prints the tables of benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path

CONCURRENCY = 16

SUITE = """\
import pytest
from pytest_lmopt import Prompt

ROWS = [
    {{"id": str(n), "inputs": {{"word": f"word {{n}}"}}, "expected": "yes", "split": "dev"}}
    for n in range({n})
]
ask = Prompt(name="ask", instruction="Say yes.", inputs=["word"], output="answer",
             params={{"temperature": 0}})

def work():
    for _ in range({loops}):
        pass
    return "yes"

@pytest.mark.lm_suite(dataset=ROWS, metric=lambda example, answer: answer == example.expected)
def test_scaling(lm_example):
    return {run}
"""
PIPELINES = {"no call": '"yes"', "one call": 'ask(word=lm_example.inputs["word"]).text',
             "CPU": "work()"}  # fmt: skip
CPU_SECONDS = 0.05


@dataclass(frozen=True, kw_only=True)
class Case:
    """One process: its pipeline, how many examples and workers, the model's latency in seconds."""

    pipeline: str
    examples: int
    workers: int = 0
    latency: float = 0.0

    @property
    def limit(self) -> float | None:
        """Evaluations per second that no harness could exceed."""
        if self.pipeline == "CPU":
            return min(max(1, self.workers), os.cpu_count() or 1) / CPU_SECONDS
        return CONCURRENCY / self.latency if self.latency else None


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What a process took: whole and suite seconds, CPU of all its processes, peak memory."""

    seconds: float
    suite_seconds: float
    cpu_seconds: float
    megabytes: float


@cache
def loops() -> int:
    """How often an empty loop turns in an example's 50 ms, on one core of this machine."""
    turns = 2_000_000
    return int(turns * CPU_SECONDS / min(_turning(turns) for _ in range(5)))


def two_cores() -> float:
    """How much more two bare processes compute here than one: what no harness could exceed."""
    turns = 100 * loops()
    alone = _turning(turns)
    context = multiprocessing.get_context("spawn")
    with context.Pool(2) as pool:
        pool.map(_turning, [1, 1])  # started
        began = time.perf_counter()
        pool.map(_turning, [turns, turns], chunksize=1)
        together = time.perf_counter() - began
    return 2 * alone / together


def _turning(turns: int) -> float:
    began = time.perf_counter()
    for _ in range(turns):
        pass
    return time.perf_counter() - began


def main(largest: int) -> None:
    """Measure and print all tables."""
    sizes = [size for size in (100, 1_000, 10_000, 100_000) if size <= largest]
    show("Examples, no model call", [Case(pipeline="no call", examples=n) for n in sizes])
    show(
        "Examples, one model call each",
        [Case(pipeline="one call", examples=n) for n in sizes if n <= 10_000],
    )
    show(
        "Latency",
        [
            Case(pipeline="one call", examples=n, latency=latency, workers=workers)
            for latency, n in ((0.0, 1_000), (0.05, 1_000), (1.0, 320))
            for workers in (0, 2, 4)
        ],
    )
    print(f"\nTwo bare processes compute {two_cores():.2f} times as much as one on this machine.")
    show(
        "Workers, 50 ms of Python per example",
        [Case(pipeline="CPU", examples=400, workers=workers) for workers in (0, 2, 4)],
    )


def show(title: str, cases: list[Case]) -> None:
    """Print one table, row by row."""
    print(f"\n### {title}\n")
    print(
        "| examples | workers | latency | limit /s | suite /s | whole s | suite s | CPU ms | MB |"
    )
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    for case in cases:
        found = measured(case)
        limit = f"{case.limit:,.0f}" if case.limit else "–"
        print(
            f"| {case.examples:,} | {case.workers or 'none'} | {case.latency * 1000:.0f} ms "
            f"| {limit} | {case.examples / found.suite_seconds:,.0f} | {found.seconds:.1f} "
            f"| {found.suite_seconds:.1f} | {found.cpu_seconds / case.examples * 1000:.1f} "
            f"| {found.megabytes:.0f} |",
            flush=True,
        )


def measured(case: Case) -> Figures:
    """Run a case once."""
    with tempfile.TemporaryDirectory() as folder, model(case.latency) as url:
        path = Path(folder)
        run = PIPELINES[case.pipeline]
        suite = SUITE.format(n=case.examples, loops=loops(), run=run)
        (path / "test_scaling.py").write_text(suite, encoding="utf-8")
        options = ["--lm-cache=off", f"--lm-concurrency={CONCURRENCY}", "--lm-report=json:lm.json"]
        options += ["-n", str(case.workers)] if case.workers else []
        known = {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "none", "LMOPT_MODEL": "openai/none"}
        started = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options],
            cwd=path,
            env={**os.environ, **known},
            stdout=subprocess.DEVNULL,
        )
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.monotonic() - started
        if status:
            raise SystemExit(f"{case} ended with status {status}")
        report = json.loads((path / "lm.json").read_text(encoding="utf-8"))["suites"][0]
        return Figures(
            seconds=seconds,
            suite_seconds=report["seconds"],
            cpu_seconds=used.ru_utime + used.ru_stime,
            megabytes=used.ru_maxrss / 1024,
        )


@contextmanager
def model(latency: float) -> Iterator[str]:
    """The address of a server that answers yes after ``latency`` seconds."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(latency, there))
    process.start()
    try:
        yield f"http://127.0.0.1:{here.recv()}/v1"
    finally:
        process.kill()
        process.join()


def serve(latency: float, ready: Connection) -> None:
    """Answer yes to everything, for ever; sends its port first."""
    message = {"role": "assistant", "content": "yes"}
    answer = {
        "id": "1",
        "object": "chat.completion",
        "created": 0,
        "model": "none",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }
    body = json.dumps(answer).encode()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            time.sleep(latency)
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    ready.send(server.server_port)
    server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--largest", type=int, default=100_000, help="most examples (100000)")
    main(parser.parse_args().largest)
