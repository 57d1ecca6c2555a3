"""Splits depend on each example's id, or group, alone."""

from __future__ import annotations

from pytest_lmopt.suites.example import Example
from pytest_lmopt.suites.splits import Splits, seeded_order, split


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
    """Hashing spreads ids evenly enough for the shares to show."""
    splits = split(examples(10_000))

    assert abs(len(splits.train) - 2500) < 200
    assert abs(len(splits.dev) - 3750) < 200
    assert abs(len(splits.holdout) - 3750) < 200


def test_new_rows_move_none_of_the_old() -> None:
    """A dataset that grows keeps its holdout secret."""
    before = parts(split(examples(200)))
    after = parts(split(examples(50, prefix="new") + examples(300)[::-1]))

    assert {identity: after[identity] for identity in before} == before


def test_the_split_is_the_same_on_every_machine() -> None:
    """These assignments are fixed: changing them would reshuffle every user's data."""
    assert parts(split(examples(6))) == {
        "e0": "train",
        "e1": "dev",
        "e2": "dev",
        "e3": "dev",
        "e4": "train",
        "e5": "holdout",
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
