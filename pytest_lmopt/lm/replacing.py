"""Class attributes that stand in for others while suites run, and leave nothing behind."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

Function = Callable[..., Any]
Maker = Callable[[Function], Function]
"""Makes, of a function, the one that stands in for it."""


class Replacement:
    """A stand-in for the function ``name`` of a class; nested uses count as one.

    Where others have put theirs over ours meanwhile, ours can't be taken out: it stays below as a
    pass-through, and the next use puts a new one on top.
    """

    def __init__(self, owner: type, name: str, make: Maker) -> None:
        self._owner, self._name, self._make = owner, name, make
        self._lock = threading.Lock()
        self._uses = 0
        self._standing: Function | None = None
        self._original: Function | None = None

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Let it stand in until the last such block ends."""
        with self._lock:
            self._uses += 1
            if self._uses == 1:
                self._put()
        try:
            yield
        finally:
            with self._lock:
                self._uses -= 1
                if self._uses == 0:
                    self._take_out()

    def _put(self) -> None:
        found: Function = vars(self._owner)[self._name]
        if found is self._standing:
            return  # left over, and on top again: others have taken theirs out
        ours = self._make(found)

        @wraps(found)
        def standing(*arguments: Any, **named: Any) -> Any:
            return (ours if self._standing is standing and self._uses else found)(
                *arguments, **named
            )

        self._original, self._standing = found, standing
        setattr(self._owner, self._name, standing)

    def _take_out(self) -> None:
        if self._original is not None and vars(self._owner)[self._name] is self._standing:
            setattr(self._owner, self._name, self._original)
            self._original = self._standing = None
