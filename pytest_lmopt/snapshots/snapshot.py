"""The baseline snapshot of a suite: a YAML file for people and a CSV of scores, side by side."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pytest_lmopt.errors import SnapshotError
from pytest_lmopt.snapshots.cells import as_text, as_written, csv_line
from pytest_lmopt.suites.reading import cells_of_any_length
from pytest_lmopt.suites.yaml_text import YamlError, load_yaml

VERSION = 1
_MOST = 1e12
"""No count or figure is larger; .inf, .nan and what overflows a division are not."""
_COLUMNS = ["id", "score", "example"]


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """One example's accepted score, and the digest of the example it was given for."""

    score: float
    example: str


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """What was accepted: by which dataset, metric, model and prompts, with which scores.

    ``prompts`` maps prompt names to state digests; ``score`` holds mean, low, high and n;
    ``usage`` calls, tokens and usd; ``splits`` the sizes, as drawn by ``split_seed``;
    ``holdout_uses`` how many confirmations the holdout has served. ``baselines`` are the scores by
    example id.
    """

    suite: str
    model: str
    dataset: str
    metric: str
    prompts: Mapping[str, str]
    splits: Mapping[str, int]
    split_seed: int
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
    rows = [
        [as_text(identity), f"{baseline.score:.12g}", as_text(baseline.example)]
        for identity, baseline in sorted(snapshot.baselines.items())
    ]
    return stream.getvalue(), "".join(map(csv_line, [_COLUMNS, *rows]))


def parse_snapshot(text: str, table: str, *, path: Path) -> Snapshot:
    """Snapshot from the texts of its two files; raises ``SnapshotError`` saying what is wrong."""
    try:
        fields = load_yaml(text, kind="safe")
    except YamlError as error:
        line = f" in line {error.line}" if error.line else ""
        raise SnapshotError(f"malformed YAML{line}: {error}", path=path) from None
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
        if kind is dict:
            _check_entries(name, fields[name], path)
    unknown = sorted(map(str, fields.keys() - _FIELDS.keys()))
    if unknown:
        raise SnapshotError(f"unknown field '{unknown[0]}'", path=path)
    if not 0 <= fields["holdout_uses"] <= _MOST:
        raise SnapshotError(f"field 'holdout_uses' is {fields['holdout_uses']}", path=path)
    return Snapshot(**fields, baselines=_baselines(table, path.with_suffix(".scores.csv")))


_FIELDS: dict[str, type] = {
    "suite": str,
    "model": str,
    "dataset": str,
    "metric": str,
    "prompts": dict,
    "splits": dict,
    "split_seed": int,
    "score": dict,
    "usage": dict,
    "holdout_uses": int,
}


def _check_entries(name: str, entries: dict[Any, Any], path: Path) -> None:
    for key, value in entries.items():
        if name == "prompts":
            good = isinstance(value, str)
        else:
            good = isinstance(value, int | float) and abs(value) <= _MOST
        if not isinstance(key, str) or not good:
            kind = "text" if name == "prompts" else "a number"
            raise SnapshotError(
                f"field '{name}', entry {key!r}: {kind} expected, found {value!r}; delete the file "
                "and run --lm-snapshot-update to make it anew",
                path=path,
            )


def _baselines(table: str, path: Path) -> dict[str, Baseline]:
    baselines: dict[str, Baseline] = {}
    try:
        with cells_of_any_length(table):
            rows = [row for row in csv.reader(io.StringIO(table, newline="")) if row]
    except csv.Error as error:
        raise SnapshotError(f"malformed CSV: {error}", path=path) from None
    if rows[:1] != [_COLUMNS]:
        raise SnapshotError(
            f"columns id, score, example expected, found {str(rows[:1])[:200]}", path=path
        )
    for number, row in enumerate(rows[1:], start=2):
        try:
            identity, score, example = as_written(row[0]), row[1], as_written(row[2])
            if len(row) > 3 or identity in baselines or not 0.0 <= float(score) <= 1.0:
                raise ValueError
        except (ValueError, IndexError):
            raise SnapshotError(
                f"line {number}: an id of its own, a score from 0 to 1 and the example's digest "
                f"expected, found {str(row)[:200]}",
                path=path,
            ) from None
        baselines[identity] = Baseline(score=float(score), example=example)
    return baselines


def _sorted(fields: dict[str, Any]) -> dict[str, Any]:
    """Mappings inside with their keys in order; numbers short enough to review."""
    return {
        name: {_short(key): _short(value[key]) for key in sorted(value)}
        if isinstance(value, dict)
        else _short(value)
        for name, value in fields.items()
    }


def _short(value: Any) -> Any:
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    if isinstance(value, str) and not value.isprintable():
        return DoubleQuotedScalarString(value)  # only its escapes bring back every character
    return round(value, 6) if isinstance(value, float) else value
