"""The package's own sources, as tests of a rule read them to find all that it holds for."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest_lmopt

ROOT = Path(pytest_lmopt.__file__).parent


@lru_cache(maxsize=1)
def _texts() -> dict[str, str]:
    paths = sorted(ROOT.rglob("*.py"))
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in paths}


@lru_cache(maxsize=1)
def _trees() -> dict[str, ast.Module]:
    return {name: ast.parse(text) for name, text in _texts().items()}


def modules_with(pattern: str) -> set[str]:
    """Name the modules whose text matches a pattern, relative to the package."""
    return {name for name, text in _texts().items() if re.search(pattern, text)}


def nodes() -> Iterator[tuple[str, ast.AST]]:
    """Yield every node of every module, with the module's name relative to the package."""
    for name, tree in _trees().items():
        yield from ((name, node) for node in ast.walk(tree))


def attributes(*names: str) -> set[tuple[str, str]]:
    """Find the modules that use attributes of these names, each with the attribute."""
    found = ((name, node.attr) for name, node in nodes() if isinstance(node, ast.Attribute))
    return {(name, attribute) for name, attribute in found if attribute in names}


def calls(function: str) -> Iterator[tuple[str, ast.Call]]:
    """Yield the calls of a function by its plain name, with the modules they stand in."""
    for name, node in nodes():
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == function:
            yield name, node
