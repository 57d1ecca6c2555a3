"""What the package never does, whatever it reads: unpickle, evaluate, or load YAML that runs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import pytest_lmopt

ROOT = Path(pytest_lmopt.__file__).parent
SOURCES = sorted(ROOT.rglob("*.py"))

UNSAFE_MODULES = {
    "pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal",
    "jsonpickle", "yaml",
}  # fmt: skip
UNSAFE_CALLS = {"eval", "exec", "compile", "__import__"}


def imported(tree: ast.AST) -> Iterator[str]:
    """Top names of all modules imported, wherever the import stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


def called(tree: ast.AST) -> Iterator[str]:
    """Names of all plain functions called, and arguments that are module names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_module_can_run_what_it_reads(path: Path) -> None:
    """Recordings, snapshots and reports are JSON, YAML and CSV; SQLite holds text."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not UNSAFE_MODULES & set(imported(tree))
    assert not UNSAFE_CALLS & set(called(tree))


def test_the_check_sees_imports_wherever_they_stand() -> None:
    """Else it would prove nothing."""
    source = "def f():\n    import pickle.x\n    from dill import loads\n    eval('1')\n"
    tree = ast.parse(source)
    assert set(imported(tree)) == {"pickle", "dill"}
    assert set(called(tree)) == {"eval"}
    assert len(SOURCES) > 50


def test_yaml_is_loaded_round_trip_or_safe() -> None:
    """Never as the kind that builds what a tag names."""
    kinds = {
        keyword.value.value if isinstance(keyword.value, ast.Constant) else keyword.value.id
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "YAML"
        for keyword in node.keywords
        if keyword.arg == "typ" and isinstance(keyword.value, ast.Constant | ast.Name)
    }
    assert kinds <= {"rt", "safe", "kind"}


TELEMETRY = {"opentelemetry", "sentry_sdk", "posthog", "segment", "mixpanel", "statsd"}


def test_telemetry_is_the_users_own_alone() -> None:
    """OpenTelemetry is known in one room, inside functions, and no other such library anywhere."""
    at_import = {
        path.relative_to(ROOT).as_posix()
        for path in SOURCES
        for node in _run_at_import(ast.parse(path.read_text(encoding="utf-8")).body)
        if TELEMETRY & set(imported(node))
    }
    anywhere = {
        path.parent.relative_to(ROOT).as_posix(): name
        for path in SOURCES
        for name in TELEMETRY & set(imported(ast.parse(path.read_text(encoding="utf-8"))))
    }
    assert at_import == set()
    assert anywhere == {"lm/telemetry": "opentelemetry"}


def _run_at_import(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """What a module runs when it is imported: neither functions nor imports for types alone."""
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from _run_at_import(node.body)
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not (
            isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        ):
            yield node
