"""Fixtures shared by all tests."""

from __future__ import annotations

import copy
import gc
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
from doubles.openai_server import OpenAIServer

from pytest_lmopt.testing.simulated_model import SimulatedModel

pytest_plugins = ["pytester"]

# litellm downloads its price table at import otherwise, and tries three times where it can't
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

# the same few examples each time, without a time limit that a busy machine would exceed
hypothesis.settings.register_profile(
    "repeatable", max_examples=40, derandomize=True, deadline=None, database=None
)
hypothesis.settings.register_profile("thorough", max_examples=1_000, deadline=None)
hypothesis.settings.load_profile("repeatable")


MEMORY = Path("/dev/shm")
OFF = (
    "anyio",
    "asyncio",
    "randomly",
    "hypothesispytest",
    "inline_snapshot",
    "pytest_httpx",
    "rerunfailures",
    "respx",
    "syrupy",
)
"""Plugins that act without being asked, or take long to load, are off in inner runs; ``-p NAME``
turns one on again."""
UNASKED = " ".join(f"-p no:{name}" for name in OFF)


def pytest_configure(config: pytest.Config) -> None:
    """Keep the tests' files in memory where there is such a disk: commits wait for real ones.

    A shell's background jobs ignore Ctrl-C, and so would all that tests start and interrupt.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if not os.access(MEMORY, os.W_OK):
        return
    tempfile.tempdir = str(MEMORY)
    if config.option.basetemp is None:
        folder = tempfile.TemporaryDirectory(prefix="lmopt-tests-", dir=MEMORY)
        config.option.basetemp = f"{folder.name}/base"
        config.add_cleanup(folder.cleanup)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Take what collection has built out of the garbage collector's sight.

    It lives to the end, and each full collection would search its millions of objects again, for
    half a second in the midst of some test.
    """
    gc.collect()
    gc.freeze()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer ``--simulations=full``."""
    parser.addoption(
        "--simulations",
        choices=("fast", "full"),
        default="fast",
        help="how many runs the tests by simulation make: a few (default), or enough for proof",
    )


@pytest.fixture(scope="session")
def runs(request: pytest.FixtureRequest) -> Callable[[int, int], int]:
    """Chooses between a fast and a full number of runs, as ``--simulations`` says."""
    full = request.config.getoption("--simulations") == "full"
    return lambda few, many: many if full else few


@pytest.fixture(autouse=True)
def _nothing_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the developer's shell or the CI system sets must not decide a test."""
    ours = (
        "CI",
        "NO_COLOR",
        "FORCE_COLOR",
        "LMOPT_MODEL",
        "OPENAI_API_KEY",
        "OPENAI_BASE_URL",
        "OPENAI_API_BASE",
        "GITHUB_ACTIONS",
    )
    # these tests may be run by workers themselves, which what they start must not be taken for
    for name in (*ours, *(name for name in os.environ if name.startswith("PYTEST_XDIST_"))):
        monkeypatch.delenv(name, raising=False)
    # processes that a test starts import what it does
    paths = filter(None, [str(Path(__file__).parent), os.environ.get("PYTHONPATH")])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    monkeypatch.setenv("COLUMNS", "160")  # the whole table of suites
    monkeypatch.setenv("PYTEST_ADDOPTS", UNASKED)


@pytest.fixture
def pytester(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """pytester, which clears this variable."""
    monkeypatch.setenv("PYTEST_ADDOPTS", UNASKED)
    return pytester


@pytest.fixture
def openai_server_apart(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIServer]:
    """A server of the simulated model, asked by other processes only."""
    with OpenAIServer(SimulatedModel().answer).running() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-simulated")
        yield server


@pytest.fixture
def openai_server(openai_server_apart: OpenAIServer) -> OpenAIServer:
    """A server of the simulated model; any model ``openai/...`` is answered by it."""
    return openai_server_apart


@pytest.fixture
def prices_restored() -> Iterator[None]:
    """Give litellm back its table of prices, which is one for the process."""
    import litellm

    before = copy.deepcopy(litellm.model_cost)
    yield
    litellm.model_cost = before
    litellm.add_known_models()
    litellm.utils._invalidate_model_cost_lowercase_map()
