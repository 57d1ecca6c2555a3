"""``--lm-engine``: our own client asks the providers, or litellm does."""

from __future__ import annotations

import json

import pytest
from doubles.openai_server import OpenAIServer
from projects.shouting import Project

CLIENTS = ("aiohttp", "boto3", "httpx", "litellm", "openai", "tokenizers")
CONFTEST = f"""\
import sys

def pytest_unconfigure(config):
    print("imported:", *(name for name in {CLIENTS} if name in sys.modules))
"""
LITELLM = "--lm-engine=litellm"


@pytest.fixture
def served(pytester: pytest.Pytester, openai_server_apart: OpenAIServer) -> Project:
    """A project whose suite is answered by a server, in processes of their own."""
    openai_server_apart.answer = lambda chat: chat[-1][1].upper()
    project = Project(pytester)
    project.write("conftest.py", CONFTEST)
    project.suite("threshold=1.0, budget=Budget(usd=1.0)", examples=12)
    project.write(
        "tox.ini",
        "[pytest]\nlm_model = openai/simulated\nlm_prices = openai/simulated 1 2\npythonpath = .\n",
    )
    return project


def test_a_suite_imports_no_client_but_aiohttp(
    served: Project, openai_server_apart: OpenAIServer
) -> None:
    """Neither litellm nor what it stands on; its calls, price and figures are those of any run."""
    result = served.run_apart()
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*test_shout * 9 *1.000* 9 *$0.0001*", "imported: aiohttp"])
    assert openai_server_apart.calls == 9


def test_litellm_asks_where_that_is_wanted(
    served: Project, openai_server_apart: OpenAIServer
) -> None:
    """What it records, a run of ours replays: keys and figures are the same."""
    first = served.run_apart(LITELLM)
    first.assert_outcomes(passed=1)
    first.stdout.fnmatch_lines(["imported: * litellm openai*"])
    theirs = sent(openai_server_apart)
    again = served.run_apart("--lm-cache=replay")
    again.assert_outcomes(passed=1)
    again.stdout.fnmatch_lines(["*test_shout * 9 *1.000* 9 *100 %*", "imported:"])
    assert openai_server_apart.calls == 9

    openai_server_apart.requests.clear()
    served.run_apart("--lm-cache=refresh").assert_outcomes(passed=1)
    assert sent(openai_server_apart) == theirs


def sent(server: OpenAIServer) -> list[str]:
    """The bodies that a server has seen, in an order that doesn't depend on time."""
    return sorted(json.dumps(body, sort_keys=True) for body in server.requests)
