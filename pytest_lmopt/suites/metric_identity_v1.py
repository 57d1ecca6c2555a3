"""The identity of a metric in snapshots of format 1, kept to read them; nothing else uses it.

It rests on ``repr`` and on what a metric has collected, so ``metric_identity`` replaces it.
"""

from __future__ import annotations

import ast
import functools
import inspect
import linecache
import types
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

ADDRESS = " at 0x"
"""In the ``repr`` of an object that shows only where it is, which differs in every process."""


def metric_identity_v1(metric: object) -> str:
    """Write a metric as a text that is the same in every process.

    A function's own source, with its defaults and what it closes over; the parts of a partial, a
    bound method or an object; else the ``repr``.
    """
    return "\n".join(_parts(metric, frozenset()))


def _parts(value: object, within: frozenset[int]) -> Iterator[str]:
    if id(value) in within:
        return
    own, inside = _taken_apart(value)
    yield own
    texts = ["\n".join(_parts(each, within | {id(value)})) for each in inside]
    yield from sorted(texts) if isinstance(value, set | frozenset) else texts


def _taken_apart(value: object) -> tuple[str, Iterable[object]]:
    """Split a value into its own text and the values that it holds."""
    if isinstance(value, functools.partial):
        return "partial", (value.func, *value.args, value.keywords)
    if isinstance(value, types.MethodType):
        return "method", (value.__func__, value.__self__)
    if isinstance(value, types.FunctionType):
        defaults = (*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values())
        return _source(value), (*defaults, *_closed_over(value))
    if isinstance(value, set | frozenset | list | tuple | Mapping):
        inside = chain(*value.items()) if isinstance(value, Mapping) else value
        return type(value).__name__, inside
    if ADDRESS in repr(value):
        return _source(type(value)), [getattr(value, "__dict__", {})]
    return repr(value), ()


def _source(member: Any) -> str:
    """Source of a function or class; of a lambda nothing but itself."""
    try:
        if getattr(member, "__name__", "") == "<lambda>":
            return _lambdas(member.__code__) or inspect.getsource(member)
        return inspect.getsource(member)
    except (TypeError, OSError):
        return f"{member.__module__}.{member.__qualname__}"


def _lambdas(code: types.CodeType) -> str:
    """The lambdas that begin in the line where this one does: mostly one."""
    source = "".join(linecache.getlines(code.co_filename))
    try:
        nodes = ast.walk(ast.parse(source))
    except SyntaxError:  # typed in, or changed since
        return ""
    found = [
        ast.get_source_segment(source, node) or ""
        for node in nodes
        if isinstance(node, ast.Lambda) and node.lineno == code.co_firstlineno
    ]
    return "\n".join(found)


def _closed_over(function: types.FunctionType) -> Iterator[object]:
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # not bound yet
            continue
