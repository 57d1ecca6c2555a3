"""A pipeline's code: the function and what it calls within its project, without its dataset."""

from __future__ import annotations

import ast
import inspect
import sys
import types
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

from pytest_lmopt.suites.code.definitions import text_of
from pytest_lmopt.suites.places import name_below

MOST_CHARACTERS = 8_000
"""More would crowd out what a proposer needs to see besides."""


def pipeline_source(function: Callable[..., Any], root: Path) -> str:
    """Source of ``function``, then of the functions and classes it names that lie under ``root``.

    Nearest first, as far as ``MOST_CHARACTERS`` reach; empty where there is no source. Without
    decorators, and with ``...`` for statements that hold rows: those are holdout's, too.
    """
    found: dict[str, None] = {}
    left = MOST_CHARACTERS
    todo: deque[Any] = deque([inspect.unwrap(function)])
    seen: set[int] = set()
    while todo:
        member = todo.popleft()
        if id(member) in seen:
            continue
        seen.add(id(member))
        try:
            path = Path(inspect.getsourcefile(member) or "")
            text = _without_rows(_source(member))
        except (OSError, TypeError):
            continue
        if not is_ours(path, root) or len(text) > left:
            continue
        if text:
            found[text] = None
        left -= len(text)
        todo.extend(_named_in(member))
    return "\n\n".join(found)


def _source(member: Any) -> str:
    """The lines of a definition, without its own decorators; of a lambda the lines it is in."""
    member = inspect.unwrap(member)
    if getattr(member, "__name__", "") == "<lambda>":
        return inspect.getsource(member)
    text = text_of(member, decorated=False)
    return text if text[:1].isspace() else text.rstrip("\n")


def holds_rows(statement: ast.stmt) -> bool:
    """Whether a statement, other than a function or class, holds examples."""
    definition = isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    return not definition and any(map(_is_row, ast.walk(statement)))


def is_ours(path: Path, root: Path) -> bool:
    """Whether a file belongs to the project under ``root``, rather than to what is installed."""
    installed = name_below(path, Path(sys.prefix)) is not None or "site-packages" in path.parts
    return name_below(path, root) is not None and not installed


def _without_rows(source: str) -> str:
    """A member's source without decorators and rows; empty where they can't be separated."""
    # what is indented parses only as a part of something else
    outer = ["if True:"] if source[:1].isspace() else []
    lines = outer + source.split("\n")
    try:
        tree = ast.parse("\n".join(lines))
    except SyntaxError:  # the line of a lambda within a call
        return ""
    for begin, last, instead in sorted(_cuts(tree), reverse=True):
        first = begin
        while not instead and not lines[first].lstrip().startswith("@"):
            first -= 1  # one in parentheses may begin below its sign
        indent = lines[first][: len(lines[first]) - len(lines[first].lstrip())]
        lines[first:last] = [indent + instead] if instead else []
    return inspect.cleandoc("\n" + "\n".join(lines[len(outer) :]))


def _cuts(node: ast.AST) -> Iterator[tuple[int, int, str]]:
    """Lines to cut, from and up to, and what to put in their place: nothing for decorators."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if child.decorator_list:
                yield child.decorator_list[0].lineno - 1, child.lineno - 1, ""
            child.decorator_list = []
        if isinstance(child, ast.stmt) and any(map(_is_row, _own(child))):
            yield child.lineno - 1, child.end_lineno or child.lineno, "..."
        else:
            yield from _cuts(child)


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """What a statement consists of, other statements aside."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.stmt):
            yield child
            yield from _own(child)


def _is_row(node: ast.AST) -> bool:
    """Whether a node is an example with its expected answer, as a mapping or an object."""
    names: set[object] = set()
    if isinstance(node, ast.Dict):
        names = {key.value for key in node.keys if isinstance(key, ast.Constant)}
    elif isinstance(node, ast.Call):
        names = {keyword.arg for keyword in node.keywords}
    return {"inputs", "expected"} <= names


def _named_in(member: Any) -> Iterator[Any]:
    """The functions and classes a function's code names, through modules too."""
    codes = [member.__code__] if isinstance(member, types.FunctionType) else []
    space: dict[str, Any] = getattr(member, "__globals__", {})
    if inspect.isclass(member):
        functions = [each for each in vars(member).values() if inspect.isfunction(each)]
        codes = [function.__code__ for function in functions]
        space = vars(sys.modules.get(member.__module__, types.ModuleType("")))
    for code in codes:
        yield from through_modules([space.get(name) for name in code.co_names], code.co_names)


def through_modules(values: Iterable[Any], names: Collection[str]) -> Iterator[Any]:
    """Yield the values; in place of a module, whose code is more than is used of it, its ``names``.

    Nothing is run: a name that a module makes when it is asked for is not found.
    """
    found = list(values)
    walked: set[int] = set()
    for value in found:  # grows
        if not inspect.ismodule(value):
            yield value
        elif id(value) not in walked:
            walked.add(id(value))
            found += [vars(value)[name] for name in names if name in vars(value)]
