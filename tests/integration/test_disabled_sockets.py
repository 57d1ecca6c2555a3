"""pytest-socket: a loop's own sockets may be blocked, and other blocked ones are reported."""

from __future__ import annotations

import pytest
from doubles.openai_server import OpenAIServer
from projects.shouting import Project

pytest.importorskip("pytest_socket")

SUITE = """\
import pytest
from pytest_lmopt import metrics

ROWS = [{"id": f"e{i}", "inputs": {"q": i}, "expected": i, "split": "dev"} for i in range(20)]

MARK
@pytest.mark.lm_suite(dataset=ROWS, metric=metrics.exact_match, threshold=1)
ASYNCdef test_q(lm_example, FIXTURE):
    return lm_example.expected
"""
SAID = (
    "error: pytest-socket blocks the socket pair that an event loop needs; add --allow-unix-socket "
    "to pytest's options, which still blocks the network"
)
WAYS = [
    ("", "", ["--disable-socket"]),
    ("@pytest.mark.disable_socket", "", []),
    ("", "socket_disabled", []),
    ("", "", ["--disable-socket", "-W", "error"]),
    ("", "", ["--disable-socket", "-n", "2"]),
]


def run(project: Project, *options: str) -> pytest.RunResult:
    """Run the suite, in this process unless it is to have workers."""
    return (project.run_apart if "-n" in options else project.run)(*options)


def write(project: Project, mark: str, fixture: str, *, is_async: bool = False) -> None:
    """A suite that needs no network."""
    text = SUITE.replace("MARK", mark).replace("FIXTURE", fixture)
    project.write("test_words.py", text.replace("ASYNC", "async " if is_async else ""))


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize(("mark", "fixture", "options"), WAYS)
def test_blocked_sockets_are_reported_in_a_line(
    project: Project, mark: str, fixture: str, options: list[str], is_async: bool
) -> None:
    """It names the option that mends it, without a traceback."""
    write(project, mark, fixture, is_async=is_async)
    result = run(project, *options)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([SAID])
    assert "Traceback" not in result.stdout.str() + result.stderr.str()
    assert "never awaited" not in result.stdout.str() + result.stderr.str()


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize(("mark", "fixture", "options"), WAYS)
def test_that_option_mends_it(
    project: Project, mark: str, fixture: str, options: list[str], is_async: bool
) -> None:
    """However the network is blocked."""
    write(project, mark, fixture, is_async=is_async)
    run(project, "--allow-unix-socket", *options).assert_outcomes(passed=1)


def test_hosts_may_be_allowed(
    project: Project, openai_server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model on one of them is asked as ever; recorded answers need none."""
    monkeypatch.setattr("pytest_lmopt.lm.faults.retries.FIRST_WAIT_SECONDS", 0.0)
    project.suite(examples=20)
    # in a process of its own, whose connections the other runs can't use
    project.run_apart("--allow-hosts=127.0.0.1").assert_outcomes(passed=1)
    asked = openai_server.calls
    assert asked
    blocked = ["--disable-socket", "--allow-unix-socket"]
    project.run(*blocked, "--lm-cache=replay").assert_outcomes(passed=1)
    assert openai_server.calls == asked
    result = project.run(*blocked, "--lm-cache=refresh")
    result.assert_outcomes(failed=1)
    assert openai_server.calls == asked
