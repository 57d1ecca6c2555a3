"""Suites whose pipelines open connections past the plugin: named, or an error."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Thread

import pytest
from doubles.function_model import FunctionModel
from projects.shouting import Project

SUITE = """\
import pytest, socket
from contextlib import suppress
from pytest_lmopt import Budget
from pipeline import one_step

WORDS = [{{"id": f"w{{i}}", "inputs": {{"word": f"word{{i}}"}}}} for i in range(12)]

@pytest.mark.lm_suite(dataset=WORDS, concurrency=1, {arguments})
def test_it(lm_example):
    with suppress(OSError, AttributeError):
        socket.create_connection(("localhost", {port})).close()
    {body}
    assert True
"""


class Listener:
    """A port of this machine that counts the connections it takes."""

    def __init__(self, server: socket.socket) -> None:
        self._server = server
        self.port = server.getsockname()[1]

    @property
    def taken(self) -> int:
        """How many connections have arrived."""
        self._server.settimeout(0.0)
        count = 0
        while True:
            try:
                self._server.accept()[0].close()
            except BlockingIOError:
                return count
            count += 1


@pytest.fixture
def listener() -> Iterator[Listener]:
    """A port that takes connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield Listener(server)


def write(project: Project, listener: Listener, arguments: str = "", body: str = "pass") -> None:
    """The suite, with further arguments of the mark."""
    text = SUITE.format(arguments=arguments, port=listener.port, body=body)
    project.write("test_it.py", text)


def test_connections_past_the_plugin_are_named(project: Project, listener: Listener) -> None:
    """In each report; and beside them stands no plain 0."""
    write(project, listener)
    start, submit = Thread.start, ThreadPoolExecutor.submit
    result = project.run("--lm-report=json:out.json,md:out.md")
    assert (Thread.start, ThreadPoolExecutor.submit) == (start, submit)
    result.assert_outcomes(passed=1)
    line = (
        f"9 connections past the plugin, to localhost:{listener.port} (first in example w1). "
        "Their calls are neither counted nor recorded"
    )
    result.stdout.fnmatch_lines(["suite * calls *", "*test_it * 0 seen *", f"*{line}"])
    assert listener.taken == 9
    markdown = (project.path / "out.md").read_text(encoding="utf-8")
    assert "| 0 seen |" in markdown
    assert "9 connections past the plugin, to localhost" in markdown
    (suite,) = json.loads((project.path / "out.json").read_text(encoding="utf-8"))["suites"]
    assert suite["openings"] == [
        {
            "kind": "name",
            "target": f"localhost:{listener.port}",
            "times": 9,
            "example": "w1",
            "harmless": "",
        }
    ]


@pytest.mark.parametrize(
    ("arguments", "option", "promise"),
    [
        ("budget=Budget(calls=5)", "", "the budget of test_it.py::test_it (5 calls)"),
        ("", "--lm-budget=usd:1", "the budget of the session (--lm-budget) ($1)"),
        ("", "--lm-cache=replay", "--lm-cache=replay"),
        ("", "--lm-optimize=baseline", "--lm-optimize"),
    ],
)
def test_they_are_an_error_where_they_break_a_promise(
    project: Project, listener: Listener, arguments: str, option: str, promise: str
) -> None:
    """No connection is made, though the pipeline catches everything."""
    write(project, listener, arguments)
    result = project.run(*filter(None, [option]))
    result.assert_outcomes(failed=1)
    words = " ".join(line.strip() for line in result.stdout.lines)
    assert "error: the pipeline opens a connection past the plugin" in words
    assert f"under {promise}, only calls" in words
    assert listener.taken == 0


@pytest.mark.parametrize("way", ["mark", "option", "ini"])
def test_there_is_a_way_out(project: Project, listener: Listener, way: str) -> None:
    """Then a loud line says that nothing holds for these calls."""
    arguments = "budget=Budget(calls=5)" + (", intercept='off'" if way == "mark" else "")
    write(project, listener, arguments)
    off = f"off: localhost:{listener.port}"
    options = {
        "mark": [],
        "option": [f"--lm-intercept={off}"],
        "ini": ["-o", f"lm_intercept={off}"],
    }
    result = project.run(*options[way])
    result.assert_outcomes(passed=1)
    whom = "all hosts" if way == "mark" else f"localhost:{listener.port}"
    result.stdout.fnmatch_lines(
        [f"*INTERCEPTION IS OFF for {whom} (lm_intercept, or intercept= in lm_suite)*"]
    )
    assert listener.taken == 9


def test_workers_name_them_together(project: Project, listener: Listener) -> None:
    """Whichever of them ran an example."""
    write(project, listener)
    text = (project.path / "test_it.py").read_text(encoding="utf-8")
    project.write(
        "test_it.py", text.replace("range(12)", "range(60)").replace("concurrency=1, ", "")
    )
    result = project.run_apart("-n", "2", "--lm-report=json:out.json")
    result.assert_outcomes(passed=1)
    (suite,) = json.loads((project.path / "out.json").read_text(encoding="utf-8"))["suites"]
    assert suite["openings"][0]["times"] == suite["n"] == listener.taken


def test_processes_and_blind_libraries_are_listed(
    project: Project, listener: Listener, model: FunctionModel
) -> None:
    """They are no error, and what the plugin sees is counted as ever."""
    project.write("grpc.py", "")
    body = "import os, grpc; os.system('true'); one_step('a')"
    text = SUITE.format(arguments="", port=listener.port, body=body)
    project.write("test_it.py", text.replace("socket.create_connection", "print"))
    result = project.run("--lm-budget=calls:100")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "*started a process: true (first in example w1). Calls of child processes are not*",
            "*grpc loaded: connections of such libraries are not seen*",
        ]
    )
    result.stdout.no_fnmatch_line("*past the plugin*")


def test_a_wrong_mark_says_what_is_right(project: Project, listener: Listener) -> None:
    """The argument has one word."""
    write(project, listener, "intercept='on'")
    project.run().stdout.fnmatch_lines(["*lm_suite(intercept='on'): 'off' or None expected*"])


def test_a_replay_refuses_model_calls_at_import(project: Project, listener: Listener) -> None:
    """Each suite is an error that says so, and nothing is sent; else nothing changes."""
    write(project, listener)
    text = (project.path / "test_it.py").read_text(encoding="utf-8")
    project.write(
        "test_it.py",
        "import httpx\nfrom contextlib import suppress\n"
        f"with suppress(httpx.HTTPError):\n    httpx.post('http://127.0.0.1:{listener.port}"
        "/v1/chat/completions', json={'model': 'm', 'messages': []}, timeout=0.01)\n" + text,
    )
    result = project.run("--lm-cache=replay")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*a model is called while tests are collected: under --lm-cache*"])
    assert listener.taken == 0
    project.run().assert_outcomes(passed=1)
    assert listener.taken > 0
