"""Fixtures of the integration tests: whole projects that pytest runs on."""

from __future__ import annotations

import importlib
import pkgutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from doubles.function_model import FunctionModel
from doubles.manual_clock import ManualClock
from doubles.openai_server import OpenAIServer
from projects.shouting import Project

import pytest_lmopt
from pytest_lmopt.lm.loop import submit
from pytest_lmopt.lm.providers import LiteLLM
from pytest_lmopt.testing.simulated_model import SimulatedModel
from pytest_lmopt.wire import Message, Request

if TYPE_CHECKING:
    from projects.litellm_runs import Session

# pytester forgets modules that its inner run imported first. Ours, whose classes must stay the same
# ones, and what takes seconds to import are therefore imported before. So is importlib_metadata:
# where litellm imports it first, the inner run's end leaves no finder of plugins.
ours = (module.name for module in pkgutil.walk_packages(pytest_lmopt.__path__, "pytest_lmopt."))
for name in (
    "hypothesis",
    "importlib_metadata",
    "ruamel.yaml",
    "scipy.optimize",
    "scipy.special",
    "tabulate",
    *ours,
):
    importlib.import_module(name)


@pytest.fixture(scope="session")
def litellm_imported() -> None:
    """Import litellm, which takes seconds, all of it: parts only come with its first call."""
    with OpenAIServer(lambda _: "well").running() as server, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first = Request(model="openai/simulated", messages=(Message("user", "Well?"),))
        submit(LiteLLM(endpoint=server.url, api_key="sk-simulated").complete(first)).result()


@pytest.fixture
def openai_server(litellm_imported: None, openai_server: OpenAIServer) -> OpenAIServer:
    """As everywhere, with litellm imported for its runs."""
    return openai_server


@pytest.fixture
def model() -> FunctionModel:
    """The simulated model, a function: no server runs and litellm is not called."""
    return FunctionModel(SimulatedModel().answer)


@pytest.fixture
def clock() -> ManualClock:
    """A clock that jumps over all waits."""
    return ManualClock()


@pytest.fixture
def project(pytester: pytest.Pytester, request: pytest.FixtureRequest) -> Project:
    """A project whose suites run on ``model``, or on ``openai_server`` in a test that takes it.

    In a test that takes ``clock`` runs go by that.
    """
    names = request.fixturenames
    model = None if "openai_server" in names else request.getfixturevalue("model")
    clock = request.getfixturevalue("clock") if "clock" in names else None
    return Project(pytester, model, clock)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """A session whose pipelines call litellm, with nothing recorded yet."""
    from projects.litellm_runs import Session

    session = Session(tmp_path)
    yield session
    session.store.close()


@pytest.fixture
def server(openai_server: OpenAIServer) -> OpenAIServer:
    """A model that says in capitals what was said last."""
    openai_server.answer = lambda chat: chat[-1][1].upper()
    return openai_server
