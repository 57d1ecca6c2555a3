"""Examples and datasets."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from pytest_lmopt.canonical import digest
from pytest_lmopt.suites.content import input_digest, row_digest


class _Digests:
    """What an example remembers of itself, beside its fields: there may be very many."""

    __slots__ = ("_digest", "_input_digest")


@dataclass(frozen=True, kw_only=True, slots=True)
class Example(_Digests):
    """One input with its expected answer and a stable id.

    ``group`` names the cluster the example belongs to (a customer, a document), if any; ``split``
    pins it to train, dev or holdout; ``alike`` names its near duplicates, where those are joined.
    """

    id: str
    inputs: Mapping[str, Any]
    expected: Any = None
    group: str | None = None
    split: str | None = None
    alike: str | None = None

    @property
    def digest(self) -> str:
        """Identity of inputs and expected value by their content, whatever the id.

        Computed once, when the dataset is read: a pipeline may change what it is given. Raises
        ``InputError`` for a value without content, ``TypeError`` for keys that are no text.
        """
        found: str | None = getattr(self, "_digest", None)
        if found is None:
            found = row_digest(dict(self.inputs), self.expected)
            object.__setattr__(self, "_digest", found)
        return found

    @property
    def input_digest(self) -> str:
        """Identity of the inputs alone, as duplicates are found by it.

        Texts that differ only in case, white space, invisible characters or Unicode composition
        count as the same (``suites.values.comparable_text``). Raises as ``digest`` does.
        """
        found: str | None = getattr(self, "_input_digest", None)
        if found is None:
            found = input_digest(dict(self.inputs))
            object.__setattr__(self, "_input_digest", found)
        return found

    def named(self, identity: str) -> Example:
        """The same row by another id, with what is known of its content."""
        named = replace(self, id=identity)
        object.__setattr__(named, "_digest", self.digest)
        return named

    def __deepcopy__(self, memo: dict[int, Any]) -> Example:
        inputs, expected = copy.deepcopy((self.inputs, self.expected), memo)
        copied = replace(self, inputs=inputs, expected=expected)
        for name in _Digests.__slots__:
            if hasattr(self, name):
                object.__setattr__(copied, name, getattr(self, name))
        return copied

    def own(self) -> Example:
        """A copy for one run or one metric: what these do to its values must not reach the next.

        Returns the example itself where it holds what has no copy, such as a lock.
        """
        if _is_unchangeable(self.expected) and all(map(_is_unchangeable, self.inputs.values())):
            return replace(self, inputs=dict(self.inputs))
        try:
            return copy.deepcopy(self)
        except Exception:
            return self


def _is_unchangeable(value: object) -> bool:
    return value is None or type(value) in (str, int, float, bool)


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Examples with distinct ids, in the order of their source; ``source`` names it in messages."""

    examples: tuple[Example, ...]
    source: str

    def __len__(self) -> int:
        return len(self.examples)

    def __iter__(self) -> Iterator[Example]:
        return iter(self.examples)

    @cached_property
    def digest(self) -> str:
        """Identity of ids, contents and groups, independent of their order."""
        rows = ((example.id, example.digest, example.group or "") for example in self.examples)
        return digest(sorted(rows))
