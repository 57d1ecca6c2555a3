"""Whether plain data has the shape of a type: of what was read from a file, nothing is certain."""

from __future__ import annotations

import math
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import (
    Any,
    Literal,
    NotRequired,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

MOST = 10**15
"""No count or figure is larger."""


def check_shape(value: Any, hint: Any, place: str) -> None:
    """Raise ``TypeError``, naming the place, unless ``value`` is what the type ``hint`` says.

    Knows dataclasses, typed dicts, lists, tuples of one type, mappings, unions, literals and plain
    types; numbers must be finite and within ``MOST``.
    """
    if not _fits(value, hint, place):
        raise TypeError(f"{place} is {str(value)[:80]!r}")


def _fits(value: Any, hint: Any, place: str) -> bool:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):  # there are only those of one type and None
        return value is None or _fits(value, arguments[0], place)
    if origin is Literal:
        return value in arguments
    if origin is not None:
        return _items_fit(value, origin, arguments, place)
    if is_typeddict(hint) or is_dataclass(hint):
        return _fields_fit(value, hint, place)
    if hint in (int, float):
        return isinstance(value, int | hint) and math.isfinite(value) and abs(value) <= MOST
    return isinstance(value, hint)


def _items_fit(value: Any, kind: Any, arguments: tuple[Any, ...], place: str) -> bool:
    if not isinstance(value, kind):
        return False
    items = value.items() if isinstance(value, Mapping) else enumerate(value)
    hint = arguments[1] if isinstance(value, Mapping) else arguments[0]
    for key, each in items:
        if hint is not str or not isinstance(each, str):  # most are
            check_shape(each, hint, f"{place}[{str(key)[:80]!r}]")
    return True


def _fields_fit(value: Any, hint: Any, place: str) -> bool:
    if is_dataclass(hint):
        if not isinstance(value, hint):  # type: ignore[arg-type]
            return False
        found = {field.name: getattr(value, field.name) for field in fields(value)}
    elif isinstance(value, dict):
        found = value
    else:
        return False
    for name, kind in _hints(hint).items():
        optional = get_origin(kind) is NotRequired
        if name not in found:
            if optional:
                continue
            raise TypeError(f"{place} has no {name!r}")
        check_shape(found[name], get_args(kind)[0] if optional else kind, f"{place}.{name}")
    return True


@cache
def _hints(hint: Any) -> dict[str, Any]:
    return get_type_hints(hint, include_extras=True)
