"""Fixtures of the integration tests: whole projects that pytest runs on."""

from __future__ import annotations

import importlib
import pkgutil
import warnings

import pytest
from doubles.openai_server import OpenAIServer
from projects.shouting import Project

import pytest_lmopt
from pytest_lmopt.lm.loop import submit
from pytest_lmopt.lm.providers import LiteLLM
from pytest_lmopt.wire import Message, Request

# litellm does partly at its first call, and ours, whose classes must stay the same ones, are
# therefore imported before.
with OpenAIServer(lambda _: "well").running() as server, warnings.catch_warnings():
    warnings.simplefilter("ignore")
    first = Request(model="openai/simulated", messages=(Message("user", "Well?"),))
    submit(LiteLLM(endpoint=server.url, api_key="sk-simulated").complete(first)).result()
ours = (module.name for module in pkgutil.walk_packages(pytest_lmopt.__path__, "pytest_lmopt."))
for name in ("hypothesis", "scipy.optimize", "scipy.stats", *ours):
    importlib.import_module(name)


@pytest.fixture
def project(pytester: pytest.Pytester) -> Project:
    """A project whose suites run on whatever answers ``openai/simulated``."""
    return Project(pytester)
