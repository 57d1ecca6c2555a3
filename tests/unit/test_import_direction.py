"""Imports point up the list of layers only."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest_lmopt

ROOT = Path(pytest_lmopt.__file__).parent
LAYERS = (
    "known_secrets",
    "safe_text",
    "errors",
    "stats",
    "suites",
    "lm",
    "runs",
    "metrics",
    "blocks",
    "stores",
    "comparison",
    "optimizers",
    "snapshots",
    "reports",
    "assessment",
    "testing",
    "commands",
    "plugin",
)


def _imports(path: Path) -> Iterator[str]:
    """Layers of ours that a module imports when it runs, wherever in it the import stands."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types = {
        id(node)
        for guard in ast.walk(tree)
        if isinstance(guard, ast.If)
        and isinstance(guard.test, ast.Name)
        and guard.test.id == "TYPE_CHECKING"
        for node in ast.walk(guard)
    }
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        if id(node) not in for_types:
            yield from (name.split(".")[1] for name in names if name.startswith("pytest_lmopt."))


def test_every_module_belongs_to_a_layer() -> None:
    """A new folder needs a place in the list."""
    found = {path.name.removesuffix(".py") for path in ROOT.iterdir()} - {"py.typed", "__pycache__"}
    assert found - {"__init__", "__main__"} == set(LAYERS)


def test_imports_point_up_only() -> None:
    """No layer knows those below it."""
    wrong = [
        f"{path.relative_to(ROOT)} imports {imported}"
        for layer in LAYERS
        for path in [*ROOT.glob(f"{layer}.py"), *(ROOT / layer).rglob("*.py")]
        for imported in _imports(path)
        if LAYERS.index(imported) > LAYERS.index(layer)
    ]
    assert wrong == []


def test_statistics_import_nothing_of_ours() -> None:
    """Numbers in, numbers out."""
    assert {name for path in (ROOT / "stats").glob("*.py") for name in _imports(path)} <= {"stats"}


def test_only_the_plugin_knows_pytest() -> None:
    """The core runs with pytest absent."""
    wrong = [
        path.relative_to(ROOT).as_posix()
        for path in ROOT.rglob("*.py")
        if path.parent.name not in ("plugin", "testing")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (
            isinstance(node, ast.Import)
            and any(a.name.split(".")[0] == "pytest" for a in node.names)
        )
        or (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "pytest")
    ]
    assert wrong == []
