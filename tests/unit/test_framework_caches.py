"""Frameworks' own caches, told by what their modules hold; none is imported for it."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from pytest_lmopt.lm.framework_caches import caches_on


class Cache:
    """A cache of DSPy's, with its two levels."""

    def __init__(self, *, disk: bool, memory: bool) -> None:
        self.enable_disk_cache = disk
        self.enable_memory_cache = memory


class Held:
    """An object with some attributes."""

    def __init__(self, **attributes: Any) -> None:
        self.__dict__ = attributes


@pytest.fixture(autouse=True)
def _none_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("dspy", "langchain_core.globals", "litellm"):
        monkeypatch.delitem(sys.modules, name, raising=False)


def load(monkeypatch: pytest.MonkeyPatch, name: str, **attributes: Any) -> None:
    """Stand in for a module of a framework."""
    module = ModuleType(name)
    vars(module).update(attributes)
    monkeypatch.setitem(sys.modules, name, module)


def test_what_is_not_imported_has_no_cache() -> None:
    """And stays so."""
    assert list(caches_on()) == []
    assert not sys.modules.keys() & {"dspy", "langchain_core.globals", "litellm"}


def test_each_cache_is_named_with_what_turns_it_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the framework's own words."""
    load(monkeypatch, "dspy", cache=Cache(disk=True, memory=True), settings=Held(lm=None))
    load(monkeypatch, "langchain_core.globals", _llm_cache=object())
    load(monkeypatch, "litellm", cache=object())
    dspy, langchain, litellm = caches_on()
    assert dspy == (
        "DSPy's own cache is on; answers from it are neither counted nor recorded. Turn it off: "
        "dspy.configure_cache(enable_disk_cache=False, enable_memory_cache=False)"
    )
    assert langchain.endswith("Turn it off: langchain_core.globals.set_llm_cache(None)")
    assert litellm.endswith("Turn it off: litellm.cache = None")


@pytest.mark.parametrize(
    ("disk", "memory", "uses", "named"),
    [
        (True, False, True, True),
        (False, True, True, True),
        (False, False, True, False),
        (True, True, False, False),
    ],
)
def test_dspy_has_two_levels_and_models_that_use_none(
    monkeypatch: pytest.MonkeyPatch, disk: bool, memory: bool, uses: bool, named: bool
) -> None:
    """``dspy.LM(…, cache=False)`` never looks into them."""
    cache = Cache(disk=disk, memory=memory)
    load(monkeypatch, "dspy", cache=cache, settings=Held(lm=Held(cache=uses)))
    assert bool(list(caches_on())) is named


def test_a_cache_that_dspy_has_not_built_is_not_built_for_us(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Newer releases build it at its first use, with a folder on disk."""

    def build(name: str) -> object:
        raise AssertionError(name)

    load(monkeypatch, "dspy", __getattr__=build)
    load(monkeypatch, "langchain_core.globals", _llm_cache=None)
    load(monkeypatch, "litellm", cache=None)
    assert list(caches_on()) == []
