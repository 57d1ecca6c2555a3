"""Names: of the mark and its fixtures, and of suites, which unlike node ids never repeat."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from _pytest.nodes import Node

from pytest_lmopt.suites.places import name_from

MARK_NAME = "lm_suite"
FIXTURE_NAME = "lm_example"
MODEL_NAME = "lm_model"


def node_name(node: Node) -> str:
    """Name a test, or what surrounds it, relative to pytest's root folder.

    It is the node id in all ordinary cases. But pytest gives files outside its root folder ids that
    repeat, hooks may rewrite ids, and ``--dist loadgroup`` appends a group to them.
    """
    chain, root = node.listchain(), node.config.rootpath
    files = [number for number, each in enumerate(chain) if isinstance(each, pytest.File)]
    if files:
        below = chain[files[-1] + 1 :]
        return "::".join([name_from(chain[files[-1]].path, root), *(each.name for each in below)])
    if isinstance(node, pytest.Item):
        return f"{name_from(node.path, root)}::{node.name}"
    return "" if isinstance(node, pytest.Session) else name_from(node.path, root)


def name_in_file(item: pytest.Item) -> str:
    """Name a test within its file."""
    return node_name(item).split("::", 1)[-1]


def item_snapshot(item: pytest.Item) -> Path:
    """Place a test's snapshot, whether or not the test can be a suite."""
    from pytest_lmopt.snapshots.store import snapshot_path

    return snapshot_path(item.path, name_in_file(item))


def clash(items: Iterable[pytest.Function]) -> str | None:
    """Say which two different tests have one name, or one snapshot file; None where none do.

    A test may be collected several times: as lanes, through a link, or by a path given twice. File
    names count as one if only the case of letters differs, as some file systems have it.
    """
    named: dict[str, pytest.Function] = {}
    placed: dict[tuple[str, ...], pytest.Function] = {}
    for item in items:
        name = node_name(item)
        first = named.setdefault(name, item)
        if _identity(first) != _identity(item):
            return (
                f"two different tests are called {name}: {_place(first)}, and {_place(item)}; "
                "give one of them another name, or its parameters other ids"
            )
        snapshot = item_snapshot(item)
        tests = str(snapshot.parent.parent.parent.resolve())
        file = (tests, snapshot.parent.name.casefold(), snapshot.name.casefold())
        first = placed.setdefault(file, item)
        if _identity(first) != _identity(item):
            return (
                f"two different tests have the snapshot file {snapshot}: {_place(first)}, and "
                f"{_place(item)}; give one of them, or its file, another name"
            )
    return None


def _identity(item: pytest.Function) -> tuple[object, ...]:
    """Identify a test, the same each time it is collected."""
    code = _code(item)
    indices = getattr(getattr(item, "callspec", None), "indices", {})
    begins = (code.co_qualname, code.co_firstlineno) if code is not None else ()
    return item.path.resolve(), name_in_file(item), tuple(sorted(indices.items())), begins


def _code(item: pytest.Function) -> Any:
    return getattr(inspect.unwrap(item.function), "__code__", None)


def _place(item: pytest.Function) -> str:
    return ", ".join(_parts(item))


def _parts(item: pytest.Function) -> Iterator[str]:
    code = _code(item)
    yield str(item.path)
    if code is not None:
        yield f"line {code.co_firstlineno}"
    yield item.originalname or item.name
    callspec = getattr(item, "callspec", None)
    if callspec is not None:
        yield "with " + ", ".join(
            f"{name}={value!r:.50}" for name, value in callspec.params.items()
        )
