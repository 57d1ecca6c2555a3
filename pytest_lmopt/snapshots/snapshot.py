"""The baseline snapshot of a suite: a YAML file for people and a CSV of scores, side by side."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pytest_lmopt.errors import SnapshotError

VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """One example's accepted score, and the digest of the example it was given for."""

    score: float
    example: str


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """What was accepted: by which dataset, metric, model and prompts, with which scores.

    ``prompts`` maps prompt names to state digests; ``score`` holds mean, low, high and n;
    ``usage`` calls, tokens and usd; ``splits`` the sizes; ``holdout_uses`` how many confirmations
    the holdout has served. ``baselines`` are the scores by example id.
    """

    suite: str
    model: str
    dataset: str
    metric: str
    prompts: Mapping[str, str]
    splits: Mapping[str, int]
    score: Mapping[str, float]
    usage: Mapping[str, float]
    holdout_uses: int
    baselines: Mapping[str, Baseline]

    @property
    def scores(self) -> dict[str, float]:
        """Accepted score by example id."""
        return {identity: baseline.score for identity, baseline in self.baselines.items()}


def dump_snapshot(snapshot: Snapshot) -> tuple[str, str]:
    """The text of the YAML file and of the CSV file; equal snapshots give equal bytes."""
    from ruamel.yaml import YAML

    fields = asdict(snapshot)
    del fields["baselines"]
    yaml = YAML()
    yaml.width = 1 << 16
    yaml.default_flow_style = False
    stream = io.StringIO()
    yaml.dump({"version": VERSION, **_sorted(fields)}, stream)
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["id", "score", "example"])
    for identity, baseline in sorted(snapshot.baselines.items()):
        writer.writerow([identity, f"{baseline.score:.12g}", baseline.example])
    return stream.getvalue(), table.getvalue()


def parse_snapshot(text: str, table: str, *, path: Path) -> Snapshot:
    """Snapshot from the texts of its two files; raises ``SnapshotError`` saying what is wrong."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        fields = YAML(typ="safe", pure=True).load(text)
    except (YAMLError, ValueError, RecursionError) as error:
        raise SnapshotError(f"malformed YAML: {str(error).splitlines()[0]}", path=path) from None
    if not isinstance(fields, dict):
        raise SnapshotError(f"a mapping expected, found {type(fields).__name__}", path=path)
    version = fields.pop("version", None)
    if version != VERSION:
        newer = isinstance(version, int) and version > VERSION
        advice = "update pytest-lmopt" if newer else "delete it and run --lm-snapshot-update"
        raise SnapshotError(f"format version {version!r}, {VERSION} expected; {advice}", path=path)
    for name, kind in _FIELDS.items():
        if not isinstance(fields.get(name), kind):
            raise SnapshotError(
                f"field '{name}' is {fields.get(name)!r}; delete the file and run "
                "--lm-snapshot-update to make it anew",
                path=path,
            )
    unknown = sorted(fields.keys() - _FIELDS.keys())
    if unknown:
        raise SnapshotError(f"unknown field '{unknown[0]}'", path=path)
    return Snapshot(**fields, baselines=_baselines(table, path.with_suffix(".scores.csv")))


_FIELDS: dict[str, type] = {
    "suite": str,
    "model": str,
    "dataset": str,
    "metric": str,
    "prompts": dict,
    "splits": dict,
    "score": dict,
    "usage": dict,
    "holdout_uses": int,
}


def _baselines(table: str, path: Path) -> dict[str, Baseline]:
    baselines: dict[str, Baseline] = {}
    for number, row in enumerate(csv.DictReader(io.StringIO(table, newline="")), start=2):
        try:
            score = float(row["score"])
            baselines[row["id"]] = Baseline(score=score, example=row["example"])
        except (KeyError, TypeError, ValueError):
            raise SnapshotError(
                f"line {number}: id, score and example expected, found {list(row.values())}",
                path=path,
            ) from None
    return baselines


def _sorted(fields: dict[str, Any]) -> dict[str, Any]:
    """Mappings inside with their keys in order; numbers short enough to review."""
    return {
        name: {key: _short(value[key]) for key in sorted(value)}
        if isinstance(value, dict)
        else value
        for name, value in fields.items()
    }


def _short(value: Any) -> Any:
    return round(value, 6) if isinstance(value, float) else value
