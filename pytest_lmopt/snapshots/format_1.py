"""Snapshots of format 1, read for ever: what they say becomes a snapshot of format 2.

Format 1 recorded the scored rows only, with neither splits nor uses: a row's split was a hash of
its group or id, and one number counted the uses of the whole holdout.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_lmopt.errors import SnapshotError
from pytest_lmopt.snapshots.cells import as_written
from pytest_lmopt.snapshots.row_table import Row, read_lines, score_of
from pytest_lmopt.snapshots.snapshot import MEND, SCORE, Snapshot, check_fields, check_scores
from pytest_lmopt.suites.example import Example
from pytest_lmopt.suites.splits import SHARES
from pytest_lmopt.suites.suite import Suite

VERSION = 1

MOST_USES = 10_000
"""More uses than anybody makes; a larger number in a file must not fill the memory."""

_OTHER = "other"
"""Stands for the digest of a row whose content is unknown today."""

_FIELDS: dict[str, Any] = {
    "suite": str,
    "model": str,
    "dataset": str,
    "metric": str,
    "prompts": {str: str},
    "splits": {str: int},
    "split_seed": int,
    "score": {str: float},
    "usage": {str: float},
    "holdout_uses": int,
}


def migrate(fields: dict[Any, Any], table: str, suite: Suite, *, path: Path) -> Snapshot:
    """The snapshot of format 2 for a suite; ``fields`` are those of the YAML file.

    Recorded rows keep the split that format 1 drew, and each holdout row begins with the uses of
    the whole holdout. A row of the dataset that was not recorded, and that format 1 drew as train
    or dev, keeps that split, so that it never becomes holdout. Raises ``SnapshotError``.
    """
    check_fields(fields, _FIELDS, path)
    count = fields["holdout_uses"]
    if count < 0:
        raise SnapshotError(
            f"field 'holdout_uses' is {count}: expected a count. {MEND.capitalize()}", path=path
        )
    uses = tuple(f"format-1-{number}" for number in range(1, min(count, MOST_USES) + 1))
    recorded = _recorded(table, path.with_suffix(".scores.csv"))
    scores = {name: score for name, (score, _) in recorded.items()}
    check_scores(fields["score"], scores, path=path)
    seed, names = fields["split_seed"], _names(suite, recorded)
    rows: dict[str, Row] = {}
    claimed = set(names.values())
    for example in suite.dataset:
        name = names.get(example.id, example.id)
        was = recorded.pop(name, None) if example.id in names else None
        split = example.split or _drawn(example.group, name, seed, judged=was is not None)
        if was is None and split == "holdout":
            continue  # a new row, placed as such
        if was is None and name in claimed:
            name = f"{name} ({example.input_digest})"  # another row had its id
        same = was is not None and was[1] in _digests(example)
        rows[name] = Row(
            id=name,
            inputs=example.input_digest if same or was is None else "",
            split=split,
            uses=uses if split == "holdout" else (),
            example=example.digest if same or was is None else _OTHER,
            scores={} if was is None else {SCORE: was[0]},
        )
    for name, (score, _) in recorded.items():
        split = _drawn(None, name, seed, judged=True)
        rows[name] = Row(
            id=name,
            inputs="",
            split=split,
            uses=uses if split == "holdout" else (),
            example=_OTHER,
            scores={SCORE: score},
        )
    model, metric = fields["model"], fields["metric"]
    same_metric = metric in (suite.metric_digest, suite.metric_digest_v1)
    return Snapshot(
        suite=fields["suite"],
        models=() if model == "none" else tuple(model.split(", ")),
        dataset=fields["dataset"],
        criteria={SCORE: suite.metric_digest if same_metric else metric},
        texts=fields["prompts"],
        rows=rows,
        score=fields["score"],
        usage=fields["usage"],
        split_seed=seed,
        shares=SHARES,
    )


def _recorded(table: str, path: Path) -> dict[str, tuple[float, str]]:
    """Score and row digest by id."""
    recorded: dict[str, tuple[float, str]] = {}
    for number, cells in enumerate(read_lines(table, ["id", "score", "example"], path=path), 2):
        try:
            identity, score, example = as_written(cells[0]), score_of(cells[1]), cells[2]
            if len(cells) > 3 or identity in recorded:
                raise ValueError
        except (ValueError, IndexError):
            raise SnapshotError(
                f"line {number}: expected a unique id, a score in [0, 1] and a digest; found "
                f"{str(cells)[:200]}",
                path=path,
            ) from None
        recorded[identity] = (score, as_written(example))
    return recorded


def _names(suite: Suite, recorded: Mapping[str, tuple[float, str]]) -> dict[str, str]:
    """Recorded id of each example by its own id: that of its content, else its own.

    Ids may have been given, or numbered anew, since.
    """
    by_digest: dict[str, list[str]] = {}
    for name, (_, digest) in recorded.items():
        by_digest.setdefault(digest, []).append(name)
    found: dict[str, str] = {}
    for example in suite.dataset:
        names = [name for digest in _digests(example) for name in by_digest.get(digest, ())]
        if example.id in names or len(set(names)) == 1:
            found[example.id] = example.id if example.id in names else names[0]
    claimed = set(found.values())
    return found | {
        example.id: example.id
        for example in suite.dataset
        if example.id not in found and example.id in recorded and example.id not in claimed
    }


def _drawn(group: str | None, identity: str, seed: int, *, judged: bool) -> str:
    """The split that format 1 drew; that of a ``judged`` row was not train."""
    drawn = [_split_of(name, seed) for name in (group, identity) if name]
    return next((name for name in drawn if name != "train" or not judged), "dev")


def _split_of(name: str, seed: int) -> str:
    text = f"split/{seed}/{name}" if seed else f"split/{name}"
    place = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64
    if place < 0.25:
        return "train"
    return "dev" if place < 0.25 + 0.375 else "holdout"


def _digests(example: Example) -> tuple[str, str]:
    """The row digests of format 1, with and without the group, which counted then."""
    return _digest(example, example.group), _digest(example, None)


def _digest(example: Example, group: str | None) -> str:
    """The digest with other values than JSON's as their ``repr``."""
    content = json.dumps(
        [dict(example.inputs), example.expected, group],
        sort_keys=True,
        ensure_ascii=False,
        separators=(",", ":"),
        default=_written,
    )
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _written(value: object) -> object:
    if isinstance(value, set | frozenset):
        return {"set": sorted(json.dumps(each, default=_written) for each in value)}
    return repr(value)
