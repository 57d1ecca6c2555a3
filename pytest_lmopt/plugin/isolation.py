"""Suites that are not safe on threads: their examples run one at a time, and the report says why.

Fixtures are set up once per suite, so its examples share what a fixture holds, and all that is the
process's: patches, environment, captured output, the current folder.
"""

from __future__ import annotations

import ast
import inspect
import os
import tempfile
from collections.abc import Iterator, Mapping, MutableMapping, MutableSequence, MutableSet
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pytest_lmopt.plugin.names import FIXTURE_NAME
from pytest_lmopt.plugin.options import Options
from pytest_lmopt.suites.code.assignments import changed_parts
from pytest_lmopt.suites.code.thread_safety import FOLDER, PATCHING, source_tree, unsafe_uses
from pytest_lmopt.suites.places import name_below
from pytest_lmopt.suites.suite import Suite

UNSAFE_FIXTURES = {
    "_pytest": (
        *("monkeypatch", "tmp_path", "tmpdir", "caplog", "recwarn", "pytester", "testdir"),
        *("capsys", "capsysbinary", "capfd", "capfdbinary", "capteesys", "subtests"),
    ),
    "pytest_mock": ("mocker", "class_mocker", "module_mocker", "package_mocker", "session_mocker"),
    "pytest_freezegun": ("freezer",),
    "pytest_freezer": ("freezer",),
    "time_machine": ("time_machine",),
    "requests_mock": ("requests_mock",),
    "pytest_responses": ("responses",),
    "pytest_httpx": ("httpx_mock",),
    "respx": ("respx_mock",),
    "pytest_httpserver": ("httpserver",),
    "pyfakefs": ("fs", "fs_class", "fs_module"),
    "pytest_django": ("db", "transactional_db", "settings", "mailoutbox", "client"),
    "pytest_vcr": ("vcr", "vcr_cassette"),
    "pytest_recording": ("vcr",),
}
"""Fixtures whose use in one example reaches the others, by the package they come from."""
SET_ONCE = ("monkeypatch",)
"""Those that a fixture may use for itself: what it sets before the suite is the same for all."""
UNSAFE_MAKERS = ("_pytest.monkeypatch", "_pytest.tmpdir", "_pytest.legacypath")
"""Modules of pytest whose objects are unsafe in the hands of a test."""
UNSAFE_MARK = "thread_unsafe"
"""pytest-run-parallel's."""
MOST_NAMED = 3
_CONTAINERS = (MutableMapping, MutableSequence, MutableSet)


def concurrency_of(
    item: pytest.Function, suite: Suite, options: Options
) -> tuple[int, tuple[str, ...]]:
    """How many examples may run at a time in a process, and what is unsafe where that makes it one.

    The mark's number is its author's word that so many are safe; the option's holds as well.
    """
    if suite.concurrency is not None:
        return min(suite.concurrency, options.concurrency), ()
    parts = unsafe_parts(item, suite) if options.concurrency > 1 else ()
    return 1 if parts else options.concurrency, parts


def unsafe_parts(item: pytest.Function, suite: Suite) -> tuple[str, ...]:
    """What a suite's test, once set up, uses that is not safe on threads; empty if nothing is seen.

    Fixtures first: those the test asks for, those they ask for, and those in use by themselves.
    """
    root = item.config.rootpath
    fixtures = [name for name in item.fixturenames if name != FIXTURE_NAME]
    unsafe = [f"fixture {name}" for name in fixtures if _is_unsafe(item, name)]
    defined = [definition.func for name in fixtures for definition in _definitions(item, name)]
    moved = unsafe_uses(defined, root, patterns=FOLDER)
    given = item._fixtureinfo.argnames
    shared = {
        name: item.funcargs[name] for name in fixtures if name in given and name in item.funcargs
    }
    for name, value in shared.items():
        if _patches(value) or _is_scratch(value, item.config):
            unsafe.append(f"fixture {name}")
    unsafe += _changed(item, shared)
    if item.get_closest_marker(UNSAFE_MARK) is not None:
        unsafe.append(f"mark {UNSAFE_MARK}")
    uses = unsafe_uses([item.obj, suite.metric, *shared.values()], root)
    return tuple(dict.fromkeys((*unsafe, *moved, *uses)))


def _changed(item: pytest.Function, shared: Mapping[str, Any]) -> Iterator[str]:
    """What the test changes that pytest makes anew for each test: its instance, its fixtures."""
    tree, name = source_tree(inspect.unwrap(item.function)), item.originalname or item.name
    parameters = list(inspect.signature(inspect.unwrap(item.function)).parameters)
    if hasattr(item.obj, "__self__"):
        parts = changed_parts(tree, parameters[0], methods=True)
        yield from (f"{part} in {name}" for part in parts)
    for fixture, value in shared.items():
        if all(definition.scope == "function" for definition in _definitions(item, fixture)):
            parts = changed_parts(tree, fixture, methods=isinstance(value, _CONTAINERS))
            yield from (f"fixture {fixture}, which {name} changes" for _ in parts)


def isolation_notice(suite: str, parts: tuple[str, ...], options: Options) -> str:
    """The line that says so."""
    more = f" and {len(parts) - MOST_NAMED} more" if len(parts) > MOST_NAMED else ""
    return (
        f"{suite} ran one example at a time, as this is not safe while others run: "
        f"{', '.join(parts[:MOST_NAMED])}{more}. If it is safe here, set "
        f"concurrency={options.concurrency} in lm_suite"
    )


def _patches(value: Any) -> bool:
    """Whether an object is one to set per example: a mock, or what patches and takes it back.

    pytest's makers of folders, too: two threads may choose the same number.
    """
    modules = {kind.__module__ for kind in type(value).__mro__}
    return type(value).__module__ in UNSAFE_MAKERS or not modules.isdisjoint(PATCHING)


def _is_scratch(value: Any, config: pytest.Config) -> bool:
    """Whether it is a folder to write to: the examples' files would lie side by side."""
    if not isinstance(value, str | os.PathLike | tempfile.TemporaryDirectory):
        return False
    path = Path(value.name if isinstance(value, tempfile.TemporaryDirectory) else value)
    if not path.is_absolute() or not path.is_dir():
        return False
    path, root = path.resolve(), config.rootpath.resolve()
    with suppress(AttributeError):  # pytest's own plugin for them is off
        # pytest has no public name for it
        base: Path = config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]
        if name_below(path, base) is not None:
            return True
    # a project that lies among temporary files itself holds no scratch for that
    ours = name_below(path, root) is not None or name_below(root, path) is not None
    return not ours and name_below(path, Path(tempfile.gettempdir())) is not None


def _definitions(item: pytest.Function, name: str) -> Iterator[pytest.FixtureDef[Any]]:
    yield from (item._fixtureinfo.name2fixturedefs.get(name) or ())[-1:]


def _is_unsafe(item: pytest.Function, name: str) -> bool:
    """Whether this is such a fixture, and the pipeline may get at it."""
    for definition in _definitions(item, name):
        package = getattr(definition.func, "__module__", "").partition(".")[0]
        if name in UNSAFE_FIXTURES.get(package, ()):
            return name not in SET_ONCE or not _is_set_once(item, name)
    return False


def _is_set_once(item: pytest.Function, name: str) -> bool:
    """Whether only fixtures ask for it, and each keeps it to itself."""
    if name in item._fixtureinfo.argnames:
        return False
    asking = [
        definition.func
        for other in item.fixturenames
        for definition in _definitions(item, other)
        if name in definition.argnames
    ]
    return bool(asking) and all(_keeps(function, name) for function in asking)


def _keeps(function: Any, name: str) -> bool:
    """Whether a fixture hands on nothing, and uses another one only to set something.

    Not to change the folder: files that examples write would lie side by side.
    """
    used = handed = 0
    for node in ast.walk(source_tree(function)):
        if isinstance(node, ast.Return | ast.Yield) and node.value is not None:
            return False
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            used += node.value.id == name and node.attr.startswith(("set", "del", "syspath"))
        elif isinstance(node, ast.Name):
            handed += node.id == name
    return 0 < used == handed  # none of an unreadable one
