"""Imports point up the list of layers only, and no modules import each other in a circle."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import PurePosixPath

from doubles.package_sources import ROOT, nodes, trees

LAYERS = (
    "known_secrets",
    "safe_text",
    "clock",
    "canonical",
    "wire",
    "errors",
    "stats",
    "suites",
    "lm",
    "runs",
    "metrics",
    "blocks",
    "stores",
    "comparison",
    "strategies",
    "snapshots",
    "reports",
    "assessment",
    "testing",
    "commands",
    "plugin",
)


@cache
def _modules() -> Mapping[str, str]:
    """Our modules' files by name, from inside the package: ``suites.budget``, ``errors``."""
    names = {path: PurePosixPath(path).with_suffix("").parts for path in trees()}
    return {".".join(parts).removesuffix(".__init__"): path for path, parts in names.items()}


@cache
def _imports(path: str) -> Sequence[str]:
    """Names that a module imports from ours, wherever the import stands, for types or to run.

    ``from pytest_lmopt.suites import budget`` gives ``suites`` and ``suites.budget``.
    """
    names: list[str] = []
    for node in nodes(path):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [
        name.removeprefix("pytest_lmopt.") for name in names if name.startswith("pytest_lmopt.")
    ]


def _graph() -> dict[str, set[str]]:
    """The modules that each module imports; of a package only what is taken from it itself."""
    known = _modules().keys()
    graph = {}
    for name, path in _modules().items():
        named = {each for each in _imports(path) if each in known}
        packages = {each for each in named if any(more.startswith(f"{each}.") for more in named)}
        graph[name] = named - packages - {name}
    return graph


def _cycle(graph: Mapping[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_every_module_belongs_to_a_layer() -> None:
    """A new folder needs a place in the list."""
    found = {path.name.removesuffix(".py") for path in ROOT.iterdir()} - {"py.typed", "__pycache__"}
    assert found - {"__init__", "__main__"} == set(LAYERS)


def test_imports_point_up_only() -> None:
    """No layer knows those below it, not even for its annotations."""
    wrong = [
        f"{name} imports {imported}"
        for name, path in _modules().items()
        if name.partition(".")[0] in LAYERS
        for imported in _imports(path)
        if imported.partition(".")[0] in LAYERS
        and LAYERS.index(imported.partition(".")[0]) > LAYERS.index(name.partition(".")[0])
    ]
    assert wrong == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Nor for their annotations: each module can be read after those it builds on."""
    assert _cycle(_graph()) == []


def test_a_circle_would_be_found() -> None:
    """Whatever its length."""
    assert _cycle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) != []


def test_statistics_import_nothing_of_ours() -> None:
    """Numbers in, numbers out."""
    found = {name for path in trees() if path.startswith("stats/") for name in _imports(path)}
    assert {name.partition(".")[0] for name in found} <= {"stats"}


def test_no_module_imports_all_of_scipys_statistics() -> None:
    """Every process that scores a suite would take half a second longer to start."""
    assert [
        path.name for path in ROOT.rglob("*.py") if "scipy.stats import" in path.read_text()
    ] == []


def test_only_the_plugin_knows_pytest() -> None:
    """The core runs with pytest absent."""
    wrong = [
        path
        for path in trees()
        if PurePosixPath(path).parent.name not in ("plugin", "testing")
        for node in nodes(path)
        if (
            isinstance(node, ast.Import)
            and any(a.name.split(".")[0] == "pytest" for a in node.names)
        )
        or (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "pytest")
    ]
    assert wrong == []
