"""What a provider reports of a call's usage, before litellm makes whole numbers of it.

litellm takes ``true``, ``"12"`` and ``3.0`` for whole numbers, and what is missing for 0; whatever
else is not one makes it give up the whole answer, which is paid for.
"""

from __future__ import annotations

import contextvars
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any

from pytest_lmopt.lm.private_names import REPORTED_USAGE

_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")
_NEEDED = _COUNTS[:2]
_DETAILS = ("prompt_tokens_details", "completion_tokens_details")
_SHOWN = 40


_noting: contextvars.ContextVar[list[str] | None] = contextvars.ContextVar(
    "lmopt_usage", default=None
)


@contextmanager
def noting_usage() -> Iterator[list[str]]:
    """Note the figures that are not whole numbers in what is reported within the block.

    litellm sees 0 for each.
    """
    odd: list[str] = []
    token = _noting.set(odd)
    try:
        yield odd
    finally:
        _noting.reset(token)


def note_usages() -> None:
    """Have litellm's ``Usage`` notice odd figures wherever a block of ``noting_usage`` is open."""
    usage, name = REPORTED_USAGE.owner()
    begin = getattr(usage, name)

    @wraps(begin)
    def begin_noting(self: Any, *args: Any, **given: Any) -> None:
        odd = _noting.get()
        if odd is not None and given:
            found = odd_figures(given)
            odd.extend(f"{name} {value}" for name, value in found.items())
            names = {name.partition(".")[0] for name in found}
            given.update({name: None if name in _DETAILS else 0 for name in names})
        begin(self, *args, **given)

    setattr(usage, name, begin_noting)


def odd_figures(
    given: Mapping[str, Any],
    *,
    counts: Sequence[str] = _COUNTS,
    needed: Sequence[str] = _NEEDED,
    details: Sequence[str] = _DETAILS,
) -> dict[str, str]:
    """Find the figures that are not whole numbers, by name, in words.

    ``needed`` are those of the ``counts`` that have to be there; ``details`` hold parts of them.
    """
    found = {name: "missing" for name in needed if name not in given}
    for name in counts:
        value = given.get(name, 0)
        if type(value) is not int and (value is not None or name in needed):
            found[name] = ascii(value)[:_SHOWN]
    for name in details:
        parts = given.get(name)
        if isinstance(parts, dict):
            found |= {
                f"{name}.{part}": ascii(value)[:_SHOWN]
                for part, value in parts.items()
                if isinstance(value, bool | float | str)
            }
    return found
