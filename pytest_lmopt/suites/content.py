"""The content of a value, by its type: it distinguishes rows, and is the same in every process.

A ``repr`` does not identify a value: it may be shortened, hide a part, or show an address.
"""

from __future__ import annotations

import copyreg
import dataclasses
import functools
import hashlib
import json
import sys
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

from pytest_lmopt.canonical import digest
from pytest_lmopt.errors import InputError
from pytest_lmopt.suites.reading import MOST_LEVELS
from pytest_lmopt.suites.values import comparable_text

Form = Any
"""What JSON can hold. A list begins with the name of the type that it stands for."""

_Read = Callable[[Any, str, int], list[Form] | None]
_CODE = (
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
    types.ModuleType,
    type,
)
_HOOKS = ("__reduce_ex__", "__reduce__", "__getstate__", "__getnewargs__", "__getnewargs_ex__")
_KEYS = (str, int, float, types.NoneType)


def is_plain(value: object) -> bool:
    """Whether a value is what JSON holds, to its depth: its JSON is its content."""
    kind = type(value)
    if kind is dict:
        found: Any = value
        return all(type(key) is str and is_plain(item) for key, item in found.items())
    if kind is list:
        items: Any = value
        return all(map(is_plain, items))
    return value is None or kind in (str, int, float, bool)


def content_form(
    value: object, *, at: str = "a value", text: Callable[[str], str] = str.__str__
) -> Form:
    """A value's types and content as JSON can hold them; ``text`` is applied to each text.

    Raises ``InputError`` for what has no content: ``at`` is the place that it names. Raises
    ``TypeError`` for mappings whose keys JSON lacks.
    """
    return _Reader(text).form(value, at, 0)


def row_digest(inputs: dict[str, object], expected: object) -> str:
    """Identify a row by types and content; of plain JSON values that of their JSON.

    Raises ``InputError`` for an object without content, ``TypeError`` for keys that are no text.
    """
    if is_plain(inputs) and is_plain(expected):
        return digest([inputs, expected])
    forms = [content_form(inputs, at="inputs"), content_form(expected, at="expected")]
    return digest(["content", *forms])


def input_digest(inputs: dict[str, object]) -> str:
    """Identify a row's inputs, whose texts are made comparable; raises as ``row_digest``."""
    return digest(content_form(inputs, at="inputs", text=comparable_text))


class _Reader:
    """A reader of values that applies ``text`` to each text in them."""

    def __init__(self, text: Callable[[str], str]) -> None:
        self._text = text
        self._readers: tuple[_Read, ...] = (
            self._atom,
            self._scalar,
            self._array,
            self._container,
            self._record,
            self._declared,
        )

    def form(self, value: Any, at: str, level: int) -> Form:
        """The form of a value that stands ``level`` levels deep."""
        kind = type(value)
        if value is None or kind in (bool, int, float):
            return value
        if kind is str:
            return self._text(value)
        if level > MOST_LEVELS:
            raise InputError(f"{at:.200}: over {MOST_LEVELS} levels inside each other")
        if kind is dict and all(type(key) is str for key in value):
            pairs = [
                [self._text(key), self.form(item, _inside(at, key), level + 1)]
                for key, item in value.items()
            ]
            return ["dict", *(sorted(pairs, key=_written) if len(pairs) > 1 else pairs)]
        try:
            for read in self._readers:
                found = read(value, at, level + 1)
                if found is not None:
                    return [_name(kind), *found]
        except (InputError, TypeError, RecursionError):
            raise
        except Exception as error:  # a hook of the object's own
            raise InputError(f"{at}: {_name(kind)} gives no content: {error}") from error
        raise InputError(
            f"{at}: a value with content expected, found {_shown(kind)}. Make it a dataclass, or "
            "give its text"
        )

    def _scalar(self, value: Any, at: str, level: int) -> list[Form] | None:
        if isinstance(value, str):
            found: list[Form] = [self._text(str.__str__(value))]
        elif _is(value, "numpy", "generic"):
            return self._of_numpy(value, at, level)
        elif isinstance(value, int):
            found = [int(value)]
        elif isinstance(value, float):
            found = [float.__repr__(value)]
        else:
            return None
        return [*found, *self._extra(value, (), at, level)]

    def _atom(self, value: Any, at: str, level: int) -> list[Form] | None:
        if isinstance(value, Enum):
            return [self.form(value.value, at, level)]
        if isinstance(value, bytes | bytearray | memoryview):
            return [len(value), _hash(bytes(value))]
        if isinstance(value, datetime | time):
            return [value.isoformat(), value.fold, str(value.tzname())]
        if isinstance(value, date | Decimal | UUID):
            return [str(value)]
        return [value.as_posix()] if isinstance(value, PurePath) else None

    def _array(self, value: Any, at: str, level: int) -> list[Form] | None:
        if _is(value, "numpy", "MaskedArray"):
            parts = [value.filled(), sys.modules["numpy"].ma.getmaskarray(value)]
        elif _is(value, "numpy", "ndarray"):
            return self._of_numpy(value, at, level)
        elif _is(value, "PIL.Image", "Image"):
            seen = [value.mode, value.size, value.tobytes(), value.getpalette()]
            parts = [*seen, value.info.get("transparency")]
        elif _is(value, "pandas", "DataFrame"):
            columns = [value.iloc[:, number] for number in range(value.shape[1])]
            parts = [value.index, value.columns, *map(self._values, columns)]
        elif _is(value, "pandas", "Series"):
            parts = [value.index, value.name, self._values(value)]
        elif _is(value, "pandas", "Index"):
            parts = [list(value.names), str(value.dtype), value.tolist()]
        else:
            return None
        return [self.form(part, at, level) for part in parts]

    def _of_numpy(self, value: Any, at: str, level: int) -> list[Form]:
        """The bytes of an array or scalar; members that are objects or texts by their content."""
        shape = list(value.shape)
        if value.dtype.kind in "OVU":
            return [str(value.dtype), shape, self.form(value.tolist(), at, level)]
        return [value.dtype.str, shape, _hash(value.tobytes())]

    @staticmethod
    def _values(column: Any) -> list[Any]:
        """What stands in a column of a table, with its type."""
        categories = getattr(column.dtype, "categories", None)
        if type(column.dtype).__module__.startswith("numpy") and column.dtype.kind != "O":
            return [str(column.dtype), column.to_numpy()]
        listed = None if categories is None else [list(categories), column.dtype.ordered]
        return [str(column.dtype), listed, column.tolist()]

    def _container(self, value: Any, at: str, level: int) -> list[Form] | None:
        if isinstance(value, Mapping):
            given = list(value.items())
            texts = sum(isinstance(key, str) for key, _ in given)
            odd = next((key for key, _ in given if not isinstance(key, _KEYS)), None)
            if odd is not None or 0 < texts < len(given):
                raise TypeError(f"{at} has keys of other kinds than text")
            pairs = [
                [self.form(key, at, level), self.form(item, _inside(at, key), level)]
                for key, item in given
            ]
            extra = self._extra(value, (), at, level) if isinstance(value, dict) else []
            return [*sorted(pairs, key=_written), *extra]
        if isinstance(value, Set):
            return ["set", *sorted((self.form(item, at, level) for item in value), key=_written)]
        if isinstance(value, list | tuple):
            return [*self._items(value, at, level), *self._extra(value, (), at, level)]
        return None

    def _record(self, value: Any, at: str, level: int) -> list[Form] | None:
        """A dataclass, attrs class or pydantic model: each field, also those that aren't shown."""
        kind = type(value)
        if isinstance(value, _CODE):
            return None
        if dataclasses.is_dataclass(value):
            names = [field.name for field in dataclasses.fields(value)]
        elif hasattr(kind, "__attrs_attrs__"):
            names = [field.name for field in kind.__attrs_attrs__]
        elif isinstance(getattr(kind, "model_fields", None), Mapping):
            names = [*kind.model_fields]
            hidden = (getattr(value, f"__pydantic_{part}__", None) for part in ("extra", "private"))
            rest = [self.form(part, at, level) for part in hidden]
            return [self._fields(value, names, at, level), *rest]
        else:
            return None
        return [self._fields(value, names, at, level), *self._extra(value, names, at, level)]

    def _declared(self, value: Any, at: str, level: int) -> list[Form] | None:
        """Take an object apart as its class does for copies."""
        kind = type(value)
        if isinstance(value, _CODE) or hasattr(kind, "__next__"):
            return None
        reduce = copyreg.dispatch_table.get(kind)
        if reduce is None and any(_own(kind, hook) for hook in _HOOKS):
            reduce = _reduced
        if reduce is None:
            return self._items(value, at, level) if isinstance(value, Sequence) else None
        try:
            reduced: Any = reduce(value)
        except Exception:  # an open file, a lock, a connection
            return None
        if isinstance(reduced, str):
            return [reduced]
        made_by, arguments, *rest = reduced
        state, *iterators = (*rest, None, None, None)[:3]
        return [
            getattr(made_by, "__qualname__", _name(type(made_by))),
            [
                ["type", _name(each)] if isinstance(each, type) else self.form(each, at, level)
                for each in arguments
            ],
            self.form(state, at, level),
            *(self._items(each or (), at, level) for each in iterators),
        ]

    def _fields(self, value: Any, names: Iterable[str], at: str, level: int) -> Form:
        return [
            [name, self.form(getattr(value, name, None), _inside(at, name), level)]
            for name in names
        ]

    def _items(self, values: Iterable[Any], at: str, level: int) -> list[Form]:
        return [self.form(item, f"{at}[{number}]", level) for number, item in enumerate(values)]

    def _extra(self, value: Any, known: Iterable[str], at: str, level: int) -> Iterator[Form]:
        """Attributes that a class of the author's own adds, without what it only remembers."""
        names = [
            name
            for name in sorted(getattr(value, "__dict__", {}).keys() - {*known})
            if not isinstance(getattr(type(value), name, None), functools.cached_property)
        ]
        if names:
            yield ["attributes", *self._fields(value, names, at, level)]


def _reduced(value: Any) -> Any:
    return value.__reduce_ex__(4)


def _own(kind: type, hook: str) -> bool:
    """Whether a class, and not only ``object``, has this hook."""
    return getattr(kind, hook, None) is not getattr(object, hook, None)


def _is(value: object, module: str, name: str) -> bool:
    """Whether a value is of a library's class, which is not imported for that."""
    return any(
        kind.__name__ == name and f"{kind.__module__}.".startswith(f"{module}.")
        for kind in type(value).__mro__
    )


def _inside(at: str, key: object) -> str:
    named = isinstance(key, str) and key.isidentifier()
    return f"{at}.{key}" if named else f"{at}[{key!r:.40}]"


def _name(kind: type) -> str:
    """Name a class without its module: a row does not depend on how a test file was imported."""
    return kind.__qualname__


def _shown(kind: type) -> str:
    where = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    return f"an object of type {where}{kind.__qualname__}"


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _written(form: Form) -> str:
    return json.dumps(form, ensure_ascii=True)
