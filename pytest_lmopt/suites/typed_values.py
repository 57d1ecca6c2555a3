"""Typed values without their libraries: the fields of an object, and any value as plain JSON.

Models of pydantic (1 and 2), dataclasses, classes of attrs and msgspec, named tuples, mappings and
plain objects are known by what they carry, so none of these libraries is imported.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from enum import Enum
from numbers import Number
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

DEPTH = 6
"""Levels of objects inside objects that are looked into."""

_BARE = (str, bytes, bytearray, Number, Enum, AbstractSet, type, ModuleType)
_FUNCTIONS = (FunctionType, MethodType, BuiltinFunctionType)


def fields_of(value: Any) -> dict[str, Any] | None:
    """The fields of a value by name, aliases after names; None for a value without fields."""
    if isinstance(value, Mapping):
        return {name: item for name, item in value.items() if isinstance(name, str)}
    if value is None or isinstance(value, _BARE):
        return None
    if isinstance(value, Sequence) and not hasattr(value, "_fields"):
        return None
    found: dict[str, Any] = {}
    aliases: dict[str, Any] = {}
    for name, alias in _names(value):
        try:
            item = getattr(value, name)
        except Exception:  # a slot never set, a property that fails
            continue
        if isinstance(item, _FUNCTIONS):
            continue
        found[name] = item
        aliases[alias] = item
    return {**found, **{name: item for name, item in aliases.items() if name not in found}} or None


def items_of(value: Any) -> list[Any] | None:
    """The items of a list, tuple or set; None for what is not one, or has fields."""
    if isinstance(value, AbstractSet):
        return list(value)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray):
        return None if hasattr(value, "_fields") else list(value)
    return None


def only_item(value: Any) -> tuple[Any, ...]:
    """What a list of one or an object with one field holds; empty for other values."""
    items = items_of(value)
    if items is None:
        items = list((own_fields(value) or {}).values())
    return (items[0],) if len(items) == 1 else ()


def plain(value: Any, depth: int = DEPTH) -> Any:
    """A value as JSON holds it: objects as mappings, members of enumerations by their value.

    What JSON lacks is its text, in ISO 8601 where it is a date or time.
    """
    if isinstance(value, Enum):
        return plain(value.value, depth)
    if depth and (fields := own_fields(value)) is not None:
        return {name: plain(item, depth - 1) for name, item in fields.items()}
    if depth and (items := items_of(value)) is not None:
        return [plain(item, depth - 1) for item in items]
    if isinstance(value, Number) and not isinstance(value, bool):
        return _number(value)
    if value is None or isinstance(value, bool | str):
        return value
    written = getattr(value, "isoformat", None)
    return written() if callable(written) else str(value)


def _number(value: Any) -> int | float | str:
    """A number of any library as JSON holds it; its text where that would not be equal."""
    kind = int if hasattr(value, "__index__") else float
    try:
        number = kind(value)
    except (TypeError, ValueError, OverflowError):
        return str(value)
    finite = isinstance(number, int) or math.isfinite(number)
    return number if finite and number == value else str(value)


def own_fields(value: Any) -> dict[str, Any] | None:
    """The fields of a value by name, without aliases."""
    fields = fields_of(value)
    if fields is None or isinstance(value, Mapping):
        return fields
    names = dict(_names(value))
    return {
        alias if name.startswith("_") else name: fields[name]
        for name, alias in names.items()
        if name in fields
    }


def _names(value: Any) -> Iterator[tuple[str, str]]:
    """Names of a value's attributes, each with its alias: that of its model, or without a _."""
    kind = type(value)
    if isinstance(model := getattr(kind, "model_fields", None), Mapping) or (
        isinstance(model := getattr(kind, "__fields__", None), Mapping)
    ):
        for name, info in model.items():
            yield name, getattr(info, "alias", None) or name
        for name in getattr(value, "model_extra", None) or ():
            yield name, name
        return
    declared = getattr(kind, "__attrs_attrs__", None)
    if declared is not None:
        names = [attribute.name for attribute in declared]
    else:
        stated = ("__dataclass_fields__", "_fields", "__struct_fields__")
        found = next((each for name in stated if (each := getattr(kind, name, None))), None)
        names = list(found if found is not None else _held(value))
    for name in names:
        yield name, name.lstrip("_") or name


def _held(value: Any) -> Iterator[str]:
    """What a plain object holds, in slots and out of them."""
    for kind in reversed(type(value).__mro__):
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if not name.startswith("__"):
                yield name
    yield from (name for name in getattr(value, "__dict__", ()) if not name.startswith("__"))
