"""What the package never does, whatever it reads: unpickle, evaluate, or load YAML that runs."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

import pytest
from doubles.package_sources import calls, nodes, trees

UNSAFE_MODULES = {
    "pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal",
    "jsonpickle", "yaml",
}  # fmt: skip
UNSAFE_CALLS = {"eval", "exec", "compile", "__import__"}


def imported(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Top names of all modules imported, wherever the import stands."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


def called(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Names of all plain functions called, and arguments that are module names."""
    for node in nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id


@pytest.mark.parametrize("module", trees())
def test_no_module_can_run_what_it_reads(module: str) -> None:
    """Recordings, snapshots and reports are JSON, YAML and CSV; SQLite holds text."""
    assert not UNSAFE_MODULES & set(imported(nodes(module)))
    assert not UNSAFE_CALLS & set(called(nodes(module)))


def test_the_check_sees_imports_wherever_they_stand() -> None:
    """Else it would prove nothing."""
    source = "def f():\n    import pickle.x\n    from dill import loads\n    eval('1')\n"
    found = list(ast.walk(ast.parse(source)))
    assert set(imported(found)) == {"pickle", "dill"}
    assert set(called(found)) == {"eval"}
    assert len(trees()) > 50


def test_yaml_is_loaded_round_trip_or_safe() -> None:
    """Never as the kind that builds what a tag names."""
    kinds = {
        keyword.value.value if isinstance(keyword.value, ast.Constant) else keyword.value.id
        for _, call in calls("YAML")
        for keyword in call.keywords
        if keyword.arg == "typ" and isinstance(keyword.value, ast.Constant | ast.Name)
    }
    assert kinds <= {"rt", "safe", "kind"}


TELEMETRY = {"opentelemetry", "sentry_sdk", "posthog", "segment", "mixpanel", "statsd"}


def test_telemetry_is_the_users_own_alone() -> None:
    """OpenTelemetry is known in one room, inside functions, and no other such library anywhere."""
    at_import = {
        module
        for module, tree in trees().items()
        for statement in _run_at_import(tree.body)
        if TELEMETRY & set(imported(ast.walk(statement)))
    }
    anywhere = {
        PurePosixPath(module).parent.as_posix(): name
        for module in trees()
        for name in TELEMETRY & set(imported(nodes(module)))
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
