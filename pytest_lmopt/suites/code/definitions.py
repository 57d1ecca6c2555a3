"""Where a function or class is defined: its node, its text, the scopes around it.

Found in the parsed module rather than with ``inspect``, which cuts off definitions below a
decorator of several lines, each version of Python otherwise.
"""

from __future__ import annotations

import ast
import inspect
import linecache
import re
import types
from functools import lru_cache
from typing import Any

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
Scope = Function | ast.ClassDef
Found = tuple[Scope, tuple[Scope, ...]]
"""A definition and the functions and classes around it, outermost first."""

_LAMBDA = "<lambda>"


def module_text(member: Any) -> str:
    """The text of the module that a function or class is defined in; empty if there is none."""
    code = getattr(member, "__code__", None)
    try:
        file = code.co_filename if code is not None else inspect.getsourcefile(member)
    except (TypeError, OSError):
        return ""
    linecache.checkcache(file)
    return "".join(linecache.getlines(file)) if file else ""


def defined(member: Any) -> Found | None:
    """A member's definition; None where the module has none that it could be."""
    known = _definitions(module_text(member))
    code = getattr(member, "__code__", None)
    if isinstance(code, types.CodeType):
        found = known.get((code.co_firstlineno, code.co_name), [])
        return found[0] if len(found) == 1 else _holding(found, code)
    first = getattr(member, "__firstlineno__", None)
    name = getattr(member, "__qualname__", "").replace("<locals>.", "")
    named = [each for each in known.get((0, name), []) if first in (None, first_line(each[0]))]
    return named[-1] if named else None


def text_of(member: Any, *, decorated: bool = True) -> str:
    """A member's source in whole lines, a lambda's alone; empty where there is none."""
    found = defined(member)
    if found is None:
        try:  # changed since it was imported, or its module is no file
            return inspect.getsource(getattr(member, "__code__", member))
        except (TypeError, OSError):
            return ""
    return segment(module_text(member), found[0], decorated=decorated)


def segment(module: str, node: ast.stmt | Scope, *, decorated: bool = True) -> str:
    """Cut a node out of its module: a definition in whole lines, another node as it stands."""
    lines = _lines(module)
    if not isinstance(node, Definition):
        last = node.end_lineno or node.lineno
        # columns are counted in bytes
        end = len("".join(lines[node.lineno - 1 : last - 1]).encode()) + (node.end_col_offset or 0)
        text = "".join(lines[node.lineno - 1 : last]).encode()
        return text[node.col_offset : end].decode()
    first = first_line(node) if decorated else node.lineno
    while first < node.lineno and not lines[first - 1].lstrip().startswith("@"):
        first -= 1  # a decorator in parentheses may begin below its sign
    return "".join(lines[first - 1 : node.end_lineno])


def first_line(node: Scope) -> int:
    """The line where a definition begins, its decorators included."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(each.lineno for each in decorators)])


@lru_cache(maxsize=64)
def _lines(text: str) -> list[str]:
    """Split a module into lines as its tree counts them: a form feed does not end one."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


@lru_cache(maxsize=64)
def parsed(text: str) -> ast.Module | None:
    """A module's tree; None for what is none."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):  # typed in, or changed since
        return None


@lru_cache(maxsize=64)
def _definitions(text: str) -> dict[tuple[int, str], list[Found]]:
    """Functions by first line and name, classes by 0 and qualified name."""
    found: dict[tuple[int, str], list[Found]] = {}

    def look(node: ast.AST, around: tuple[Scope, ...]) -> None:
        for child in ast.iter_child_nodes(node):
            inside = around
            if isinstance(child, Function):
                name = _LAMBDA if isinstance(child, ast.Lambda) else child.name
                found.setdefault((first_line(child), name), []).append((child, around))
                inside = (*around, child)
            elif isinstance(child, ast.ClassDef):
                names = [getattr(each, "name", _LAMBDA) for each in (*around, child)]
                found.setdefault((0, ".".join(names)), []).append((child, around))
                inside = (*around, child)
            look(child, inside)

    tree = parsed(text)
    if tree is not None:
        look(tree, ())
    return found


def _holding(found: list[Found], code: types.CodeType) -> Found | None:
    """Of several lambdas that begin in one line the one whose body this code is of."""
    places = [(line, column) for line, _, column, end in code.co_positions() if line and end]
    for each in found:
        body = each[0].body
        if isinstance(body, ast.expr) and places:
            begin, end = (body.lineno, body.col_offset), (body.end_lineno, body.end_col_offset)
            if all(begin <= place < end for place in places[-1:]):
                return each
    return None
