"""The row table keeps what is known of each row's inputs, whatever its id is by now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from pytest_lmopt.assessment.placement import accepted_rows, as_split, counted_rows
from pytest_lmopt.snapshots.snapshot import Snapshot
from pytest_lmopt.suites.example import Dataset, Example
from pytest_lmopt.suites.suite import Suite

WORDS = [f"word {n}" for n in range(60)]


def suite(words: Sequence[str], snapshot: Snapshot | None = None) -> Suite:
    """A suite over some words, numbered from 0, with the splits of a snapshot."""
    examples = tuple(Example(id=f"r{n}", inputs={"word": each}) for n, each in enumerate(words))
    dataset = Dataset(examples=examples, source="words")
    return as_split(Suite(name="s", pipeline=str, dataset=dataset), snapshot, None)


def snapshot(rows: Any) -> Snapshot:
    """A searched snapshot with these rows."""
    return Snapshot(
        suite="s",
        models=(),
        dataset="",
        criteria={"score": ""},
        texts={},
        rows=rows,
        score={},
        usage={},
        searched=True,
    )


def places(suite: Suite) -> dict[str, str]:
    """The split of each word."""
    return {each.inputs["word"]: suite.splits.names[each.id] for each in suite.dataset}


def test_rows_that_are_numbered_anew_keep_their_splits() -> None:
    """However often the first row goes, and each other one gets the id of the row before it."""
    before, known = suite(WORDS), snapshot(accepted_rows(suite(WORDS), None, {}))
    for gone in range(1, 6):
        now = suite(WORDS[gone:], known)
        known = snapshot(accepted_rows(now, known, {}))
        assert places(now) == {word: places(before)[word] for word in WORDS[gone:]}


def test_a_row_that_was_learned_from_is_known_when_another_has_its_id() -> None:
    """Its words come back under a new id, and still never to holdout."""
    first = suite(WORDS)
    learned = [each.id for each in first.splits.holdout]
    known = snapshot(accepted_rows(first, None, {}, learned=learned))
    edited = [f"new {word}" for word in WORDS]
    known = snapshot(accepted_rows(suite(edited, known), known, {}))
    now = suite([*edited, *WORDS], known)
    assert not {places(now)[WORDS[int(name[1:])]] for name in learned} & {"holdout"}


@pytest.mark.parametrize("gone", [0, 1])
def test_a_confirmation_is_counted_for_the_inputs_that_it_read(gone: int) -> None:
    """Rows of other inputs stay as they were, though those that were read have their ids."""
    first = suite(WORDS)
    known = snapshot(accepted_rows(first, None, {}))
    rows = counted_rows(suite(WORDS[gone:], known), known, "the winner")
    read = {
        each.input_digest for each in first.splits.holdout if each.inputs["word"] in WORDS[gone:]
    }
    assert {row.inputs for row in rows.values() if row.uses} == read
    assert {name: replace(row, uses=()) for name, row in rows.items()} == dict(known.rows)
