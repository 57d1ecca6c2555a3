"""The overlap of a baseline with today's dataset: the rows that a gate may compare."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pytest_lmopt.snapshots.row_table import Row
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
    """Match a baseline with a dataset: rows by id, those of another id by their content.

    A row is what it was if inputs and expected value are; group, split and tags don't count.
    """
    table = {name: row for name, row in snapshot.rows.items() if row.example}
    today = {example.id for example in dataset}
    by_content = _unique(row for name, row in table.items() if name not in today)
    accepted = snapshot.scores
    scores: dict[str, float] = {}
    new: list[str] = []
    changed: list[str] = []
    for example in dataset:
        row = table.pop(example.id, None) or by_content.pop(example.digest, None)
        if row is None:
            new.append(example.id)
            continue
        table.pop(row.id, None)
        if row.example != example.digest:
            changed.append(example.id)
        elif row.id in accepted:
            scores[example.id] = accepted[row.id]
    return Overlap(
        scores=scores,
        new=tuple(new),
        changed=tuple(changed),
        removed=tuple(table),
        accepted=len(accepted),
    )


def _unique(rows: Iterable[Row]) -> dict[str, Row]:
    """Rows by the digest of their content, without those that share one."""
    found: dict[str, Row] = {}
    twice: set[str] = set()
    for row in rows:
        if row.example in found:
            twice.add(row.example)
        found[row.example] = row
    return {example: row for example, row in found.items() if example and example not in twice}
