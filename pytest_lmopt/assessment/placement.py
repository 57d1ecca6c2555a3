"""Rows and their splits: taken from the snapshot before a run, and written to it after one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from pytest_lmopt.snapshots.row_table import EARLIER, Row
from pytest_lmopt.snapshots.snapshot import SCORE, Snapshot
from pytest_lmopt.suites.example import Dataset, Example
from pytest_lmopt.suites.prompt_state import PromptState
from pytest_lmopt.suites.suite import Suite


def as_split(suite: Suite, snapshot: Snapshot | None, resplit: int | None) -> Suite:
    """The suite with the splits of its snapshot, or drawn anew where ``resplit`` is another seed.

    Drawing anew keeps the uses of each row, and those that prompts learned from in train.
    """
    if snapshot is None:
        return replace(suite, split_seed=resplit or 0)
    seed = snapshot.split_seed if resplit is None else resplit
    rows: Iterable[Row] = snapshot.rows.values()
    if seed != snapshot.split_seed:
        rows = (replace(row, split="") for row in rows)
    return replace(suite, split_seed=seed, placed=tuple(rows), shares=snapshot.shares)


def accepted_rows(
    suite: Suite,
    before: Snapshot | None,
    scores: Mapping[str, float],
    *,
    confirmation: str = "",
    learned: Collection[str] = (),
    same_prompts: bool = False,
) -> dict[str, Row]:
    """The row table that accepts ``scores``, given by example id in [0, 1].

    Each holdout row counts the ``confirmation``, if there was one; the rows with the ids
    ``learned`` never return to holdout. With the ``same_prompts`` the scores accepted before
    become those of an earlier run.
    """
    old = dict(before.rows) if before else {}
    again = same_prompts and any(
        SCORE in old[name].scores and abs(old[name].scores[SCORE] - score) > 1e-9
        for name, score in scores.items()
        if name in old
    )
    rows: dict[str, Row] = {}
    for example in suite.dataset:
        row = _placed(suite, example, confirmation, learned=example.id in learned)
        was = old.get(example.id)
        if was is not None and same_prompts and was.example == row.example:
            row = replace(row, earlier=_earlier(was) if again else was.earlier)
        if example.id in scores:
            row = replace(row, scores={SCORE: scores[example.id]})
        rows[example.id] = row
    searched = before is not None and (before.searched or before.holdout_uses > 0)
    today = {row.inputs for row in rows.values()}
    left = [
        row
        for row in old.values()
        if row.inputs not in today
        and (row.uses or row.learned or (searched and row.split != "holdout"))
    ]
    for row in left:
        # another row may have its id by now; without its inputs it was known by the id alone
        name = row.id if row.id not in rows else f"{row.id} ({row.inputs})"
        if row.inputs or name == row.id:
            rows[name] = replace(row, id=name, example="", scores={}, earlier={})
    return rows


def counted_rows(suite: Suite, before: Snapshot | None, confirmation: str) -> dict[str, Row]:
    """The row table that counts a confirmation and accepts nothing: scores stay as they are."""
    rows = dict(before.rows) if before else {}
    alike: dict[str, list[str]] = {}
    for name, row in rows.items():
        alike.setdefault(row.inputs, []).append(name)
    for example in suite.dataset:
        now, was = _placed(suite, example, confirmation), rows.get(example.id)
        names = [example.id]
        if was is None or was.inputs not in ("", now.inputs):
            names = alike.get(now.inputs, names)
            if now.inputs in alike:
                alike[now.inputs] = []  # counted once for all examples that have them
        for name in names:
            known = rows.get(name)
            rows[name] = replace(known, split=now.split, uses=now.uses) if known else now
    return rows


def learned_from(
    dataset: Dataset, states: Iterable[PromptState], train: Iterable[Example] = ()
) -> set[str]:
    """Ids of the rows that demos show; those of ``train`` too where a demo shows none of them.

    The demos of an inner step show what earlier steps made of a row, so their rows are unknown.
    """
    demos = [(state.inputs, demo) for state in states for demo in state.demos]
    values = {example.id: _values(example.inputs) for example in dataset} if demos else {}
    found: set[str] = set()
    for names, demo in demos:
        given = _values({name: demo[name] for name in names if name in demo})
        shown = {name for name, inputs in values.items() if given and given <= inputs}
        found |= shown or {example.id for example in train}
    return found


def _values(inputs: Mapping[str, object]) -> set[str]:
    """The values of some inputs, normalised, whatever their names."""
    return {Example(id="", inputs={"": value}).input_digest for value in inputs.values()}


def _placed(suite: Suite, example: Example, confirmation: str, *, learned: bool = False) -> Row:
    splits = suite.splits
    split = splits.names[example.id]
    uses = splits.uses.get(example.id, ())
    if confirmation and split == "holdout" and confirmation not in uses:
        uses = (*uses, confirmation)
    return Row(
        id=example.id,
        inputs=example.input_digest,
        split=split,
        uses=uses,
        learned=learned or example.id in splits.learned,
        example=example.digest,
    )


def _earlier(row: Row) -> dict[str, tuple[float, ...]]:
    return {
        name: (score, *row.earlier.get(name, ()))[:EARLIER] for name, score in row.scores.items()
    }
