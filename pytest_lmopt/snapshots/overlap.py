"""The overlap of a baseline with today's dataset: the rows that a gate may compare."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pytest_lmopt.snapshots.snapshot import Snapshot
from pytest_lmopt.suites.example import Dataset

LEAST_ROWS = 10
"""A gate compares at least so many rows, unless the baseline never had more."""


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """Accepted ``scores`` of the rows that are what they were, by today's id.

    ``new``, ``changed`` and ``removed`` are the ids of other rows, with or without a score;
    ``accepted`` is the number of rows with one.
    """

    scores: Mapping[str, float] = field(default_factory=dict)
    new: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    accepted: int = 0

    def too_few(self, compared: int) -> str:
        """Say why ``compared`` rows can't stand for the baseline; empty where they can."""
        if compared >= min(LEAST_ROWS, self.accepted) and 2 * compared >= self.accepted:
            return ""
        return (
            f"{compared} of the baseline's {self.accepted} rows were compared, fewer than half or "
            f"fewer than {LEAST_ROWS}"
        )

    def words(self, new_scores: Iterable[float]) -> str:
        """Say how the dataset changed, with the mean of ``new_scores``; empty if it did not."""
        parts = [
            f"{len(rows)} {word}"
            for rows, word in ((self.removed, "removed"), (self.changed, "changed"))
            if rows
        ]
        if self.new:
            scores = list(new_scores)
            mean = f" (mean score {sum(scores) / len(scores):.3f})" if scores else ""
            parts.append(f"{len(self.new)} new{mean}")
        if not parts:
            return ""
        return (
            f"the dataset changed: {len(self.scores)} of the baseline's {self.accepted} rows are "
            f"the same; {', '.join(parts)}"
        )


def overlap(snapshot: Snapshot, dataset: Dataset) -> Overlap:
    """Match a baseline with a dataset: rows by id and content, by content alone, by id alone.

    A row is what it was if inputs and expected value are; id, group, split and tags don't count, so
    rows that are numbered anew are the same rows. A row of the same id with other content changed.
    """
    table = {name: row for name, row in snapshot.rows.items() if row.example}
    matched = {
        example.id: table.pop(example.id)
        for example in dataset
        if example.id in table and table[example.id].example == example.digest
    }
    by_content: dict[str, list[str]] = {}
    for name, row in table.items():
        by_content.setdefault(row.example, []).append(name)
    for example in dataset:
        names = by_content.get(example.digest)
        if example.id not in matched and names:
            matched[example.id] = table.pop(names.pop(0))
    accepted = snapshot.scores
    others = [example.id for example in dataset if example.id not in matched]
    changed = {name: True for name in others if table.pop(name, None) is not None}
    return Overlap(
        scores={name: accepted[row.id] for name, row in matched.items() if row.id in accepted},
        new=tuple(name for name in others if name not in changed),
        changed=tuple(changed),
        removed=tuple(table),
        accepted=len(accepted),
    )
