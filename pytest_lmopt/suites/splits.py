"""Train, dev and holdout: fixed by each example's id alone, so that new rows move none."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from pytest_lmopt.suites.example import Example

TRAIN_SHARE, DEV_SHARE = 0.25, 0.375
"""The rest is holdout. Learning takes few examples; choosing and proving, all there are."""


@dataclass(frozen=True, kw_only=True)
class Splits:
    """Proposals learn from ``train``; candidates race on ``dev``; ``holdout`` confirms once."""

    train: tuple[Example, ...]
    dev: tuple[Example, ...]
    holdout: tuple[Example, ...]

    @property
    def judged(self) -> tuple[Example, ...]:
        """What a plain evaluation scores: dev and holdout, since train may stand in the demos.

        All examples where there are so few that both are empty.
        """
        return self.dev + self.holdout or self.train


def split(examples: Iterable[Example], *, seed: int = 0) -> Splits:
    """Split by threshold on a hash of the group, or id; an example's own ``split`` wins.

    Another ``seed`` draws all splits anew.
    """
    parts: dict[str, list[Example]] = {"train": [], "dev": [], "holdout": []}
    for example in examples:
        parts[example.split or _split_of(example.group or example.id, seed)].append(example)
    return Splits(
        train=tuple(parts["train"]), dev=tuple(parts["dev"]), holdout=tuple(parts["holdout"])
    )


def seeded_order(examples: Iterable[Example], *, seed: int) -> tuple[Example, ...]:
    """The examples in an order that depends on ``seed`` and ids, not on their source's order."""
    return tuple(sorted(examples, key=lambda example: _hash(f"{seed}/{example.id}")))


def _split_of(name: str, seed: int) -> str:
    place = _hash(f"split/{seed}/{name}" if seed else f"split/{name}") / 2**64
    if place < TRAIN_SHARE:
        return "train"
    return "dev" if place < TRAIN_SHARE + DEV_SHARE else "holdout"


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
