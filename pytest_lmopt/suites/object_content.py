"""The content of any Python object, code included, as a text that is the same in every process.

Values count by themselves, functions and classes by their code, other objects by their class and
their state. No ``repr`` counts: it shortens, hides and names addresses. What has no content either
counts by its class, as locks and clients do, or is refused.
"""

from __future__ import annotations

import copy
import copyreg
import dataclasses
import functools
import hashlib
import inspect
import json
import os
import random
import sys
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from datetime import date, time, timedelta, tzinfo
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import Path, PurePath
from typing import Any
from uuid import UUID

from pytest_lmopt.suites.code import program
from pytest_lmopt.suites.code.definitions import text_of
from pytest_lmopt.suites.places import name_below

GIVEN = "lmopt_identity"
"""The attribute by which an object says itself what it counts by: a text."""

_LONG = 64
"""Bytes from which on their digest stands for them."""

_FIXED = (
    *(int, float, complex, str, bytes, bool, type(None), Decimal, Fraction, UUID),
    *(date, time, timedelta, tzinfo, PurePath, Enum),
)
"""Types whose values can't be filled later on."""

_BUILT_IN = (types.BuiltinFunctionType, types.WrapperDescriptorType, types.MethodDescriptorType)

Node = str | Sequence["Node"]


class ContentError(ValueError):
    """A part has no content; ``part`` says which, ``kind`` of what class, ``why`` if more is known.

    The message is a clause to be put after the name of the whole.
    """

    def __init__(self, part: str, kind: type, why: str = "has no content to be identified by"):
        self.part, self.kind = part, kind
        super().__init__(f"{part or 'the object'} ({name_of(kind)}) {why}")


class _LiveError(Exception):
    """An installed class's object holds something that is only alive in this process."""


def content(value: object, *, root: Path | None = None) -> str:
    """Canonical text of a value's content; paths under ``root`` count from there.

    Raises ``ContentError``.
    """
    try:
        node = _Walk(root or Path.cwd()).node(value, "")
        return json.dumps(node, separators=(",", ":"))
    except RecursionError:
        raise ContentError("", type(value), "is nested too deeply to be identified") from None


def name_of(member: Any) -> str:
    """Module and qualified name."""
    module = getattr(member, "__module__", None) or ""
    name = str(getattr(member, "__qualname__", None) or getattr(member, "__name__", ""))
    return name if module in ("", "builtins") else f"{module}.{name}"


class _Walk:
    """One pass over an object: what was met before counts by its number."""

    def __init__(self, root: Path) -> None:
        self.root, self.roots = root, {str(root), str(root.resolve())}
        self.met: dict[int, int] = {}
        self.kept: list[object] = []  # a number stands for an object only as long as that exists
        self.within: frozenset[int] = frozenset()
        self.installed = 0

    def node(self, value: Any, part: str) -> Node:
        """The content of a value; ``part`` says where it is, for messages."""
        plain = self._plain(value)
        if plain is not None:
            return plain
        if isinstance(value, Mapping | Sequence | Set) and self._is_container(value):
            with self._entered(value) as again:
                return ["within"] if again else self._container(value, part)
        number = self.met.get(id(value))
        if number is not None:
            return ["again", str(number)]
        self.met[id(value)] = len(self.kept)
        self.kept.append(value)
        return self._member(value, part)

    def _plain(self, value: Any) -> Node | None:
        kind = type(value)
        node: Node | None = None
        if value is None or value is Ellipsis or value is NotImplemented or kind is bool:
            node = str(value)
        elif isinstance(value, Enum):
            node = ["enum", kind.__qualname__, value.name]
        elif isinstance(value, int):
            node = ["int", format(int(value), "x")]
        elif isinstance(value, float):
            node = ["float", float.__repr__(value)]
        elif kind is complex:
            node = ["complex", complex.__repr__(value)]
        elif isinstance(value, str):
            node = ["text", self._below(value) if kind is str else str.__str__(value)]
        elif isinstance(value, PurePath):
            below = name_below(Path(value), self.root) if value.is_absolute() else None
            node = ["path", str(value) if below is None else f"root:{below}"]
        elif isinstance(value, bytes | bytearray):
            long = len(value) > _LONG
            node = ["bytes", hashlib.sha256(value).hexdigest() if long else bytes(value).hex()]
        return node

    def _below(self, text: str) -> str:
        """A text; a path under the root as it is named from there, for roots lie elsewhere."""
        for root in self.roots:
            if text == root or text.startswith(root + os.sep):
                return "root:" + text[len(root) + 1 :].replace(os.sep, "/")
        return text

    def _is_container(self, value: object) -> bool:
        return type(value) in (list, tuple, dict, set, frozenset, types.MappingProxyType)

    def _container(self, value: Any, part: str) -> Node:
        kind = type(value).__name__
        if isinstance(value, Mapping):
            return [kind, *self._items(value.items(), part)]
        if isinstance(value, Set):
            return [kind, *sorted((self._alone(each, part) for each in value), key=_order)]
        return [kind, *(self.node(each, f"{part}[{at}]") for at, each in enumerate(value))]

    def _items(self, items: Iterable[tuple[Any, Any]], part: str) -> list[Node]:
        """Keys with values, by key: mappings are equal in any order."""
        keyed = [(self._alone(key, part), key, value) for key, value in items]
        keyed.sort(key=lambda each: _order(each[0]))
        return [[key, self.node(value, _inside(part, name))] for key, name, value in keyed]

    def _alone(self, value: object, part: str) -> Node:
        """The content of a value that has no place among others: of a set, or a key."""
        plain = self._plain(value)
        if plain is not None:
            return plain
        other = copy.copy(self)
        other.met, other.kept = dict(self.met), list(self.kept)
        return other.node(value, part)

    @contextmanager
    def _entered(self, value: object) -> Iterator[bool]:
        before = self.within
        again = id(value) in before
        self.within = before | {id(value)}
        try:
            yield again
        finally:
            self.within = before

    def _member(self, value: Any, part: str) -> Node:
        given = given_identity(value)
        if given is not None:
            node: Node = ["given", given]
        elif isinstance(value, functools.partial):
            places = ((_inside(part, f"args[{at}]"), each) for at, each in enumerate(value.args))
            arguments = (self.node(each, place) for place, each in places)
            keywords = self._items(value.keywords.items(), part)
            node = ["partial", self.node(value.func, part), *arguments, *keywords]
        elif isinstance(value, types.MethodType):
            node = ["method", self.node(value.__func__, part), self.node(value.__self__, part)]
        elif isinstance(value, types.FunctionType):
            node = self._function(value, part)
        elif isinstance(value, type):
            node = self._class(value)
        elif isinstance(value, types.ModuleType):
            node = ["module", value.__name__]
        elif isinstance(value, _BUILT_IN):
            owner = getattr(value, "__self__", None)
            free = owner is None or isinstance(owner, types.ModuleType)
            node = ["built in", name_of(value), *([] if free else [self.node(owner, part)])]
        elif isinstance(value, staticmethod | classmethod):
            node = [type(value).__name__, self.node(value.__func__, part)]
        elif isinstance(value, functools._lru_cache_wrapper):
            node = ["cached", self.node(value.__wrapped__, part)]  # what it has cached is no part
        else:
            node = self._object(value, part)
        return node

    def _function(self, function: types.FunctionType, part: str) -> Node:
        code, own = function.__code__, program.is_project(function)
        computed, defaults = dict[str, program.Computed](), frozenset[str]()
        if own:
            computed = program.computed_variables(function)
            defaults = program.computed_defaults(function)
        closed: list[Node] = []
        for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
            try:
                value = cell.cell_contents
            except ValueError:  # not bound yet
                continue
            if name == "cache_token":  # of ``functools.singledispatch``: counts what was imported
                continue
            by_code = computed.get(name)
            closed.append([name, by_code.text if by_code else ""])
            if by_code is None or not _is_known(value, alone=by_code.alone):
                closed.append(self.node(value, _inside(part, name)))
        given = [
            [name, self.node(value, _inside(part, name))]
            for name, value in _defaults(function)
            if name not in defaults
        ]
        attributes = self._items(_set_on(function), part)
        if not own:
            text = text_of(function) if program.is_packaged(code.co_filename) else ""
            return ["installed", name_of(function), text, closed, given, attributes]
        text = text_of(function) or program.code_text(code)
        return ["function", text, program.named_in_module(function), closed, given, attributes]

    def _class(self, kind: type) -> Node:
        if not program.is_project(kind):
            return ["class", name_of(kind)]
        bases: list[Node] = [self.node(base, "") for base in kind.__bases__ if base is not object]
        text = text_of(kind)
        return ["class", kind.__qualname__, text, program.named_in_module(kind), bases]

    def _object(self, value: Any, part: str) -> Node:
        kind = type(value)
        if isinstance(value, random.Random) or kind.__module__.startswith("numpy.random"):
            return self._alive(value, part)  # its state is how far it has come
        if program.is_project(kind):
            return ["object", self.node(kind, part), self._state(value, part)]
        state = None if isinstance(value, Iterator) else _reduced(value)
        if state is None:
            return self._alive(value, part)
        if isinstance(value, Mapping | Sequence | Set):
            return ["object", name_of(kind), self._restored(state, part)]
        return self._installed(value, state, part)

    def _installed(self, value: object, state: Any, part: str) -> Node:
        """The state of an object of a package; its class alone where that holds what is alive."""
        met = len(self.kept)
        self.installed += 1
        try:
            return ["object", name_of(type(value)), self._restored(state, part)]
        except _LiveError:
            if self.installed > 1:
                raise
            for each in self.kept[met:]:
                del self.met[id(each)]
            del self.kept[met:]
            return self._alive(value, part, known=True)
        finally:
            self.installed -= 1

    def _alive(self, value: object, part: str, *, known: bool = False) -> Node:
        """What is only alive in this process: it counts by its class, and so does what holds it."""
        kind = type(value)
        if self.installed and not known:
            raise _LiveError
        drawing = kind.__module__.startswith("numpy.random")
        if known or drawing or isinstance(value, Iterator) or _is_standard(kind.__module__):
            return ["alive", name_of(kind)]
        raise ContentError(part, kind)

    def _state(self, value: Any, part: str) -> Node:
        """The state of an object whose class is the user's own."""
        state, attributes = _reduced(value), vars_of(value)
        skipped = {
            name
            for name, alone in program.computed_attributes(type(value)).items()
            if not isinstance(attributes.get(name), Mapping | Sequence | Set)
            and _is_known(attributes.get(name), alone=alone)
        }
        if dataclasses.is_dataclass(value):
            skipped |= {each.name for each in dataclasses.fields(value) if not each.compare}
        return self._restored(vars_of(value) if state is None else state, part, skipped)

    def _restored(self, state: Any, part: str, skipped: Set[str] = frozenset()) -> Node:
        """What ``pickle`` would restore an object from: function, arguments, state and items."""
        if isinstance(state, str):
            return state
        if isinstance(state, dict):
            return self._items(((k, v) for k, v in state.items() if k not in skipped), part)
        function, arguments, inner, listed, mapped = (*state, None, None, None)[:5]
        given = [self.node(each, part) for each in arguments]
        parts: list[Node] = [name_of(function), given]
        for each in inner if isinstance(inner, tuple) and len(inner) == 2 else (inner,):
            if isinstance(each, dict):
                parts.append(self._restored(each, part, skipped))
            elif each is not None:
                parts.append(self.node(each, part))
        parts.append([self.node(each, f"{part}[{at}]") for at, each in enumerate(listed or ())])
        parts.append(self._items(mapped or (), part))
        return parts


def given_identity(value: object) -> str | None:
    """The identity an object gives itself, None if it gives none; raises ``ContentError``."""
    if isinstance(value, type):  # one there is its objects'
        return None
    found = vars_of(value).get(GIVEN)
    if found is None:
        kind = type(value)
        owner = next((each for each in kind.__mro__ if GIVEN in vars(each)), None)
        # a class made from one of ours may do more than that one knows of
        if owner is not None and (program.is_project(owner) or not program.is_project(kind)):
            found = getattr(value, GIVEN)
    if found is None:
        return None
    if not isinstance(found, str) or not found:
        raise ContentError("", type(value), f"has an {GIVEN} that is not a text")
    return found


def vars_of(value: object) -> dict[str, Any]:
    """An object's attributes."""
    found = getattr(value, "__dict__", None)
    return dict(found) if isinstance(found, dict) else {}


def _is_known(value: object, *, alone: bool) -> bool:
    """Whether the code that computed a value says all of it, ``alone`` if that has it to itself."""
    coded = isinstance(value, (type, types.FunctionType, types.MethodType, functools.partial))
    own = coded or program.is_project(type(value))
    return isinstance(value, _FIXED) or (alone and not own)


def _reduced(value: object) -> Any:
    """What ``pickle`` would keep of an object, None if it can't keep it."""
    kind = type(value)
    try:
        known = copyreg.dispatch_table.get(kind)
        found = known(value) if known is not None else value.__reduce_ex__(2)
    except Exception:  # whatever its class raises
        return None
    return found if isinstance(found, str | tuple) else None


def _defaults(function: types.FunctionType) -> list[tuple[str, object]]:
    parameters = inspect.signature(function, follow_wrapped=False).parameters
    return [
        (name, each.default)
        for name, each in parameters.items()
        if each.default is not inspect.Parameter.empty
    ]


def _set_on(function: types.FunctionType) -> list[tuple[str, object]]:
    """The attributes a function was given, without what decorators and pytest note there."""
    noted = {"__wrapped__", "pytestmark"}
    return [(name, each) for name, each in vars(function).items() if name not in noted]


def _is_standard(module: str | None) -> bool:
    """Whether a module is Python's own, or ours: its code is the same for everybody."""
    top = (module or "builtins").partition(".")[0]
    return top in sys.stdlib_module_names or top == "pytest_lmopt"


def _order(node: Node) -> str:
    return json.dumps(node)


def _inside(part: str, name: object) -> str:
    return f"{part}.{name}" if part else str(name)
