"""What one rendering of a template has taken so far: rounds, work, and what it made.

The bounds are generous for a prompt and mean for an attack. They count, rather than measure time,
so that a template renders on every machine or on none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from jinja2.exceptions import SecurityError
from jinja2.utils import Namespace

MOST_STEPS = 100_000
"""Rounds of loops and calls in one rendering."""

MOST_CHARACTERS = 4 << 20
"""Of the rendered text, and of anything on the way to it, written out."""

MOST_MADE = 32 << 20
"""Characters of all texts and lists on the way to it together."""

MOST_WORK = 100 << 20
"""About a nanosecond each."""

MOST_BITS = 1 << 17
"""Of a whole number."""

PER_ITEM = 16
"""What an item of a list counts besides itself, in characters."""

PER_NODE = 20
PER_CALL = 400
"""Work of an expression's part, and of a filter, test or call, whatever it is given."""

_SHORT_NUMBER = 1 << 60
_SMALL = frozenset({bool, float, type(None)})
_CONTAINERS = (list, tuple, dict, set, frozenset)


@dataclass
class Account:
    """Counts up to the bounds, then raises ``SecurityError``."""

    steps: int = 0
    work: int = 0
    made: int = 0
    _weights: dict[int, tuple[Any, int]] = field(default_factory=dict)

    def step(self, count: int = 1) -> None:
        """Count rounds of loops, or calls."""
        self.steps += count
        if self.steps > MOST_STEPS:
            raise SecurityError(f"it takes over {MOST_STEPS:,} rounds and calls")

    def toil(self, work: int) -> None:
        """Count work."""
        self.work += work
        if self.work > MOST_WORK:
            raise SecurityError("it reads and calls too much in all")

    def check_size(self, size: int) -> None:
        """Refuse a single value that is too large."""
        if size > MOST_CHARACTERS:
            raise SecurityError(f"it makes something over {MOST_CHARACTERS:,} characters long")

    def make(self, size: int) -> None:
        """Count what is about to be made, or was."""
        self.check_size(size)
        self.make_parts(size)

    def make_parts(self, size: int) -> None:
        """Count what is made in several pieces."""
        self.made += size
        if self.made > MOST_MADE:
            raise SecurityError(f"it makes over {MOST_MADE:,} characters in all")

    def read(self, value: Any) -> None:
        """Count reading a value."""
        self.toil(len(value) if type(value) is str else self.weight(value))

    def weight(self, value: Any) -> int:
        """Size of a value written out, in characters; what stands twice in it counts twice."""
        kind = type(value)
        if kind is str:
            return len(value)
        if kind in _SMALL or (kind is int and -_SHORT_NUMBER < value < _SHORT_NUMBER):
            return PER_ITEM
        if isinstance(value, _CONTAINERS):
            return self._weight_of_container(value)
        return self._weight_of_other(value)

    def _weight_of_other(self, value: Any) -> int:
        if type(value) is Namespace:
            raise SecurityError("a namespace is used by its attributes, not as a value")
        if isinstance(value, str | bytes):
            return len(value)
        if isinstance(value, range):
            return PER_ITEM * len(value)
        if not isinstance(value, int):
            return PER_ITEM
        if value.bit_length() > MOST_BITS:
            raise SecurityError(f"it makes a number of over {MOST_BITS:,} bits")
        return PER_ITEM + value.bit_length() // 3

    def _weight_of_container(self, value: Any) -> int:
        known = self._weights.get(id(value))
        if known is not None:
            return known[1]
        items: Iterable[Any] = value
        if isinstance(value, Mapping):
            items = (each for pair in value.items() for each in pair)
        weight = PER_ITEM
        for item in items:
            weight += PER_ITEM + self.weight(item)
            if weight > MOST_CHARACTERS:
                break
        self.work += PER_ITEM * len(value)
        self._weights[id(value)] = value, weight  # kept, so that its id stays its own
        return weight


_account: ContextVar[Account | None] = ContextVar("lmopt_template_account", default=None)


current = _account.get
"""The account of the rendering under way, if one is: as fast as can be."""


def account() -> Account:
    """The account of the rendering under way; outside of one an account of its own."""
    return _account.get() or Account()


@contextmanager
def counting() -> Iterator[Account]:
    """Count a rendering in an account of its own, within the block."""
    found = Account()
    token = _account.set(found)
    try:
        yield found
    finally:
        _account.reset(token)
