"""The package's own sources, as tests of a rule read them to find all that it holds for."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import pytest_lmopt

ROOT = Path(pytest_lmopt.__file__).parent


@cache
def _texts() -> Mapping[str, str]:
    paths = sorted(ROOT.rglob("*.py"))
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in paths}


@cache
def trees() -> Mapping[str, ast.Module]:
    """Parse every module, once for all tests; by name relative to the package."""
    return {name: ast.parse(text) for name, text in _texts().items()}


@cache
def nodes(module: str) -> Sequence[ast.AST]:
    """List every node of a module, once for all tests."""
    return tuple(ast.walk(trees()[module]))


@cache
def _by_attribute() -> Mapping[str, set[str]]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for name in trees():
        for node in nodes(name):
            if isinstance(node, ast.Attribute):
                found[node.attr].add(name)
    return found


@cache
def _by_function() -> Mapping[str, list[tuple[str, ast.Call]]]:
    found: defaultdict[str, list[tuple[str, ast.Call]]] = defaultdict(list)
    for name in trees():
        for node in nodes(name):
            if isinstance(node, ast.Call):
                found[getattr(node.func, "id", "")].append((name, node))
    return found


def modules_with(pattern: str) -> set[str]:
    """Name the modules whose text matches a pattern, relative to the package."""
    return {name for name, text in _texts().items() if re.search(pattern, text)}


def attributes(*names: str) -> set[tuple[str, str]]:
    """Find the modules that use attributes of these names, each with the attribute."""
    users = _by_attribute()
    return {(name, attribute) for attribute in names for name in users.get(attribute, ())}


def calls(function: str) -> Sequence[tuple[str, ast.Call]]:
    """List the calls of a function by its plain name, with the modules they stand in."""
    return _by_function().get(function, [])
