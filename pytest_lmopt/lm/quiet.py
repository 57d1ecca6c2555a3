"""Warnings that never become errors: those of our own client and of the libraries behind it.

Python's filters belong to the whole process, so neither a filter for everything nor ``with
catch_warnings()`` will do: a pipeline's own warnings must stay what the user wants them to be, and
another thread may put filters back at any time. One filter is put first instead, which asks of each
warning whether it is raised within ``quiet``.
"""

from __future__ import annotations

import contextvars
import sys
import warnings
from collections.abc import Coroutine, Generator, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")

_quiet: contextvars.ContextVar[bool] = contextvars.ContextVar("lmopt_quiet", default=False)


class _Within:
    """In place of a pattern: matches any text within ``quiet``, and none elsewhere."""

    def match(self, text: str) -> bool:
        """Whether the warning with this text is ours."""
        del text
        return _quiet.get()


_FILTER: Any = ("ignore", _Within(), Warning, None, 0)


@contextmanager
def quiet() -> Iterator[None]:
    """Ignore the warnings of this block, also in threads that carry its context."""
    token = _quiet.set(True)
    try:
        if getattr(sys.flags, "context_aware_warnings", False):  # from Python 3.14 on
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        else:
            _be_first()
            yield
    finally:
        _quiet.reset(token)


class QuietCoroutine(Coroutine[Any, Any, T]):
    """A coroutine whose steps are all taken within ``quiet``, in a task of its own.

    While it waits, others may put their filters first; so ours is put there before each step.
    """

    def __init__(self, work: Coroutine[Any, Any, T]) -> None:
        self._work = work

    def send(self, value: Any) -> Any:
        """Take a step."""
        with quiet():
            return self._work.send(value)

    def throw(self, *raised: Any) -> Any:
        """Take a step from an exception."""
        with quiet():
            return self._work.throw(*raised)

    def close(self) -> None:
        """End it."""
        self._work.close()

    def __await__(self) -> Generator[Any, Any, T]:
        return self._work.__await__()


def _be_first() -> None:
    """Put the filter first, where later ones may have come before it."""
    filters: Any = warnings.filters
    if filters and filters[0] is _FILTER:
        return
    # a new list at once: another thread may be walking along the old one
    filters[:] = [_FILTER, *(each for each in filters if each is not _FILTER)]
