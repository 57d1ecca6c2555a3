"""Examples and datasets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_lmopt.suites.canonical import digest


@dataclass(frozen=True, kw_only=True)
class Example:
    """One input with its expected answer and a stable id.

    ``group`` names the cluster the example belongs to (a customer, a document), if any; ``split``
    pins it to train, dev or holdout.
    """

    id: str
    inputs: Mapping[str, Any]
    expected: Any = None
    group: str | None = None
    split: str | None = None

    @property
    def digest(self) -> str:
        """Identity of the content, whatever the id."""
        return digest([dict(self.inputs), self.expected])

    @property
    def input_digest(self) -> str:
        """Identity of the normalised inputs: rows with the same ones belong together."""
        return digest(dict(self.inputs))


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Examples with distinct ids, in the order of their source; ``source`` names it in messages."""

    examples: tuple[Example, ...]
    source: str

    def __len__(self) -> int:
        return len(self.examples)

    def __iter__(self) -> Iterator[Example]:
        return iter(self.examples)

    @property
    def digest(self) -> str:
        """Identity of ids and contents, independent of their order."""
        return digest(sorted((example.id, example.digest) for example in self.examples))
