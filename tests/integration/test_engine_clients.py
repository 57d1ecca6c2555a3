"""The engine's pooled client: one a loop, closed with it; proxies, certificates, redirects."""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import certifi
import pytest
from doubles.odd_server import OddServer, Said

from pytest_lmopt.errors import LmoptError, ModelError, TransientError
from pytest_lmopt.lm.engine import clients
from pytest_lmopt.lm.engine.certificates import tls_context
from pytest_lmopt.lm.engine.engine import Engine
from pytest_lmopt.lm.engine.proxies import proxy_for
from pytest_lmopt.lm.loop import submit
from pytest_lmopt.wire import Completion, Message, Request

ASKED = Request(
    model="openai/simulated", messages=(Message("user", "Well?"),), params={"max_tokens": 5}
)
MESSAGE = {"role": "assistant", "content": "well"}
USAGE = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
ANSWER = {"choices": [{"index": 0, "finish_reason": "stop", "message": MESSAGE}], "usage": USAGE}
WELL = Said(body=json.dumps(ANSWER).encode(), headers={"Set-Cookie": "session=1"})
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


class Nobody:
    """Stands where litellm would be asked."""

    async def complete(self, request: Request) -> Completion:
        """Fail."""
        raise AssertionError(f"left to litellm: {request}")


ENGINE = Engine(Nobody(), timeout=30.0)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[OddServer]:
    """A provider that says well, and sets a cookie."""
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with OddServer(lambda _: WELL).running() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "sk-simulated")
        yield server


async def ask(times: int = 1) -> list[str]:
    """Ask in turn."""
    return [(await ENGINE.complete(ASKED)).text for _ in range(times)]


@pytest.mark.filterwarnings("error")
def test_each_loop_has_a_pool_that_ends_with_it(
    server: OddServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Calls of one loop share a connection; no cookie is kept; nothing is left open."""
    before = set(clients._clients)
    for loops in (1, 2):
        assert asyncio.run(ask(3)) == ["well"] * 3
        assert server.connections == loops
        assert set(clients._clients) == before
    assert not any("cookie" in sent for sent in server.headers)
    assert caplog.records == []


def test_the_lm_loop_and_a_users_own_are_asked_side_by_side(server: OddServer) -> None:
    """Each by a connection of its own, and the LM loop's stays open."""

    async def beside() -> list[list[str]]:
        ours = asyncio.wrap_future(submit(ask(2)))
        return list(await asyncio.gather(ask(2), ours))

    assert asyncio.run(beside()) == [["well"] * 2] * 2
    assert submit(ask(1)).result() == ["well"]
    assert server.connections == 2


def test_a_loop_that_is_closed_without_ceremony_leaves_no_session(server: OddServer) -> None:
    """It is dropped when another loop asks."""
    loop = asyncio.new_event_loop()
    assert loop.run_until_complete(ask()) == ["well"]
    loop.close()
    assert loop in clients._clients
    assert asyncio.run(ask()) == ["well"]
    assert loop not in clients._clients
    assert server.connections == 2


AT_EXIT = """
from pytest_lmopt import Prompt
shout = Prompt(name="shout", instruction="SHOUT it", inputs=["text"], output="loud",
               model="openai/simulated")
print(shout(text="hello").text)
"""


def test_a_process_ends_without_a_word(server: OddServer, tmp_path: Path) -> None:
    """No session is left that aiohttp would complain of."""
    command = [sys.executable, "-c", AT_EXIT]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == ("well\n", "")


def test_a_proxy_is_asked_in_place_of_the_provider(
    server: OddServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless ``NO_PROXY`` names the provider."""
    monkeypatch.setenv("OPENAI_BASE_URL", "http://provider.invalid/v1")
    monkeypatch.setenv("HTTP_PROXY", server.url)
    assert asyncio.run(ask()) == ["well"]
    assert server.paths == ["http://provider.invalid/v1/chat/completions"]
    monkeypatch.setenv("NO_PROXY", "provider.invalid")
    with pytest.raises(TransientError, match=r"provider\.invalid"):
        asyncio.run(ask())
    assert len(server.paths) == 1


@pytest.mark.parametrize(
    ("variables", "url", "proxy"),
    [
        ({}, "https://api.openai.com/v1", None),
        ({"HTTPS_PROXY": "http://p:1"}, "https://api.openai.com/v1", "http://p:1"),
        ({"https_proxy": "p:1"}, "https://api.openai.com/v1", "http://p:1"),
        ({"HTTP_PROXY": "http://p:1"}, "https://api.openai.com/v1", None),
        ({"ALL_PROXY": "http://p:1"}, "https://api.openai.com/v1", "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": ".openai.com"}, "https://api.openai.com", None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "*"}, "https://api.openai.com", None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "a.b"}, "https://c.d", "http://p:1"),
    ],
)
def test_the_environment_names_proxies(
    variables: dict[str, str],
    url: str,
    proxy: str | None,
    server: OddServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By the usual variables, in either case."""
    del server  # it forgets what the shell says
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert proxy_for(url) == proxy


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_a_bundle_of_ones_own_is_trusted_alone(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Servers are verified, whatever is trusted."""
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    usual = tls_context()
    end = "-----END CERTIFICATE-----\n"
    bundle = tmp_path / "own.pem"
    bundle.write_text(Path(certifi.where()).read_text("utf-8").partition(end)[0] + end, "utf-8")
    monkeypatch.setenv(variable, str(bundle))
    own = tls_context()
    assert len(own.get_ca_certs()) == 1 < len(usual.get_ca_certs())
    for context in (usual, own):
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname


def test_a_redirect_is_not_followed(server: OddServer) -> None:
    """The key would go along; the message says what to set."""
    server.answer = lambda _: Said(status=308, body=b"", location="/elsewhere")
    with pytest.raises(ModelError, match=r"redirects requests.*set its base URL"):
        asyncio.run(ask())
    assert server.paths == ["/v1/chat/completions"]


def test_a_broken_connection_is_not_repeated(server: OddServer) -> None:
    """The budget knows of one call: nobody but us asks again."""
    server.answer = lambda _: Said(status=0, body=b"")
    with pytest.raises(LmoptError):
        asyncio.run(ask())
    assert len(server.paths) == 1
