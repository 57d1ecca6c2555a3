"""The snapshot of a suite, format 2: a YAML file for people and a CSV row table beside it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_lmopt.errors import SnapshotError
from pytest_lmopt.snapshots.row_table import Row, dump_rows, parse_rows
from pytest_lmopt.suites.splits import NAMES, SHARES
from pytest_lmopt.suites.yaml_text import YamlError, load_yaml

VERSION = 2
MOST = 1e12
"""No count or figure is larger; .inf, .nan and what overflows a division are not."""

SCORE = "score"
"""The criterion of a suite with one metric."""

MEND = "restore both files from git, or delete both and run --lm-snapshot-update"


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """Accepted prompts and scores, and the split of each row.

    ``models`` are those that requests asked, none where no call was made; ``criteria`` maps each
    criterion to its metric's digest, ``texts`` each prompt to its state's, ``choices`` each
    accepted setting to its value. ``shares`` are those of train and dev, by which ``split_seed``
    draws. ``score`` holds mean, low, high and n, where n = 0 says that no scores are accepted yet;
    ``usage`` calls, tokens and usd. ``searched``: a search chose the accepted prompts. ``rows`` is
    the row table by example id.
    """

    suite: str
    models: tuple[str, ...]
    dataset: str
    criteria: Mapping[str, str]
    texts: Mapping[str, str]
    rows: Mapping[str, Row]
    score: Mapping[str, float]
    usage: Mapping[str, float]
    choices: Mapping[str, str | float] = field(default_factory=dict)
    searched: bool = False
    split_seed: int = 0
    shares: Mapping[str, float] = field(default_factory=lambda: SHARES)

    @property
    def primary(self) -> str:
        """The criterion that is the suite's score: the first one."""
        return next(iter(self.criteria), SCORE)

    @property
    def metric(self) -> str:
        """Digest of the primary criterion's metric."""
        return self.criteria.get(self.primary, "")

    @property
    def baselines(self) -> dict[str, Row]:
        """The rows with an accepted score, by example id."""
        return {identity: row for identity, row in self.rows.items() if self.primary in row.scores}

    @property
    def scores(self) -> dict[str, float]:
        """Accepted score by example id."""
        return {identity: row.scores[self.primary] for identity, row in self.baselines.items()}

    @property
    def splits(self) -> dict[str, int]:
        """Number of the dataset's rows in each split."""
        counts = Counter(row.split for row in self.rows.values() if row.example)
        return {name: counts[name] for name in NAMES}

    @property
    def holdout_uses(self) -> int:
        """Number of confirmations of the holdout row that served most."""
        today = (row for row in self.rows.values() if row.example)
        return max((len(row.uses) for row in today if row.split == "holdout"), default=0)


def dump_snapshot(snapshot: Snapshot) -> tuple[str, str]:
    """The text of the YAML file and of the CSV file; equal snapshots give equal bytes."""
    import io

    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.width = 1 << 16
    yaml.default_flow_style = False
    stream = io.StringIO()
    fields = {
        "version": VERSION,
        "suite": snapshot.suite,
        "models": list(snapshot.models),
        "dataset": snapshot.dataset,
        "criteria": snapshot.criteria,
        "texts": snapshot.texts,
        "choices": snapshot.choices,
        "splits": snapshot.splits,
        "split_seed": snapshot.split_seed,
        "shares": snapshot.shares,
        "holdout_uses": snapshot.holdout_uses,
        "searched": snapshot.searched,
        "score": snapshot.score,
        "usage": snapshot.usage,
    }
    yaml.dump({name: _short(value) for name, value in fields.items()}, stream)
    return stream.getvalue(), dump_rows(snapshot.rows, tuple(snapshot.criteria))


def parse_snapshot(text: str, table: str, *, path: Path) -> Snapshot:
    """Read the texts of a snapshot's two files; raises ``SnapshotError`` naming the fault."""
    return snapshot_from(read_fields(text, path=path), table, path=path)


def snapshot_from(read: Mapping[Any, Any], table: str, *, path: Path) -> Snapshot:
    """Build a snapshot of what ``read_fields`` read and its table; raises ``SnapshotError``."""
    fields = dict(read)
    version = fields.pop("version", None)
    if version != VERSION:
        newer = isinstance(version, int) and version > VERSION
        advice = "Update pytest-lmopt" if newer else "Delete it and run --lm-snapshot-update"
        raise SnapshotError(
            f"unknown format version: expected 1 or {VERSION}, found {version!r}. {advice}",
            path=path,
        )
    check_fields(fields, _FIELDS, path)
    if set(fields["shares"]) != set(SHARES) or not 0.0 <= sum(fields["shares"].values()) <= 1.0:
        raise SnapshotError(
            f"field 'shares': expected shares of train and dev, found {fields['shares']!r}. "
            f"{MEND.capitalize()}",
            path=path,
        )
    splits, uses = fields.pop("splits"), fields.pop("holdout_uses")
    models = fields.pop("models")
    rows_path = path.with_suffix(".scores.csv")
    rows = parse_rows(table, tuple(fields["criteria"]), path=rows_path)
    snapshot = Snapshot(**fields, models=tuple(models), rows=rows)
    for name, said, found in (
        ("splits", splits, snapshot.splits),
        ("holdout_uses", uses, snapshot.holdout_uses),
    ):
        if said != found:
            raise SnapshotError(
                f"its rows don't match {path.name}: expected {name} {said}, found {found}; a part "
                f"of the two files is lost. {MEND.capitalize()}",
                path=rows_path,
            )
    check_scores(snapshot.score, snapshot.scores, path=path)
    return snapshot


def read_fields(text: str, *, path: Path) -> dict[Any, Any]:
    """The top-level mapping of a snapshot's YAML file; raises ``SnapshotError``."""
    try:
        fields = load_yaml(text, kind="safe")
    except YamlError as error:
        line = f" in line {error.line}" if error.line else ""
        raise SnapshotError(f"malformed YAML{line}: {error}", path=path) from None
    if not isinstance(fields, dict):
        raise SnapshotError(f"a mapping expected, found {type(fields).__name__}", path=path)
    return fields


def check_scores(said: Mapping[str, float], scores: Mapping[str, float], *, path: Path) -> None:
    """Raise ``SnapshotError`` unless number and mean of the scores are as the YAML file says."""
    if "n" not in said:
        raise SnapshotError(
            f"field 'score': expected n and mean, found {dict(said)!r}. {MEND.capitalize()}",
            path=path,
        )
    table, n = path.with_suffix(".scores.csv"), len(scores)
    mean = math.fsum(scores.values()) / n if n else 0.0
    # both files round: the figure to six places, a score to twelve digits
    if n != said["n"] or abs(mean - said.get("mean", mean)) > 2e-6:
        raise SnapshotError(
            f"its rows don't match {path.name}: expected {said['n']} scores with mean "
            f"{said.get('mean')}, found {n} with mean {mean:.6f}; a part of the two files is "
            f"lost. {MEND.capitalize()}",
            path=table,
        )


_FIELDS: dict[str, Any] = {
    "suite": str,
    "models": [str],
    "dataset": str,
    "criteria": {str: str},
    "texts": {str: str},
    "choices": {str: object},
    "splits": {str: int},
    "split_seed": int,
    "shares": {str: float},
    "holdout_uses": int,
    "searched": bool,
    "score": {str: float},
    "usage": {str: float},
}


def check_fields(fields: Mapping[Any, Any], kinds: Mapping[str, Any], path: Path) -> None:
    """Raise ``SnapshotError`` where a field is missing, unknown or of another kind.

    A kind is a type, a list with the type of its items, or a mapping with that of its values.
    """
    for name, kind in kinds.items():
        value = fields.get(name)
        outer: Any = kind
        inner: Any = None
        if isinstance(kind, list):
            outer, inner, items = list, kind[0], list(enumerate(value or ()))
        elif isinstance(kind, dict):
            outer, inner = dict, kind[str]
            items = list(value.items()) if isinstance(value, dict) else []
        if not _is(value, outer):
            raise SnapshotError(
                f"field '{name}' is {value!r}: expected {_WORDS[outer]}. {MEND.capitalize()}",
                path=path,
            )
        for key, item in items if inner else ():
            if (outer is dict and not isinstance(key, str)) or not _is(item, inner):
                raise SnapshotError(
                    f"field '{name}', entry {key!r}: {_WORDS[inner]} expected, found {item!r}. "
                    f"{MEND.capitalize()}",
                    path=path,
                )
    unknown = sorted(map(str, fields.keys() - kinds.keys()))
    if unknown:
        raise SnapshotError(f"unknown field '{unknown[0]}'", path=path)


_WORDS = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "a mapping",
    object: "text or a number",
}


def _is(value: Any, kind: Any) -> bool:
    if kind is bool:
        return isinstance(value, bool)
    if kind is object:
        return isinstance(value, str) or _is(value, float)
    if kind in (int, float):
        return isinstance(value, int | kind) and 0 <= abs(value) <= MOST
    return isinstance(value, kind)


def _short(value: Any) -> Any:
    """Mappings with their keys in order; numbers short enough to review."""
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    if isinstance(value, Mapping):
        return {_short(key): _short(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_short(each) for each in value]
    if isinstance(value, str) and not value.isprintable():
        return DoubleQuotedScalarString(value)  # only its escapes bring back every character
    return round(value, 6) if isinstance(value, float) else value
