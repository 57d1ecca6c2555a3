"""Users import from five modules, each with ``__all__``; the documents import nothing else."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from projects.documents import PAGES, ROOT, blocks_of

PUBLIC = {
    name: frozenset(import_module(name).__all__)
    for name in (
        "pytest_lmopt",
        "pytest_lmopt.errors",
        "pytest_lmopt.metrics",
        "pytest_lmopt.strategies",
        "pytest_lmopt.testing",
    )
}
LAZY = ["pytest_lmopt", "pytest_lmopt.strategies", "pytest_lmopt.testing"]
EXAMPLE = sorted((ROOT / "example_project").rglob("*.py"))


def wrong(code: str) -> Iterator[str]:
    """Find what Python code takes from our package that is not public."""
    tree = ast.parse(code)
    modules: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "pytest_lmopt":
                    modules[alias.asname or alias.name.split(".")[0]] = (
                        alias.name if alias.asname else "pytest_lmopt"
                    )
                    if alias.name not in PUBLIC:
                        yield alias.name
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pytest_lmopt"):
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                if name in PUBLIC:
                    modules[alias.asname or alias.name] = name
                elif alias.name not in PUBLIC.get(node.module or "", ()):
                    yield name
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and (module := modules.get(ast.unparse(node.value))):
            name = f"{module}.{node.attr}"
            if node.attr not in PUBLIC[module] and name not in PUBLIC:
                yield name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_documents_use_public_names_only(page: Path) -> None:
    """Also in blocks that other tests run."""
    for block in blocks_of(page, run=False):
        if block.language == "python":
            assert list(wrong(block.text)) == []


@pytest.mark.parametrize("path", EXAMPLE, ids=lambda path: path.name)
def test_the_example_uses_public_names_only(path: Path) -> None:
    """All of its files."""
    assert list(wrong(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("from pytest_lmopt.suites.candidate import Candidate", "suites.candidate.Candidate"),
        ("from pytest_lmopt.strategies.protocol import Bench", "strategies.protocol.Bench"),
        ("from pytest_lmopt.strategies import search", "strategies.search"),
        ("import pytest_lmopt.suites.budget", "suites.budget"),
        ("import pytest_lmopt as p\np.plugin", "plugin"),
        ("from pytest_lmopt import metrics\nmetrics.judge", "metrics.judge"),
    ],
)
def test_a_private_name_would_be_found(code: str, found: str) -> None:
    """A module, or a name that is not in ``__all__``."""
    assert list(wrong(code)) == [f"pytest_lmopt.{found}"]


@pytest.mark.parametrize("module", PUBLIC)
def test_every_public_name_is_there(module: str) -> None:
    """Each once."""
    names = import_module(module).__all__
    assert len(names) == len(set(names))
    for name in names:
        assert getattr(import_module(module), name) is not None


@pytest.mark.parametrize("module", LAZY)
def test_types_are_checked_by_the_names_that_are_loaded(module: str) -> None:
    """What a type checker reads is what a program gets."""
    public = import_module(module)
    tree = ast.parse(Path(public.__file__ or "").read_text(encoding="utf-8"))
    (checked,) = (node for node in tree.body if isinstance(node, ast.If))
    read = {
        alias.name: getattr(import_module(node.module or ""), alias.name)
        for node in checked.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert read == {name: getattr(public, name) for name in public.__all__}
    with pytest.raises(AttributeError, match=r"has no attribute 'nothing'"):
        _ = public.nothing
