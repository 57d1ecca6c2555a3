"""Code as an identity sees it: its text, what it names of its own module, what it computes itself.

Everything here is read from source, so it is the same in every process.
"""

from __future__ import annotations

import ast
import sys
import sysconfig
import types
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pytest_lmopt.suites.code.definitions import (
    Definition,
    Function,
    Scope,
    defined,
    module_text,
    parsed,
    segment,
    text_of,
)
from pytest_lmopt.suites.code.source import holds_rows

_LIBRARIES = tuple(
    Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")
)


def is_project(member: Any) -> bool:
    """Whether a function or class belongs to the user: not to Python, a package, or us."""
    module = getattr(member, "__module__", None) or ""
    if module.partition(".")[0] == "pytest_lmopt":
        return False
    code = getattr(member, "__code__", None)
    if code is None:
        found = sys.modules.get(module)
        file = getattr(found, "__file__", None)
        if file is None:  # built in, or executed from a text
            return module not in sys.builtin_module_names and module != "builtins" and not found
    else:
        file = code.co_filename
    return not file.startswith("<frozen") and not _is_library(file)


@lru_cache(maxsize=1024)
def _is_library(file: str) -> bool:
    return is_packaged(file) or any(folder in Path(file).parents for folder in _LIBRARIES)


def is_packaged(file: str) -> bool:
    """Whether a file was installed with a package other than Python itself."""
    return not {"site-packages", "dist-packages"}.isdisjoint(Path(file).parts)


def code_text(code: types.CodeType) -> str:
    """What stands for a function that has no source."""
    constants = [
        code_text(each) if isinstance(each, types.CodeType) else ascii(each)
        for each in code.co_consts
        if not isinstance(each, frozenset)
    ]
    return f"{code.co_name} {code.co_code.hex()} {code.co_names} {constants}"


def named_in_module(member: Any) -> list[str]:
    """The statements of a member's own module that its code names, and those that these name.

    An import stands for what it imports. Statements that hold rows are left out: a dataset is no
    part of a metric.
    """
    found = defined(member)
    if found is None:
        return []
    node, around = found
    computed = [each.statement for each in computed_variables(member).values()]
    local = _local_names(around)
    names = {name for each in (node, *computed) for name in _global_names(each, local)}
    return list(_slice(module_text(member), frozenset(names), text_of(member).strip()))


@dataclass(frozen=True, kw_only=True)
class Computed:
    """A variable that code computes by itself, from no parameter.

    ``alone`` says that nothing but the function it was computed for can have filled it.
    """

    statement: ast.stmt
    text: str
    alone: bool


def computed_variables(function: Any) -> dict[str, Computed]:
    """The variables a function closes over that its factory computes, by name.

    Such a variable is assigned once, from an expression that names no parameter or other variable
    of the factory.
    """
    node, around = defined(function) or (None, ())
    scopes, local = [each for each in around if _is_function(each)], _local_names(around)
    own = {id(each) for each in ast.walk(node)} if node is not None else set[int]()
    found: dict[str, Computed] = {}
    for name in getattr(getattr(function, "__code__", None), "co_freevars", ()):
        owner = next((each for each in reversed(scopes) if name in _bound_in(each)), None)
        if owner is None or isinstance(owner, ast.Lambda) or name in _parameters(owner):
            continue
        others = [each for each in ast.walk(owner) if id(each) not in own]
        mentions = [each for each in others if isinstance(each, ast.Name) and each.id == name]
        rebound = any(isinstance(each, ast.Nonlocal) and name in each.names for each in others)
        stored = [each for each in _own_nodes(owner) if _stores(each, name)]
        for statement in owner.body:
            for target, value in _assigned(statement):
                if not (isinstance(target, ast.Name) and target.id == name):
                    continue
                if len(stored) == 1 and not rebound and _computes(value, local):
                    text = segment(module_text(function), statement)
                    alone = len(mentions) == 1
                    found[name] = Computed(statement=statement, text=text, alone=alone)
    return found


def computed_defaults(function: types.FunctionType) -> frozenset[str]:
    """The parameters whose defaults are computed from no variable of an enclosing function."""
    node, around = defined(function) or (None, ())
    if not isinstance(node, Function):
        return frozenset()
    local, arguments = _local_names(around), node.args
    positional = [*arguments.posonlyargs, *arguments.args]
    pairs = [
        *zip(reversed(positional), reversed(arguments.defaults), strict=False),
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ]
    return frozenset(
        argument.arg
        for argument, default in pairs
        if default is not None and _computes(default, local)
    )


def computed_attributes(kind: type) -> dict[str, bool]:
    """The attributes that a class's own constructor computes from none of its parameters.

    With whether that is the only place where the constructor names them.
    """
    found: dict[str, bool] = {}
    for name in ("__init__", "__post_init__"):
        constructor = getattr(kind, name, None)
        if not isinstance(constructor, types.FunctionType) or not is_project(constructor):
            continue
        node = (defined(constructor) or (None, ()))[0]
        if not isinstance(node, ast.FunctionDef) or not node.args.args:
            continue
        itself, local = node.args.args[0].arg, frozenset(_bound_in(node))
        named = [
            each
            for each in ast.walk(node)
            if isinstance(each, ast.Attribute)
            and isinstance(each.value, ast.Name)
            and each.value.id == itself
        ]
        set_here = [each.attr for each in named if not isinstance(each.ctx, ast.Load)]
        for statement in node.body:
            for target, value in _assigned(statement):
                if (
                    isinstance(target, ast.Attribute)
                    and set_here.count(target.attr) == 1
                    and _computes(value, local)
                ):
                    found[target.attr] = [each.attr for each in named].count(target.attr) == 1
    return found


def _local_names(around: tuple[Scope, ...]) -> frozenset[str]:
    """The names that the functions around a definition bind."""
    return frozenset[str]().union(*(_bound_in(each) for each in around if _is_function(each)))


def _computes(value: ast.expr, local: frozenset[str]) -> bool:
    """Whether an expression makes a value of its own, from none of these names."""
    makes = (ast.Call, ast.Subscript, ast.Await, ast.JoinedStr, ast.List, ast.Set, ast.Dict)
    nodes = list(ast.walk(value))
    names = {each.id for each in nodes if isinstance(each, ast.Name)}
    return any(isinstance(each, makes) for each in nodes) and not names & local


def _assigned(statement: ast.stmt) -> Iterator[tuple[ast.expr, ast.expr]]:
    """What a statement assigns: each target with its value."""
    if isinstance(statement, ast.AnnAssign) and statement.value is not None:
        yield statement.target, statement.value
    if isinstance(statement, ast.Assign):
        value, several = statement.value, (ast.Tuple, ast.List)
        for target in statement.targets:
            if isinstance(target, several) and isinstance(value, several):
                yield from zip(target.elts, value.elts, strict=False)
            else:
                yield target, value


def _is_function(scope: Scope) -> bool:
    return not isinstance(scope, ast.ClassDef)


def _global_names(node: ast.AST, local: frozenset[str]) -> Iterator[str]:
    """The names that code takes from its module, annotations aside."""
    inside: list[ast.AST] = []
    if isinstance(node, ast.Name):
        if isinstance(node.ctx, ast.Load) and node.id not in local:
            yield node.id
    elif isinstance(node, Function):
        arguments = node.args
        outside = [
            *getattr(node, "decorator_list", ()),
            *arguments.defaults,
            *arguments.kw_defaults,
        ]
        for each in outside:
            if each is not None:
                yield from _global_names(each, local)
        local |= _bound_in(node)
        inside = list(node.body) if isinstance(node.body, list) else [node.body]
    elif isinstance(node, ast.AnnAssign):
        inside = [node.target, *([node.value] if node.value is not None else [])]
    else:
        if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            for generator in node.generators:
                local |= _mentioned(generator.target)
        inside = list(ast.iter_child_nodes(node))
    for each in inside:
        yield from _global_names(each, local)


@lru_cache(maxsize=256)
def _slice(module: str, names: frozenset[str], own: str) -> tuple[str, ...]:
    table = _statements(module)
    todo, seen, found = sorted(names), set(names), {}
    while todo:
        name = todo.pop()
        for place, (text, statement) in table.get(name, {}).items():
            if place in found or text.strip() == own:
                continue
            found[place] = text
            if isinstance(statement, ast.Import | ast.ImportFrom):
                continue
            new = set(_global_names(statement, frozenset())) - seen
            seen |= new
            todo += sorted(new)
    return tuple(found[place] for place in sorted(found))


@lru_cache(maxsize=64)
def _statements(module: str) -> dict[str, dict[tuple[int, str], tuple[str, ast.stmt]]]:
    """The statements of a module that bind or fill a name, by name and place."""
    table: dict[str, dict[tuple[int, str], tuple[str, ast.stmt]]] = {}
    tree = parsed(module)
    for statement in _simple(tree.body if tree else []):
        if isinstance(statement, ast.Import | ast.ImportFrom):
            for alias in statement.names:
                name = alias.asname or alias.name.partition(".")[0]
                text = ast.unparse(_alone(statement, alias))
                table.setdefault(name, {})[statement.lineno, text] = (text, statement)
            continue
        if holds_rows(statement):
            continue
        text = segment(module, statement)
        for name in _filled(statement):
            table.setdefault(name, {})[statement.lineno, text] = (text, statement)
    return table


def _alone(statement: ast.Import | ast.ImportFrom, alias: ast.alias) -> ast.stmt:
    if isinstance(statement, ast.Import):
        return ast.Import(names=[alias])
    return ast.ImportFrom(module=statement.module, names=[alias], level=statement.level)


def _simple(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """A module's statements, those under a condition or ``try`` by themselves."""
    for statement in body:
        if isinstance(statement, ast.If | ast.Try | ast.TryStar):
            yield from _simple(statement.body)
            for handler in getattr(statement, "handlers", ()):
                yield from _simple(handler.body)
            yield from _simple(statement.orelse)
            yield from _simple(getattr(statement, "finalbody", []))
        else:
            yield statement


def _filled(statement: ast.stmt) -> set[str]:
    """The names that a statement binds, or whose objects it fills."""
    if isinstance(statement, Definition):
        return {statement.name}
    found = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store):
            found |= _base(node)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            found |= _base(node.value.func)
    return found


def _base(node: ast.AST) -> set[str]:
    """The name that an attribute or element is reached from."""
    reached = node
    while isinstance(reached, ast.Attribute | ast.Subscript):
        reached = reached.value
    return {reached.id} if isinstance(reached, ast.Name) and reached is not node else set()


def _own_nodes(scope: Scope) -> Iterator[ast.AST]:
    """The nodes of a function's body, without those of functions and classes inside it."""
    body = [scope.body] if isinstance(scope, ast.Lambda) else scope.body
    todo: list[ast.AST] = list(body)
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, Function | ast.ClassDef):
            todo += ast.iter_child_nodes(node)


def _parameters(scope: Scope) -> set[str]:
    if isinstance(scope, ast.ClassDef):
        return set()
    arguments = scope.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    starred = [each for each in (arguments.vararg, arguments.kwarg) if each is not None]
    return {each.arg for each in [*named, *starred]}


def _bound_in(scope: Scope) -> set[str]:
    """The names a scope binds: parameters and whatever its own statements store."""
    found, rebound = _parameters(scope), set[str]()
    for node in _own_nodes(scope):
        if isinstance(node, Definition):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {each.asname or each.name.partition(".")[0] for each in node.names}
        elif isinstance(node, ast.Global):
            rebound |= set(node.names)
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            found.add(node.name)
    return found - rebound


def _stores(node: ast.AST, name: str) -> bool:
    if isinstance(node, Definition):
        return node.name == name
    return isinstance(node, ast.Name) and node.id == name and not isinstance(node.ctx, ast.Load)


def _mentioned(node: ast.AST | None) -> set[str]:
    names = ast.walk(node) if node is not None else ()
    return {each.id for each in names if isinstance(each, ast.Name)}
