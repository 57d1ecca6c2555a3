"""The core needs no pytest, and importing it loads nothing heavy. Each in a fresh interpreter."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from doubles.openai_server import OpenAIServer

from pytest_lmopt.testing.simulated_model import SimulatedModel

HEAVY = {
    "litellm", "scipy", "numpy", "optuna", "jinja2", "yaml", "ruamel", "opentelemetry",
    "matplotlib", "distributed", "aiohttp",
}  # fmt: skip

BLOCK_PYTEST = """
import sys
sys.modules["pytest"] = sys.modules["_pytest"] = None
"""

EVALUATE = """
import asyncio
from pathlib import Path
from pytest_lmopt import Budget, Prompt, metrics
from pytest_lmopt.assessment.assess import Assessment
from pytest_lmopt.assessment.terms import Terms
from pytest_lmopt.blocks.runner import LocalRunner
from pytest_lmopt.lm.money.ledger import Account, Ledger
from pytest_lmopt.lm.seam import FunctionLM
from pytest_lmopt.runs.executor import InProcessExecutor
from pytest_lmopt.suites.dataset import load_dataset
from pytest_lmopt.suites.suite import Suite

shout = Prompt(name="shout", instruction="Repeat in capitals.", inputs=["text"], output="loud")
rows = [{"inputs": {"text": f"t{i}"}, "expected": f"T{i}"} for i in range(100)]
suite = Suite(name="s", pipeline=lambda e: shout(text=e.inputs["text"]).text,
              dataset=load_dataset(rows, beside=Path()), metric=metrics.exact_match, model="m")
lm = FunctionLM(lambda request: request.messages[-1].content.upper())
with InProcessExecutor(lm=lm, model="m") as executor:
    terms = Terms(root=Path(), snapshot=Path("s.yaml"))
    ledger = Ledger([Account(Budget(), owner="s")])
    report = asyncio.run(Assessment(suite, LocalRunner(suite, executor), ledger, terms).run())
assert report.score == 1.0 and report.status == "passed", report
"""

PRODUCTION = """
import sys
from pytest_lmopt import Prompt
shout = Prompt(name="shout", instruction="SHOUT it", inputs=["text"], output="loud",
               model="openai/simulated", params={params})
print(shout(text="hello").text)
print(*sorted({clients} & set(sys.modules)))
"""

CLIENTS = {"litellm", "openai", "anthropic", "httpx", "tokenizers", "boto3", "aiohttp"}
LITELLMS = {"user": "somebody"}
"""A parameter that the engine's table lacks."""


WATCH = """
import atexit, json, sys
seen = set()
def watch(event, given):
    if event == "socket.connect" and isinstance(given[1], tuple): seen.add(given[1][0])
    if event == "socket.getaddrinfo": seen.add(str(given[0]))
sys.addaudithook(watch)
# what is registered first is called last: after all that anything sends when it ends
atexit.register(lambda: print(json.dumps(sorted(seen))))
"""


def _run(code: str, folder: Path) -> str:
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


class Production(NamedTuple):
    """What a prompt answers, which addresses and clients that takes, and whether it is litellm."""

    answer: str
    addresses: list[str]
    clients: set[str]
    through_litellm: bool


@pytest.fixture(scope="module", params=[{}, LITELLMS], ids=["our engine", "litellm"])
def production(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Production:
    """A prompt asked without pytest, by our engine and by litellm.

    A collector is named for the user's own services, OpenTelemetry being installed.
    """
    folder = tmp_path_factory.mktemp("production")
    with (
        OpenAIServer(SimulatedModel().answer).running() as server,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("OPENAI_BASE_URL", server.url)
        patch.setenv("OPENAI_API_KEY", "sk-simulated")
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector.invalid:4318")
        asking = PRODUCTION.format(params=request.param, clients=CLIENTS)
        answer, clients, seen = _run(BLOCK_PYTEST + WATCH + asking, folder).splitlines()
    return Production(answer, json.loads(seen), set(clients.split()), bool(request.param))


def test_a_whole_evaluation_runs_without_pytest(tmp_path: Path) -> None:
    """From suite to report."""
    _run(BLOCK_PYTEST + EVALUATE, tmp_path)


def test_prompts_work_in_production_without_pytest(production: Production) -> None:
    """To a server that answers a tenth of the time or more."""
    assert production.answer in ("HELLO", "no idea")


def test_our_engine_needs_neither_litellm_nor_a_providers_client(production: Production) -> None:
    """Nor what these import; a parameter that it lacks takes litellm."""
    if production.through_litellm:
        assert {"litellm", "openai", "httpx"} <= production.clients
    else:
        assert production.clients == {"aiohttp"}


def test_importing_the_package_loads_nothing_heavy(tmp_path: Path) -> None:
    """Names are loaded when first used."""
    _run(
        "import sys, pytest_lmopt.plugin.hooks, pytest_lmopt.strategies, pytest_lmopt.testing\n"
        f"assert not {HEAVY} & set(sys.modules), {HEAVY} & set(sys.modules)\n"
        "searching = [name for name in sys.modules if '.strategies.' in name]\n"
        "assert searching == ['pytest_lmopt.strategies.registry'], searching",
        tmp_path,
    )


def test_reading_the_options_loads_nothing_heavy(tmp_path: Path) -> None:
    """Nor do limits, prices and reports; a search loads its strategy only when it is asked for."""
    given = [
        "--lm-model=openai/x", "--lm-budget=usd:2", "--lm-prices=own/a 1 2", "--lm-report=json:a",
        "--lm-executor=dask://h:1", "--lm-record=records", "--lm-snapshot-update", "--lm-otel",
    ]  # fmt: skip
    _run(
        "import os, sys\n"
        "os.environ['PYTEST_DISABLE_PLUGIN_AUTOLOAD'] = '1'\n"
        "from _pytest.config import _prepareconfig\n"
        f"config = _prepareconfig(['-p', 'pytest_lmopt.plugin.hooks', *{given}])\n"
        "from pytest_lmopt.plugin.options import read_options\n"
        "assert read_options(config).budget.usd == 2\n"
        f"assert not {HEAVY} & set(sys.modules), {HEAVY} & set(sys.modules)",
        tmp_path,
    )


def test_a_prompt_connects_nowhere_but_to_its_provider(
    production: Production,
) -> None:
    """Neither at import, at the first call nor at the end; every address looked up is loopback."""
    assert set(production.addresses) - {"b'127.0.0.1'"} == {"127.0.0.1"}
