"""The net below the interception: what runs open past it is noted, and refused where it breaks a
promise."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from pytest_lmopt.errors import UnmeteredError
from pytest_lmopt.lm.hooks import hooked
from pytest_lmopt.lm.net.openings import Opening, merged, unseen
from pytest_lmopt.lm.net.rules import Interception, Rules, parse_interception
from pytest_lmopt.lm.seam import FunctionLM
from pytest_lmopt.lm.tracing import Purpose, RunContext, our_own, running
from pytest_lmopt.suites.candidate import Candidate

BUDGET = Rules(promise="the budget of test_it (calls=5)")
REPLAY = Rules(promise="--lm-cache=replay", replaying=True)


@pytest.fixture
def port() -> Iterator[int]:
    """A port of this machine that takes connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def connect(host: str, port: int) -> None:
    """Open a connection and close it."""
    socket.create_connection((host, port), timeout=1.0).close()


def opened(
    work: Callable[[], object], *, rules: Rules | None = None, purpose: Purpose = "run"
) -> RunContext:
    """The context of a run that does some work, whatever that raises."""
    context = RunContext(
        lm=FunctionLM(lambda _: ""),
        candidate=Candidate(name="c", states={}),
        rules=rules or Rules(),
        purpose=purpose,
    )
    with hooked(), running(context), suppress(OSError):
        work()
    return context


def noted(context: RunContext) -> list[tuple[str, str, int, str]]:
    """The openings of a run as kind, target, times and why they are harmless."""
    return [(o.kind, o.target, o.times, o.harmless) for o in context.openings.listed()]


def test_a_connection_by_name_is_noted_once(port: int) -> None:
    """By its name, not again by the addresses it has."""

    def ask() -> None:
        connect("LocalHost", port)
        connect("localhost", port)

    context = opened(ask)
    assert noted(context) == [("name", f"localhost:{port}", 2, "")]
    assert context.stop is None
    assert unseen(context.openings.listed())


def test_a_connection_to_an_address_is_only_listed(port: int) -> None:
    """An address may be anything of this network: it breaks no promise."""
    for rules in (Rules(), BUDGET, REPLAY):
        context = opened(lambda: connect("127.0.0.1", port), rules=rules)
        assert noted(context) == [("address", f"127.0.0.1:{port}", 1, "")]
        assert context.stop is None
    assert not unseen(context.openings.listed())


@pytest.mark.parametrize("rules", [BUDGET, REPLAY])
def test_a_connection_by_name_that_breaks_a_promise_is_refused(port: int, rules: Rules) -> None:
    """No request goes out, and the run's stop stands, whatever the pipeline catches."""
    asked: list[BaseException] = []

    def ask() -> None:
        try:
            connect("localhost", port)
        except ConnectionRefusedError as error:
            asked.append(error)

    context = opened(ask, rules=rules)
    assert f"refuses a connection to localhost:{port} under {rules.promise}" in str(asked[0])
    assert isinstance(context.stop, UnmeteredError)
    assert context.stop.target == f"localhost:{port}"
    assert f'add "off: localhost:{port}" to the ini value lm_intercept' in str(context.stop)


def test_the_error_says_who_opened_it(port: int) -> None:
    """The pipeline, the metric, or a fixture."""
    opener: dict[Purpose, str] = {"run": "the pipeline", "metric": "the metric", "setup": "a fix"}
    for purpose, words in opener.items():
        context = opened(lambda: connect("localhost", port), rules=BUDGET, purpose=purpose)
        assert str(context.stop).startswith(words)


@pytest.mark.parametrize("asking", ["lookup", "socket"])
def test_a_name_is_seen_however_it_is_looked_up(port: int, asking: str) -> None:
    """Without a port, or by the socket itself."""

    def ask() -> None:
        with socket.socket() as client:
            if asking == "socket":
                client.connect(("localhost", port))
            else:
                found = socket.getaddrinfo("localhost", None, socket.AF_INET)
                client.connect((found[0][4][0], port))

    context = opened(ask, rules=BUDGET)
    assert noted(context) == [("name", f"localhost:{port}", 1, "refused")]
    assert isinstance(context.stop, UnmeteredError)


def test_public_addresses_are_refused_under_replay() -> None:
    """Without an error of the suite: no name says that it is a model."""
    reached = []

    def ask() -> None:
        with socket.socket() as client:
            client.connect(("192.88.99.1", 9))
            reached.append(client)

    context = opened(ask, rules=REPLAY)
    assert noted(context) == [("address", "192.88.99.1:9", 1, "refused")]
    assert (reached, context.stop) == ([], None)


def test_hosts_without_models_break_no_promise() -> None:
    """Telemetry and tokenizers: under replay they are refused, but are no error."""

    def ask() -> None:
        socket.getaddrinfo("app.posthog.com", 443)

    context = opened(ask, rules=REPLAY)
    assert noted(context) == [("name", "app.posthog.com:443", 1, "no models")]
    assert context.stop is None
    assert not unseen(context.openings.listed())


@pytest.mark.parametrize("off", ["off", "off: localhost", "off: local*:{port}"])
def test_a_host_is_left_alone_where_interception_is_off(port: int, off: str) -> None:
    """It is listed, and never refused."""
    interception = parse_interception(off.format(port=port))
    rules = Rules(promise="--lm-cache=replay", replaying=True, interception=interception)
    context = opened(lambda: connect("localhost", port), rules=rules)
    assert noted(context) == [("name", f"localhost:{port}", 1, "off")]
    assert context.stop is None


def test_what_is_ours_is_not_noted(port: int) -> None:
    """Nor what is opened outside of runs."""

    def ask() -> None:
        with our_own():
            connect("localhost", port)

    assert noted(opened(ask, rules=BUDGET)) == []
    with hooked():
        connect("localhost", port)


def test_nothing_is_noted_once_no_suite_runs(port: int) -> None:
    """The hook stays, and does nothing."""
    context = opened(lambda: None, rules=BUDGET)
    with running(context):
        connect("localhost", port)
    assert noted(context) == []


def test_a_name_looked_up_by_a_loop_is_noted(port: int) -> None:
    """On whichever thread asyncio does so."""

    async def ask() -> None:
        _, writer = await asyncio.open_connection("localhost", port)
        writer.close()

    context = opened(lambda: asyncio.run(ask()), rules=BUDGET)
    assert noted(context) == [("name", f"localhost:{port}", 1, "refused")]
    assert isinstance(context.stop, UnmeteredError)


def _spawn() -> None:
    number = os.posix_spawn(sys.executable, [sys.executable, "-c", ""], {})
    os.waitpid(number, 0)


async def _exec() -> None:
    await (await asyncio.create_subprocess_exec(sys.executable, "-c", "")).wait()


@pytest.mark.parametrize(
    ("start", "name"),
    [
        (lambda: subprocess.run([sys.executable, "-c", ""], check=True), sys.executable),
        (_spawn, sys.executable),
        (lambda: asyncio.run(_exec()), sys.executable),
        (lambda: os.system("true"), "true"),
    ],
)
def test_processes_are_listed(start: Callable[[], object], name: str) -> None:
    """Once each, under a budget, too: a child breaks no promise by itself."""
    context = opened(start, rules=BUDGET)
    assert noted(context) == [("process", os.path.basename(name), 1, "")]
    assert context.stop is None


def test_openings_of_several_runs_add_up() -> None:
    """The first example stays."""
    one = Opening(kind="name", target="h:1", times=2, example="e1")
    other = Opening(kind="name", target="h:1", times=3, example="e2")
    both = Opening(kind="name", target="h:1", times=5, example="e1")
    assert merged([one, other]) == (both,)


@pytest.mark.parametrize(
    ("text", "host", "port", "allowed"),
    [
        ("off", "api.example.com", 443, True),
        ("off: api.example.com", "api.example.com", 443, True),
        ("off:api.example.com", "API.example.com.", 443, True),
        ("off: api.example.com:443", "api.example.com", 443, True),
        ("off: api.example.com:443", "api.example.com", 80, False),
        ("off: *.example.com", "api.example.com", 443, True),
        ("off: *.example.com", "example.com", 443, False),
        ("off: [::1]:80", "::1", 80, True),
        ("off: 10.0.0.3", "10.0.0.3", 80, True),
    ],
)
def test_hosts_are_written_with_or_without_a_port(
    text: str, host: str, port: int, allowed: bool
) -> None:
    """And with stars for several."""
    assert parse_interception(text).allows(host, port) is allowed


@pytest.mark.parametrize(
    "text", ["", "on", "off api", "off:", "off: a b", "off: h:x", "off: h:99999"]
)
def test_what_names_no_host_is_refused(text: str) -> None:
    """With what is expected."""
    with pytest.raises(ValueError, match="'off', 'off: HOST' or 'off: HOST:PORT' expected"):
        parse_interception(text)


def test_an_interception_says_whom_it_leaves_alone() -> None:
    """In words for a report."""
    some = parse_interception("off: a.example") | parse_interception("off: b.example:443")
    assert str(some) == "a.example, b.example:443"
    assert str(some | Interception(off=True)) == "all hosts"
    assert str(Interception()) == ""
