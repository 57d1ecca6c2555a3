"""Rows keep what earlier runs made of them: split, uses, lessons and scores of earlier runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from pytest_lmopt.assessment.placement import (
    accepted_rows,
    as_split,
    counted_rows,
    learned_from,
)
from pytest_lmopt.snapshots.row_table import EARLIER, Row
from pytest_lmopt.snapshots.snapshot import Snapshot
from pytest_lmopt.suites.example import Dataset, Example
from pytest_lmopt.suites.prompt_state import PromptState
from pytest_lmopt.suites.suite import Suite

SPLITS = {"a": "train", "b": "dev", "c": "holdout", "d": "holdout"}


def suite(names: str = "abcd") -> Suite:
    """A suite over rows with these ids."""
    rows = tuple(Example(id=name, inputs={"text": f"text {name}"}, expected=name) for name in names)
    return Suite(name="s", pipeline=lambda _: None, dataset=Dataset(examples=rows, source="rows"))


def snapshot(rows: Mapping[str, Row] | None = None, **fields: Any) -> Snapshot:
    """A snapshot in which each row has the split of the table above."""
    if rows is None:
        rows = {
            each.id: Row(
                id=each.id,
                inputs=each.input_digest,
                split=SPLITS[each.id],
                example=each.digest,
                scores={} if each.id == "a" else {"score": 1.0},
            )
            for each in suite().dataset
        }
    given = {"score": {"n": 3, "mean": 1.0}, "usage": {}, "criteria": {"score": "m"}}
    return Snapshot(suite="s", models=(), dataset="d", texts={}, rows=rows, **{**given, **fields})


def after(before: Snapshot, *, names: str = "abcd", **options: Any) -> Snapshot:
    """The snapshot that accepts a score of 1 on dev and holdout."""
    placed = as_split(suite(names), before, None)
    scores = {each.id: 1.0 for each in placed.splits.judged}
    return snapshot(accepted_rows(placed, before, scores, **options))


def test_a_row_that_leaves_and_returns_keeps_its_uses() -> None:
    """Removing rows, accepting, and adding them again is no way to a fresh holdout."""
    used = after(snapshot(), confirmation="w1")
    without = after(used, names="ab")
    assert {name: row.example for name, row in without.rows.items() if name in "cd"} == {
        "c": "",
        "d": "",
    }
    assert without.splits == {"train": 1, "dev": 1, "holdout": 0}
    again = as_split(suite(), without, None).splits
    assert again.names == SPLITS
    assert again.use_of() == 2


def test_rows_that_no_search_used_are_forgotten_once_they_leave() -> None:
    """Else a dataset that is made anew every week would swell the table."""
    assert after(snapshot(), names="ab").rows.keys() == {"a", "b"}
    searched = after(snapshot(searched=True), names="cd")
    assert searched.rows.keys() == {"a", "b", "c", "d"}


def test_the_same_prompts_keep_their_earlier_scores() -> None:
    """Up to ten, latest first; a replay is no new run, and another prompt begins afresh."""
    before = snapshot()
    for run in range(12):
        placed = as_split(suite(), before, None)
        scores = {each.id: run / 20 for each in placed.splits.judged}
        before = snapshot(accepted_rows(placed, before, scores, same_prompts=True))
    row = before.rows["c"]
    assert row.scores == {"score": 0.55}
    assert row.earlier["score"] == tuple(run / 20 for run in range(10, 0, -1))
    assert len(row.earlier["score"]) == EARLIER
    replayed = accepted_rows(placed, before, scores, same_prompts=True)
    assert replayed == before.rows
    assert accepted_rows(placed, before, scores)["c"].earlier == {}


def test_counting_a_use_changes_no_score() -> None:
    """Holdout rows get the use, new rows their place; the baseline stays as it is."""
    before = snapshot()
    placed = as_split(suite("abcdef"), before, None)
    rows = counted_rows(placed, before, "w1")
    assert {name for name, row in rows.items() if row.uses} == {
        name for name, split in placed.splits.names.items() if split == "holdout"
    }
    for name, row in before.rows.items():
        assert replace(rows[name], uses=()) == row
    assert rows["e"].scores == {}
    assert counted_rows(placed, snapshot(rows), "w1")["c"].uses == ("w1",)


def test_without_a_snapshot_a_use_is_counted_all_the_same() -> None:
    """A red suite has no baseline, but its holdout was read."""
    placed = as_split(suite(), None, None)
    rows = counted_rows(placed, None, "w1")
    assert rows.keys() == set("abcd")
    assert {row.split for row in rows.values() if row.uses} <= {"holdout"}


def state(demos: list[dict[str, str]], inputs: tuple[str, ...] = ("text",)) -> PromptState:
    """A prompt with these demos."""
    return PromptState(instruction="Do it.", inputs=inputs, outputs=("answer",), demos=tuple(demos))


@pytest.mark.parametrize(
    ("demos", "inputs", "found"),
    [
        ([], ("text",), ""),
        ([{"text": "text a", "answer": "x"}], ("text",), "a"),
        ([{"message": " TEXT  A ", "answer": "x"}], ("message",), "a"),
        ([{"text": "text c", "answer": "x"}], ("text",), "c"),
        ([{"text": "what an earlier step wrote", "answer": "x"}], ("text",), "T"),
        ([{"text": "text a", "answer": "x"}, {"text": "b", "answer": "x"}], ("text",), "aT"),
    ],
)
def test_the_rows_that_demos_show(
    demos: list[dict[str, str]], inputs: tuple[str, ...], found: str
) -> None:
    """By their inputs, whatever these are called; those of an inner step may be any of train."""
    dataset = suite().dataset
    train = [Example(id="T", inputs={"text": "train"})]
    assert learned_from(dataset, [state(demos, inputs)], train) == set(found)
    assert learned_from(dataset, [state(demos, inputs)]) == set(found) - {"T"}
