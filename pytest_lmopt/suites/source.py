"""A pipeline's code: the function and what it calls within its project."""

from __future__ import annotations

import inspect
import sys
import types
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

MOST_CHARACTERS = 8_000
"""More would crowd out what a proposer needs to see besides."""


def pipeline_source(function: Callable[..., Any], root: Path) -> str:
    """Source of ``function``, then of the functions and classes it names that lie under ``root``.

    Nearest first, as far as ``MOST_CHARACTERS`` reach; empty where there is no source.
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
            text = inspect.cleandoc("\n" + inspect.getsource(member))
        except (OSError, TypeError):
            continue
        if not _is_ours(path, root) or len(text) > left:
            continue
        found[text] = None
        left -= len(text)
        todo.extend(_named_in(member))
    return "\n\n".join(found)


def _is_ours(path: Path, root: Path) -> bool:
    installed = Path(sys.prefix) in path.parents or "site-packages" in path.parts
    return root in path.parents and not installed


def _named_in(member: Any) -> Iterator[Any]:
    """The functions and classes a function's code names, through modules too."""
    codes = [member.__code__] if isinstance(member, types.FunctionType) else []
    space: dict[str, Any] = getattr(member, "__globals__", {})
    if inspect.isclass(member):
        functions = [each for each in vars(member).values() if inspect.isfunction(each)]
        codes = [function.__code__ for function in functions]
        space = vars(sys.modules.get(member.__module__, types.ModuleType("")))
    for code in codes:
        names = code.co_names
        for name in names:
            value = space.get(name)
            if inspect.ismodule(value):
                yield from (getattr(value, each, None) for each in names)
            elif value is not None:
                yield value
