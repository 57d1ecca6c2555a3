"""A split is drawn once a row, by its inputs or its group, and then kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pytest_lmopt.suites.clusters import clusters, duplicates_note, group_names, groups_of
from pytest_lmopt.suites.example import Example
from pytest_lmopt.suites.splits import PlacedRow, Splits, seeded_order, split


def examples(count: int, *, prefix: str = "e") -> list[Example]:
    """Examples with the ids e0, e1, ..."""
    return [Example(id=f"{prefix}{n}", inputs={"n": n}) for n in range(count)]


def parts(splits: Splits) -> dict[str, str]:
    """The part of each example by its id."""
    return {
        example.id: name
        for name, part in (
            ("train", splits.train),
            ("dev", splits.dev),
            ("holdout", splits.holdout),
        )
        for example in part
    }


def test_every_example_is_in_exactly_one_part() -> None:
    """Nothing is lost and nothing is learnt from and judged on at once."""
    splits = split(examples(500))

    assert len(splits.train) + len(splits.dev) + len(splits.holdout) == 500
    assert len(parts(splits)) == 500


def test_a_quarter_is_train_and_the_rest_judges() -> None:
    """Hashing spreads inputs evenly enough for the shares to show."""
    splits = split(examples(2_000))

    assert abs(len(splits.train) - 500) < 80
    assert abs(len(splits.dev) - 750) < 80
    assert abs(len(splits.holdout) - 750) < 80


def test_new_rows_move_none_of_the_old() -> None:
    """A dataset that grows keeps its holdout secret."""
    before = parts(split(examples(200)))
    new = [Example(id=f"new{n}", inputs={"text": n}) for n in range(50)]
    after = parts(split(new + examples(300)[::-1]))

    assert {identity: after[identity] for identity in before} == before


def test_the_split_is_the_same_on_every_machine() -> None:
    """These assignments are fixed: changing them would reshuffle every user's data."""
    assert parts(split(examples(6))) == {
        "e0": "dev",
        "e1": "dev",
        "e2": "holdout",
        "e3": "holdout",
        "e4": "dev",
        "e5": "train",
    }


def test_a_group_stays_together() -> None:
    """Examples of one customer are either learnt from or judged on."""
    grouped = [Example(id=f"e{n}", inputs={"n": n}, group=f"customer {n % 20}") for n in range(400)]

    where = parts(split(grouped))

    for customer in range(20):
        assert len({where[f"e{n}"] for n in range(customer, 400, 20)}) == 1


def test_an_examples_own_split_wins() -> None:
    """A ``split`` field in the data is obeyed, group or not."""
    pinned = [
        Example(id=f"e{n}", inputs={"n": n}, group="g", split="holdout" if n % 2 else "train")
        for n in range(20)
    ]

    splits = split(pinned)

    assert [example.id for example in splits.train] == [f"e{n}" for n in range(0, 20, 2)]
    assert len(splits.holdout) == 10


def test_dev_and_holdout_are_judged() -> None:
    """Train may stand in the demos, so it proves nothing."""
    splits = split(examples(100))

    assert splits.judged == splits.dev + splits.holdout
    assert not {example.id for example in splits.train} & {example.id for example in splits.judged}


def test_a_dataset_that_is_all_train_is_judged_on_it() -> None:
    """A handful of examples may all fall into train; better judged there than not at all."""
    few = [Example(id="a", inputs={"n": 1}, split="train")]

    assert split(few).judged == tuple(few)


def test_a_seeded_order_depends_on_seed_and_ids_only() -> None:
    """The same seed orders a shuffled source alike; another seed orders it differently."""
    ordered = seeded_order(examples(50), seed=1)

    assert ordered == seeded_order(examples(50)[::-1], seed=1)
    assert ordered != seeded_order(examples(50), seed=2)
    assert sorted(example.id for example in ordered) == sorted(e.id for e in examples(50))


def test_new_rows_do_not_change_the_order_of_the_old() -> None:
    """A race over a grown dataset meets the old examples in the old order."""
    before = [example.id for example in seeded_order(examples(50), seed=1)]
    after = [example.id for example in seeded_order(examples(80), seed=1)]

    assert [identity for identity in after if identity in before] == before


def placed(splits: Splits, uses: tuple[str, ...] = (), seed: int = 0) -> list[PlacedRow]:
    """The row table after a run with these splits, whose holdout served these confirmations."""
    return [
        PlacedRow(
            id=example.id,
            inputs=example.input_digest,
            split=name,
            uses=uses if name == "holdout" else (),
        )
        for name, part in (
            ("train", splits.train),
            ("dev", splits.dev),
            ("holdout", splits.holdout),
        )
        for example in part
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"expected": "another"},
        {"group": "all of one customer"},
        {"id": "renamed {id}"},
        {"inputs": {"n": -1}, "expected": "edited"},
    ],
    ids=["expected", "group", "id", "inputs"],
)
def test_a_row_never_moves(change: dict[str, Any]) -> None:
    """Whatever is changed of one row, it stays where it was drawn, by its id or its inputs."""
    before = split(examples(100))
    where = parts(before)
    for row in examples(100)[::9]:
        named = {"id": change["id"].format(id=row.id)} if "id" in change else {}
        changed = replace(row, **{**change, **named})
        rows = [changed if each is row else each for each in examples(100) if each.id != row.id]
        after = parts(split([*rows, changed], placed=placed(before)))
        assert after[changed.id] == where[row.id]


def test_equal_inputs_share_a_split_and_a_cluster() -> None:
    """Copies of a row under other ids, with blanks or other expected values, can't straddle."""
    rows = [
        Example(id=f"{copy}-{n}", inputs={"message": f"ticket {n}"}, expected=copy)
        for n in range(30)
        for copy in range(4)
    ]
    where = parts(split(rows))
    assert all(len({where[f"{copy}-{n}"] for copy in range(4)}) == 1 for n in range(30))
    groups = groups_of(rows)
    assert groups is not None
    assert len(set(groups.values())) == 30
    assert "120 of 120 rows share their inputs with another row (30 different inputs)" in (
        duplicates_note(rows)
    )


def test_groups_and_inputs_join_transitively() -> None:
    """Two customers who sent the same message are one cluster, with all their messages."""
    rows = [
        Example(id="a", inputs={"m": 1}, group="x"),
        Example(id="b", inputs={"m": 2}, group="x"),
        Example(id="c", inputs={"m": 2}, group="y"),
        Example(id="d", inputs={"m": 3}, group="y"),
        Example(id="e", inputs={"m": 4}),
    ]
    assert [[each.id for each in members] for members in clusters(rows)] == [list("abcd"), ["e"]]
    assert groups_of(rows) == dict.fromkeys("abcd", "a")
    assert groups_of(rows[4:]) is None
    assert group_names(rows) == dict.fromkeys("abcd", "x")
    assert group_names([replace(row, group=None) for row in rows]) == {"b": "b", "c": "b"}


@pytest.mark.parametrize("name", ["train", "dev", "holdout"])
def test_a_new_row_goes_with_the_rows_it_joins(name: str) -> None:
    """The same inputs, or the same group, as a row that was placed."""
    before = split(examples(100))
    known = next(example for example in examples(100) if parts(before)[example.id] == name)
    grouped = [replace(each, group="g") if each == known else each for each in examples(100)]
    for new in (
        Example(id="copy", inputs=known.inputs, expected="other"),
        Example(id="friend", inputs={"n": "new"}, group="g"),
    ):
        assert parts(split([*grouped, new], placed=placed(before)))[new.id] == name


def test_a_row_that_joins_several_splits_goes_to_the_most_used_one() -> None:
    """Train before dev before holdout; holdout rows of that cluster leave holdout."""
    rows = [Example(id=name, inputs={"n": name}) for name in ("train", "dev", "holdout")]
    table = [PlacedRow(id=each.id, inputs=each.input_digest, split=each.id) for each in rows]
    grouped = [replace(each, group="g") for each in rows]
    for several, expected in (
        (grouped, {"train": "train", "dev": "dev", "holdout": "train", "new": "train"}),
        (grouped[1:], {"dev": "dev", "holdout": "dev", "new": "dev"}),
    ):
        new = Example(id="new", inputs={"n": "new"}, group="g")
        splits = split([*several, new], placed=table)
        assert parts(splits) == expected
        assert splits.left == {"holdout"}


def test_a_holdout_row_that_was_learned_by_heart_leaves_holdout() -> None:
    """Even where the data pin it: a train row with its inputs would prove nothing but memory."""
    rows = [
        Example(id="a", inputs={"n": 1}, split="train"),
        Example(id="b", inputs={"n": 1}, split="holdout"),
        Example(id="c", inputs={"n": 2}, split="holdout"),
    ]
    assert parts(split(rows)) == {"a": "train", "b": "train", "c": "holdout"}


def test_drawing_anew_keeps_uses_and_lessons() -> None:
    """Another seed moves rows, but no row forgets its uses, and taught ones stay in train."""
    before = split(examples(200))
    table = [
        replace(row, split="", learned=row.split == "train")
        for row in placed(before, uses=("w1", "w2", "w3"))
    ]
    for seed in range(1, 6):
        after = split(examples(200), seed=seed, placed=table)
        assert {each.id for each in before.train} <= {each.id for each in after.train}
        assert after.use_of() == 4
        moved = {each.id for each in after.holdout} - {each.id for each in before.holdout}
        assert moved
        assert not moved & after.uses.keys()
    assert split(examples(200), seed=0, placed=table).use_of() == 4


def test_only_rows_never_used_start_afresh() -> None:
    """A holdout of new rows alone is used for the first time; one old row decides otherwise."""
    old = split([replace(each, split="holdout") for each in examples(3)])
    table = placed(old, uses=("w1", "w2"))
    new = [Example(id=f"new{n}", inputs={"new": n}, split="holdout") for n in range(3)]
    assert split(new, placed=table).use_of() == 1
    assert split([*new, old.holdout[0]], placed=table).use_of() == 3
    assert split([*new, replace(old.holdout[0], id="renamed")], placed=table).use_of() == 3


def test_a_repeated_confirmation_is_no_new_use() -> None:
    """It learns nothing more of holdout, so it is the use that it was the first time."""
    before = split(examples(50))
    after = split(examples(50), placed=placed(before, uses=("w1", "w2", "w3")))
    assert [after.use_of(name) for name in ("w1", "w2", "w3", "w4")] == [1, 2, 3, 4]


def test_shares_are_those_of_the_snapshot() -> None:
    """Rows are drawn by the shares that were chosen first."""
    splits = split(examples(2_000), shares={"train": 0.1, "dev": 0.3})
    assert abs(len(splits.train) - 200) < 60
    assert abs(len(splits.holdout) - 1_200) < 120
