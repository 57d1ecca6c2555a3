"""Hooks in HTTP clients: when they come and go, whose answers count, and pools of loops."""

from __future__ import annotations

import asyncio
import importlib
import sys
import unittest.mock
from functools import wraps
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpcore
import httpx
import httpx2
import pytest
import respx

from pytest_lmopt.lm.interception.claims import client_name
from pytest_lmopt.lm.interception.hooks import intercepting
from pytest_lmopt.lm.interception.imports import Watch
from pytest_lmopt.lm.interception.mocks import is_mocked
from pytest_lmopt.lm.interception.pools import of_this_loop

METHODS = [
    (httpx.HTTPTransport, "handle_request"),
    (httpx.AsyncHTTPTransport, "handle_async_request"),
    (httpx2.HTTPTransport, "handle_request"),
    (httpx2.AsyncHTTPTransport, "handle_async_request"),
]
ORIGINAL = httpx.HTTPTransport.handle_request


def _methods() -> list[Any]:
    return [vars(kind)[name] for kind, name in METHODS]


def test_hooks_are_there_until_the_last_suite_ends() -> None:
    """Then the methods are the clients' own again."""
    before, finders = _methods(), [*sys.meta_path]
    with intercepting():
        with intercepting():
            first = _methods()
        assert _methods() == first
        assert not {*map(id, before)} & {*map(id, first)}
    assert _methods() == before
    assert sys.meta_path == finders


def test_a_module_is_acted_on_once_it_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its loader is left as it was; others are imported as ever."""
    for name in ("lmopt_watched", "lmopt_other"):
        (tmp_path / f"{name}.py").write_text("READY = True\n", encoding="utf-8")
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    seen: list[bool] = []
    watch = Watch(
        ["lmopt_watched", "lmopt_nowhere"], lambda name: seen.append(sys.modules[name].READY)
    )
    watch.begin()
    try:
        importlib.import_module("lmopt_other")
        assert seen == []
        watched = importlib.import_module("lmopt_watched")
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module("lmopt_nowhere")
    finally:
        watch.end()
    assert seen == [True]
    assert "exec_module" not in vars(watched.__loader__)
    for name in ("lmopt_watched", "lmopt_other"):
        del sys.modules[name]


def test_a_module_that_fails_at_import_is_not_acted_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its error is its own."""
    (tmp_path / "lmopt_broken.py").write_text("1 / 0\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    seen: list[str] = []
    watch = Watch(["lmopt_broken"], seen.append)
    watch.begin()
    try:
        with pytest.raises(ZeroDivisionError):
            importlib.import_module("lmopt_broken")
    finally:
        watch.end()
    assert seen == []


def _around(function: Any) -> Any:
    @wraps(function)
    def spanned(*arguments: Any) -> Any:
        return function(*arguments)

    return spanned


def _of(module: str) -> Any:
    """A function that was made in a module."""
    found: dict[str, Any] = {"__name__": module}
    exec("def answer(*_): pass", found)
    return found["answer"]


@pytest.mark.parametrize(
    ("original", "mocked"),
    [
        pytest.param(ORIGINAL, False, id="the client's own"),
        pytest.param(_around(ORIGINAL), False, id="a wrapper"),
        pytest.param(_around(_around(ORIGINAL)), False, id="two wrappers"),
        pytest.param(_of("pytest_httpx"), True, id="pytest-httpx"),
        pytest.param(_of("vcr.stubs.httpx_stubs"), True, id="vcrpy"),
        pytest.param(_around(_of("pytest_httpx")), True, id="a wrapper of a mock"),
        pytest.param(unittest.mock.Mock(), True, id="a Mock"),
        pytest.param(lambda *_: None, True, id="a function of one's own"),
    ],
)
def test_a_wrapper_that_calls_the_transport_is_no_mock(original: Any, mocked: bool) -> None:
    """Anything else in its place may answer by itself."""
    assert is_mocked(original) is mocked


def test_a_mock_below_the_transport_is_seen() -> None:
    """respx replaces what httpx sends through."""
    before = httpcore.ConnectionPool.handle_request
    with respx.mock:
        assert is_mocked(ORIGINAL)
    assert not is_mocked(ORIGINAL)
    assert httpcore.ConnectionPool.handle_request is before


@pytest.mark.parametrize("module", [httpx, httpx2])
def test_each_loop_has_a_pool_of_its_own(module: Any) -> None:
    """The first one keeps the client's; limits and certificates are those of the client.

    No idle connection keeps a loop open that has ended.
    """
    transport = module.AsyncHTTPTransport(limits=module.Limits(max_connections=3))

    async def found() -> Any:
        return [of_this_loop(transport) for _ in range(2)]

    with asyncio.Runner() as first, asyncio.Runner() as second:
        own, again = first.run(found())
        assert own is again is transport
        other, same = second.run(found())
        assert other is same is not transport
        assert other._pool._connections is not transport._pool._connections
        assert other._pool._max_connections == 3
        assert other._pool._max_keepalive_connections == 0
        assert other._pool._ssl_context is transport._pool._ssl_context


def test_a_transport_without_a_pool_stays_the_same() -> None:
    """Such as aiohttp's."""
    transport = SimpleNamespace()

    async def found() -> Any:
        return of_this_loop(transport)

    assert asyncio.run(found()) is transport


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("AsyncOpenAI/Python 2.54.0", "AsyncOpenAI/Python"),
        ("python-httpx/0.28.1", "python-httpx"),
        ("mine/v1.0 (linux)", "mine"),
        ("", "unknown client"),
    ],
)
def test_a_client_is_named_without_its_version(agent: str, name: str) -> None:
    """So that traces stay equal when it is updated."""
    assert client_name(agent) == name
