"""Examples and datasets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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
        return digest([dict(self.inputs), self.expected, self.group])


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


def groups_of(examples: Iterable[Example]) -> dict[str, str] | None:
    """Cluster by example id, or None where no example has one."""
    groups = {example.id: example.group for example in examples if example.group is not None}
    return groups or None


def clusters_of(identities: Iterable[str], examples: Iterable[Example]) -> list[str] | None:
    """Cluster of each of some examples, its own where it has none; None where none has one."""
    groups = groups_of(examples)
    return [groups.get(identity, identity) for identity in identities] if groups else None
