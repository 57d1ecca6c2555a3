"""Examples and datasets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pytest_lmopt.suites.canonical import digest, input_digest, row_digest


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
