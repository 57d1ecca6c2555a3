"""Examples and datasets."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pytest_lmopt.canonical import digest
from pytest_lmopt.suites.content import input_digest, row_digest


@dataclass(frozen=True, kw_only=True)
class Example:
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

    @cached_property
    def digest(self) -> str:
        """Identity of inputs and expected value by their content, whatever the id.

        Computed once, when the dataset is read: a pipeline may change what it is given. Raises
        ``InputError`` for a value without content, ``TypeError`` for keys that are no text.
        """
        return row_digest(dict(self.inputs), self.expected)

    @cached_property
    def input_digest(self) -> str:
        """Identity of the inputs alone, as duplicates are found by it.

        Texts that differ only in case, white space, invisible characters or Unicode composition
        count as the same (``suites.values.comparable_text``). Raises as ``digest`` does.
        """
        return input_digest(dict(self.inputs))

    def own(self) -> Example:
        """A copy for one run or one metric: what these do to its values must not reach the next.

        Returns the example itself where it holds what has no copy, such as a lock.
        """
        if _is_unchangeable(self.expected) and all(map(_is_unchangeable, self.inputs.values())):
            own = object.__new__(type(self))
            vars(own).update(vars(self), inputs=dict(self.inputs))
            return own
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
