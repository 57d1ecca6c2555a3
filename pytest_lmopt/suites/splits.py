"""Train, dev and holdout: drawn once a row by its inputs, then kept for ever by the row table."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from pytest_lmopt.suites.clusters import clusters
from pytest_lmopt.suites.example import Example

NAMES = ("train", "dev", "holdout")
"""The splits, the most used one first: proposals read train, choices rest on dev."""

SHARES: Mapping[str, float] = {"train": 0.25, "dev": 0.375}
"""The rest is holdout. Learning takes few examples; choosing and proving, all there are."""


@dataclass(frozen=True, kw_only=True)
class PlacedRow:
    """A row as earlier runs placed it.

    ``inputs`` is the digest of its normalised inputs, empty where unknown. ``split`` is empty for
    a row that is to be drawn anew. ``uses`` names the confirmations that read the row while it was
    holdout, in order. ``learned``: an accepted prompt learned from it, so it never returns to
    holdout.
    """

    id: str
    inputs: str
    split: str
    uses: tuple[str, ...] = ()
    learned: bool = False


@dataclass(frozen=True, kw_only=True)
class Splits:
    """Proposals learn from ``train``; candidates race on ``dev``; ``holdout`` confirms once.

    ``uses`` names the earlier confirmations of each row that was used by its id, in order;
    ``learned`` holds the ids of rows that an accepted prompt learned from, ``left`` those of rows
    that left holdout, since a row of train or dev has their inputs or group.
    """

    train: tuple[Example, ...]
    dev: tuple[Example, ...]
    holdout: tuple[Example, ...]
    uses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    learned: frozenset[str] = frozenset()
    left: frozenset[str] = frozenset()

    @property
    def judged(self) -> tuple[Example, ...]:
        """What a plain evaluation scores: dev and holdout, since train may stand in the demos.

        All examples where there are so few that both are empty.
        """
        return self.dev + self.holdout or self.train

    @cached_property
    def names(self) -> dict[str, str]:
        """Name of the split of each example by its id."""
        return {example.id: name for name in NAMES for example in getattr(self, name)}

    def use_of(self, confirmation: str | None = None) -> int:
        """Count the uses of this holdout, from 1, with that of a confirmation to come.

        The row used most decides. A repeated ``confirmation`` is the use it was the first time.
        """
        uses = (self.uses.get(example.id, ()) for example in self.holdout)
        return max((_use(names, confirmation) for names in uses), default=1)


def split(
    examples: Iterable[Example],
    *,
    seed: int = 0,
    placed: Sequence[PlacedRow] = (),
    shares: Mapping[str, float] = SHARES,
) -> Splits:
    """Split examples; rows that were ``placed`` earlier stay, whatever else changed.

    A row is recognised by its inputs, or by its id where these are new. A new row joins the rows
    that share its inputs or group: if these are in several splits, the most used one (train before
    dev before holdout). Else it is drawn by a hash of its group, or of its normalised inputs;
    ``seed`` draws another split, ``shares`` are those of train and dev in [0, 1]. An example's own
    ``split`` wins. A holdout row leaves holdout where a row of train or dev has its inputs, since
    its answer can be learned by heart.
    """
    rows = list(examples)
    known = _Known(placed)
    where: dict[str, str] = {}
    for members in clusters(rows):
        where |= _placed(members, known, seed, shares)
    parts = {name: tuple(each for each in rows if where[each.id] == name) for name in NAMES}
    uses = {each.id: known.uses(each) for each in rows}
    return Splits(
        train=parts["train"],
        dev=parts["dev"],
        holdout=parts["holdout"],
        uses={name: used for name, used in uses.items() if used},
        learned=frozenset(each.id for each in rows if known.learned(each)),
        left=frozenset(
            each.id
            for each in rows
            if where[each.id] != "holdout" == (each.split or known.split(each))
        ),
    )


def seeded_order(examples: Iterable[Example], *, seed: int) -> tuple[Example, ...]:
    """The examples in an order that depends on ``seed`` and ids, not on their source's order."""
    return tuple(sorted(examples, key=lambda example: _hash(f"{seed}/{example.id}")))


class _Known:
    """The placed rows by what they can be recognised by."""

    def __init__(self, placed: Sequence[PlacedRow]) -> None:
        self._by_id = {row.id: row for row in placed}
        alike: dict[str, list[PlacedRow]] = {}
        for row in placed:
            if row.inputs:
                alike.setdefault(row.inputs, []).append(row)
        # joined once: of some datasets most rows share their inputs
        self._by_inputs = {inputs: _joined(rows) for inputs, rows in alike.items()}

    def of(self, example: Example) -> list[PlacedRow]:
        """Find the rows that stand for an example: that of its id, then those of its inputs as one.

        Another row's id says nothing where the inputs are known: ids may be numbered anew.
        """
        alike = self._by_inputs.get(example.input_digest)
        named = self._by_id.get(example.id)
        if named and alike and named.inputs not in ("", example.input_digest):
            named = None
        return [row for row in (named, alike) if row]

    def split(self, example: Example) -> str:
        """Name the split an example is in already, empty where it is new."""
        rows = self.of(example)
        if rows and rows[0].id == example.id and rows[0].inputs == example.input_digest:
            rows = rows[:1]
        return _joined(rows).split

    def uses(self, example: Example) -> tuple[str, ...]:
        """Name the confirmations that read an example, in order."""
        return _joined(self.of(example)).uses

    def learned(self, example: Example) -> bool:
        """Whether an accepted prompt learned from an example."""
        return _joined(self.of(example)).learned


def _joined(rows: Sequence[PlacedRow]) -> PlacedRow:
    """Make one row of several: in the most used split, with all uses in order."""
    found = {row.split for row in rows}
    return PlacedRow(
        id="",
        inputs="",
        split=next((name for name in NAMES if name in found), ""),
        uses=tuple(dict.fromkeys(name for row in rows for name in row.uses)),
        learned=any(row.learned for row in rows),
    )


def _placed(
    members: Sequence[Example], known: _Known, seed: int, shares: Mapping[str, float]
) -> dict[str, str]:
    """Place one cluster."""
    where = {each.id: each.split or known.split(each) for each in members}
    learned = [each for each in members if known.learned(each)]
    settled = [name for name in NAMES if name in where.values()]
    if learned:
        together = "train"
    elif settled:
        together = settled[0]
    else:
        groups = [each.group for each in members if each.group is not None]
        together = _drawn(min(groups) if groups else members[0].input_digest, seed, shares)
    taught = {each.input_digest for each in members if where[each.id] in ("train", "dev")}
    taught |= {each.input_digest for each in learned}
    for each in members:
        straddles = each.input_digest in taught if each.split else together != "holdout"
        if not where[each.id] or (where[each.id] == "holdout" and straddles):
            where[each.id] = together
    return where


def _drawn(name: str, seed: int, shares: Mapping[str, float]) -> str:
    place = _hash(f"split/{seed}/{name}" if seed else f"split/{name}") / 2**64
    if place < shares["train"]:
        return "train"
    return "dev" if place < shares["train"] + shares["dev"] else "holdout"


def _use(names: tuple[str, ...], confirmation: str | None) -> int:
    return (names.index(confirmation) if confirmation in names else len(names)) + 1


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
