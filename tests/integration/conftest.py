"""Fixtures of the integration tests: whole projects that pytest runs on."""

from __future__ import annotations

import importlib
import pkgutil

import pytest
from projects.shouting import Project

import pytest_lmopt
from pytest_lmopt.lm.providers import load_litellm

# pytester forgets modules that its inner run imported first. What takes seconds to import, and
# ours, whose classes must stay the same ones, are therefore imported before.
load_litellm()
ours = (module.name for module in pkgutil.walk_packages(pytest_lmopt.__path__, "pytest_lmopt."))
for name in ("scipy.optimize", "scipy.stats", *ours):
    importlib.import_module(name)


@pytest.fixture
def project(pytester: pytest.Pytester) -> Project:
    """A project whose suites run on whatever answers ``openai/simulated``."""
    return Project(pytester)
