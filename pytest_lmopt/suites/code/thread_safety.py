"""Code that changes what a whole process shares: other examples of its suite would see it, too.

Found by reading the pipeline and what it calls in its project. Names are looked up in the modules
the code is in, so another name for the same thing makes no difference.
"""

from __future__ import annotations

import ast
import functools
import inspect
import sys
import types
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from pytest_lmopt.suites.code.assignments import assigned_globals
from pytest_lmopt.suites.code.definitions import defined
from pytest_lmopt.suites.code.source import is_ours, through_modules

MOST_MEMBERS = 500
"""Functions that are read; what a pipeline does itself is near."""

FOLDER = ("os.chdir", "os.fchdir", "contextlib.chdir")
"""The current folder: also unsafe where a fixture changes it once, for files lie side by side."""
USES = (
    *FOLDER,
    *("os.putenv", "os.unsetenv", "os.umask", "time.tzset", "locale.setlocale"),
    *(f"os.environ{each}.{verb}" for each in ("", "b") for verb in ("clear", "pop", "popitem")),
    *(f"os.environ{each}.{verb}" for each in ("", "b") for verb in ("setdefault", "update")),
    *("contextlib.redirect_stdout", "contextlib.redirect_stderr"),
    *("random.seed", "random.setstate", "numpy.random.seed", "torch.manual_seed"),
    *("warnings.catch_warnings", "warnings.simplefilter", "warnings.filterwarnings"),
    *("warnings.resetwarnings", "pytest.warns", "pytest.deprecated_call", "pytest.MonkeyPatch"),
    *("logging.disable", "importlib.reload", "socket.setdefaulttimeout"),
    *("click.testing.CliRunner", "typer.testing.CliRunner", "cProfile.*", "tracemalloc.start"),
    *("pandas.set_option", "pandas.option_context", "matplotlib.pyplot.*"),
    *("unittest.mock.patch", "unittest.mock.patch.*", "mock.patch", "mock.patch.*"),
    *("freezegun.freeze_time", "time_machine.travel", "responses.*", "respx.*", "httpretty.*"),
    *("requests_mock.*", "aioresponses.*", "pook.*", "vcr.*", "moto.*", "pyfakefs.*"),
)
"""What is unsafe to use while other examples run, as patterns."""
VARIABLES: tuple[str, ...] = (
    *("os.environ", "os.environb", "sys.stdin", "sys.stdout", "sys.stderr"),
    *("sys.argv", "sys.modules", "sys.path"),
)
"""What is unsafe to assign to, to change an item of, or to delete."""
METHODS = ("addHandler", "assertLogs", "assertNoLogs", "assertWarns", "getfixturevalue")
"""What is unsafe to call, whatever it is a method of."""
PATCHING: tuple[str, ...] = (
    *("unittest.mock", "mock", "freezegun", "time_machine", "responses", "respx", "requests_mock"),
    *("httpretty", "aioresponses", "pook", "vcr", "moto", "pyfakefs"),
)
"""Packages whose decorators patch while the function runs."""


def unsafe_uses(
    roots: Iterable[Any], root: Path, *, patterns: tuple[str, ...] = USES
) -> tuple[str, ...]:
    """What ``roots``, and the project's functions and classes they name, use that is unsafe.

    Each as ``NAME in FUNCTION``; ``root`` is the project's folder. Empty where nothing is found,
    which does not prove that all is safe.
    """
    found: dict[str, None] = {}
    todo: deque[tuple[Any, frozenset[str]]] = deque((each, frozenset()) for each in roots)
    seen: set[int] = set()
    while todo and len(seen) < MOST_MEMBERS:
        member, names = todo.popleft()
        for function, owner in _functions(member, names, root):
            if id(function) in seen:
                continue
            seen.add(id(function))
            package = _patching_package(function)
            if package and patterns is USES:
                found[f"{package}, which decorates {_name(function)}"] = None
            if not _is_readable(function, root):
                continue
            reading = _Reading(function)
            found |= dict.fromkeys(f"{use} in {_name(function)}" for use in reading.uses(patterns))
            todo.extend((each, reading.names) for each in (owner, *reading.members()))
    return tuple(found)


_Found = tuple[types.FunctionType, type | None]


def _functions(
    member: Any, names: frozenset[str], root: Path, owner: type | None = None
) -> Iterator[_Found]:
    """The functions behind what a pipeline may call, each with its class.

    Of a class of the project those in ``names``, and those that Python calls by itself.
    """
    while member is not None:
        if isinstance(member, types.FunctionType):
            yield member, owner
            member = getattr(member, "__wrapped__", None)
        elif inspect.isclass(member):
            yield from _methods(member, names, root)
            return
        elif isinstance(member, types.MethodType):
            owner = member.__self__ if inspect.isclass(member.__self__) else type(member.__self__)
            member = member.__func__
        elif isinstance(member, tuple(_INSIDE)):
            kind = next(kind for kind in _INSIDE if isinstance(member, kind))
            member = getattr(member, _INSIDE[kind])
        elif hasattr(type(member), "__wrapped__"):  # wrapt's decorators are no functions
            yield from _functions(getattr(member, "_self_wrapper", None), names, root)
            member = member.__wrapped__
        elif inspect.ismodule(member) or not _is_readable(type(member), root):
            return
        else:
            member = type(member)


_INSIDE: dict[type, str] = {
    functools.partial: "func",
    staticmethod: "__func__",
    classmethod: "__func__",
    property: "fget",
}
"""Where the function is that these stand for."""


def _methods(kind: type, names: frozenset[str], root: Path) -> Iterator[_Found]:
    if not _is_readable(kind, root):
        return
    for base in kind.__mro__:
        for name, each in vars(base).items():
            special = name.startswith("__") and name.endswith("__")
            if (special or name in names) and not inspect.isclass(each):
                yield from _functions(each, names, root, kind)


def _is_readable(member: Any, root: Path) -> bool:
    try:
        return is_ours(Path(inspect.getsourcefile(member) or ""), root)
    except (OSError, TypeError):
        return False


def _patching_package(function: types.FunctionType) -> str:
    """The package whose decorator this is, if it patches."""
    module = str(function.__globals__.get("__name__", ""))
    wraps = hasattr(function, "__wrapped__") or hasattr(function, "patchings")
    return next((each for each in PATCHING if wraps and f"{module}.".startswith(f"{each}.")), "")


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__qualname__", repr(function)).replace(".<locals>", "")


def source_tree(function: Callable[..., Any]) -> ast.AST:
    """A function's definition; an empty module where it can't be found."""
    found = defined(inspect.unwrap(function))
    return ast.Module(body=[], type_ignores=[]) if found is None else found[0]


class _Reading:
    """One function, read."""

    def __init__(self, function: types.FunctionType) -> None:
        self._tree = node = source_tree(function)
        # decorators are called once, when the function is defined
        outside: list[ast.expr] = getattr(node, "decorator_list", [])
        inside = ast.iter_child_nodes(node)
        self._nodes = [each for child in inside if child not in outside for each in ast.walk(child)]
        self._space = dict(function.__globals__)
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        for name, cell in cells:
            try:
                self._space[name] = cell.cell_contents
            except ValueError:  # it is not bound yet
                continue
        self._imported = dict(_imports(self._nodes))
        self._local = {
            name
            for code in _codes(function.__code__)
            for name in (*code.co_varnames, *code.co_cellvars)
        } - self._imported.keys()
        self._decorators = [
            self._value(each.func if isinstance(each, ast.Call) else each) for each in outside
        ]
        self.names = frozenset(
            name
            for code in _codes(function.__code__)
            for name in (*code.co_names, *code.co_freevars)
        )

    def uses(self, patterns: tuple[str, ...]) -> Iterator[str]:
        """What it uses, or changes, that is unsafe."""
        for node in self._nodes:
            if isinstance(node, ast.Attribute | ast.Name):
                for path in self._paths(node):
                    if isinstance(node.ctx, ast.Load) and _matches(path, patterns):
                        yield path
                        break
            if patterns is USES:
                yield from self._changes(node)
                if isinstance(node, ast.Attribute) and node.attr in METHODS:
                    yield node.attr
        if patterns is USES:
            yield from (f"global {name} = ..." for name in assigned_globals(self._tree))

    def members(self) -> Iterator[Any]:
        """Yield what it names: functions, classes, objects, through modules too."""
        names = sorted(self.names)  # every worker is to say the same
        found = [self._space[name] for name in names if name in self._space]
        found += [_loaded(module, name) for module, name in self._imported.values()]
        yield from through_modules([*found, *self._decorators], names)

    def _changes(self, node: ast.AST) -> Iterator[str]:
        """Variables of the process, or of another module, that are set or deleted here."""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
            patched = self._value(node.args[0])
            if node.func.id in ("setattr", "delattr") and _is_shared(patched):
                yield f"{node.func.id} of {patched.__name__}"
        elif isinstance(node, ast.Attribute | ast.Subscript):
            if isinstance(node.ctx, ast.Load):
                return
            paths = list(self._paths(node if isinstance(node, ast.Attribute) else node.value))
            if any(path in VARIABLES for path in paths):
                yield next(path for path in paths if path in VARIABLES)
            elif isinstance(node, ast.Attribute) and _is_shared(self._value(node.value)):
                yield f"{paths[-1]} = ..."

    def _paths(self, node: ast.AST) -> Iterator[str]:
        """The dotted names by which an expression may be known, the one in full first."""
        parts: list[str] = []
        at = node
        while isinstance(at, ast.Attribute):
            parts.insert(0, at.attr)
            at = at.value
        if not isinstance(at, ast.Name):
            return
        if at.id in self._imported:
            module, name = self._imported[at.id]
            yield ".".join(filter(None, (module, name, *parts)))
            base: Any = _loaded(module, name)
        elif at.id in self._space and at.id not in self._local:
            base = self._space[at.id]
        else:
            return
        # what stands for the whole, then for its beginnings: patch.object is an attribute of patch
        for end in range(len(parts), -1, -1):
            value = _attribute(base, parts[:end])
            for known in _known_as(value):
                yield ".".join((known, *parts[end:]))

    def _value(self, node: ast.AST) -> Any:
        if isinstance(node, ast.Name) and node.id in self._imported:
            return _loaded(*self._imported[node.id])
        if isinstance(node, ast.Name) and node.id not in self._local:
            return self._space.get(node.id)
        if isinstance(node, ast.Attribute):
            return _attribute(self._value(node.value), [node.attr])
        return None


def _is_shared(value: Any) -> bool:
    """Whether it is there once a process: setting an attribute of it is a patch by hand."""
    return inspect.ismodule(value) or inspect.isclass(value)


def _imports(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, tuple[str, str]]]:
    """Names that a function imports by itself, each with its module and the name there."""
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                whole = alias.name if alias.asname else alias.name.partition(".")[0]
                yield alias.asname or whole, (whole, "")
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                yield alias.asname or alias.name, (node.module, alias.name)


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _loaded(module: str, name: str) -> Any:
    found = sys.modules.get(module)
    return found if not name else _attribute(found, [name]) or sys.modules.get(f"{module}.{name}")


def _attribute(value: Any, names: list[str]) -> Any:
    """Find the value of an expression without running any code; None if that takes some."""
    for name in names:
        if not (inspect.ismodule(value) or inspect.isclass(value)):
            return None
        value = vars(value).get(name)
    return value


def _known_as(value: Any) -> Iterator[str]:
    """The names in full by which the tables may know a value."""
    if inspect.ismodule(value):
        yield value.__name__
        return
    for path in _NAMED:
        module, _, name = path.rpartition(".")
        loaded = sys.modules.get(module)
        if value is not None and loaded is not None and getattr(loaded, name, None) is value:
            yield path
    own = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if all(isinstance(each, str) for each in own):
        yield ".".join(map(str, own))


def _matches(path: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in patterns)


_NAMED = tuple(each for each in (*USES, *VARIABLES) if "*" not in each)
