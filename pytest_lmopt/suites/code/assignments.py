"""Assignments in a function that outlive its call: to global names, and into what it was given."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

MUTATING = frozenset(
    {
        *("append", "appendleft", "add", "clear", "discard", "extend", "insert", "pop", "popitem"),
        *("popleft", "remove", "setdefault", "update"),
    }
)
"""Methods that change a list, a mapping, a set or a deque."""


class _Target(NamedTuple):
    """Something that is assigned to; ``guards`` are names in the conditions around it."""

    node: ast.expr
    guards: frozenset[str]
    added: bool  # as in x += 1, or x = max(x, 1)


def assigned_globals(tree: ast.AST) -> Iterator[str]:
    """The global names that a function sets, except what it sets once or counts up.

    What is set once is set under a condition that names it, or where reading it failed.
    """
    names = {name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names}
    for target in _targets(tree, frozenset()):
        node = target.node
        if isinstance(node, ast.Name) and node.id in names - target.guards and not target.added:
            yield node.id


def changed_parts(tree: ast.AST, name: str, *, methods: bool) -> Iterator[str]:
    """What a function sets of the value of a name, such as ``name.x``.

    With ``methods`` also the methods it calls of the value that would change a list or a mapping.
    What is set once is left out.
    """
    for target in _targets(tree, frozenset()):
        node = target.node
        attribute = node.attr if isinstance(node, ast.Attribute) else ""
        inside = isinstance(node, ast.Attribute | ast.Subscript) and _leads_to(node, name)
        if inside and attribute not in target.guards:
            yield f"{ast.unparse(node)} = ..."
    for each in ast.walk(tree) if methods else ():
        called = each.func if isinstance(each, ast.Call) else None
        changes = isinstance(called, ast.Attribute) and called.attr in MUTATING
        if called is not None and changes and _leads_to(called, name):
            yield ast.unparse(called)


def _leads_to(node: ast.expr, name: str) -> bool:
    """Whether an expression is a part of a name's value, or of that value's class."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) == 1:
        node = node.args[0] if node.func.id == "type" else node
    return isinstance(node, ast.Name) and node.id == name


def _targets(node: ast.AST, guards: frozenset[str]) -> Iterator[_Target]:
    if isinstance(node, ast.Assign):
        used = _named(node.value)
        for target in node.targets:
            for each in _single(target):
                added = isinstance(each, ast.Name) and each.id in used
                yield _Target(each, guards, added=added)
    elif isinstance(node, ast.AugAssign):
        yield _Target(node.target, guards, added=True)
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        yield _Target(node.target, guards, added=False)
    elif isinstance(node, ast.Delete):
        yield from (_Target(each, guards, added=False) for each in node.targets)
    elif isinstance(node, ast.If):
        guards = guards | _named(node.test)
    elif isinstance(node, ast.Try):
        tried = frozenset().union(*map(_named, node.body))
        for handler in node.handlers:
            yield from _targets(handler, guards | tried)
        for statement in (*node.body, *node.orelse, *node.finalbody):
            yield from _targets(statement, guards)
        return
    for child in ast.iter_child_nodes(node):
        yield from _targets(child, guards)


def _single(target: ast.expr) -> Iterator[ast.expr]:
    if isinstance(target, ast.Tuple | ast.List):
        for each in target.elts:
            yield from _single(each)
    else:
        yield target.value if isinstance(target, ast.Starred) else target


def _named(node: ast.AST) -> frozenset[str]:
    """The names, attributes and texts in it: a condition may be ``hasattr(self, "x")``."""
    found = set()
    for each in ast.walk(node):
        if isinstance(each, ast.Name):
            found.add(each.id)
        elif isinstance(each, ast.Attribute):
            found.add(each.attr)
        elif isinstance(each, ast.Constant) and isinstance(each.value, str):
            found.add(each.value)
    return frozenset(found)
