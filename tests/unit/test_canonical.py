"""Canonical JSON: equal values have one text, in every process."""

from __future__ import annotations

import pytest
from doubles.hash_seeds import outputs

from pytest_lmopt.canonical import canonical_json, digest


def test_keys_are_sorted_and_spaces_left_out() -> None:
    """The order in which a mapping was filled is no part of it."""
    assert canonical_json({"b": [1, 2.5], "a": "é"}) == '{"a":"é","b":[1,2.5]}'


def test_a_set_has_one_digest_in_all_processes() -> None:
    """Texts are hashed anew in every process, and a set's own text follows their order."""
    source = (
        "from pytest_lmopt.canonical import digest\n"
        "print(digest({'tags': {'red', 'green', 'blue', 'grey'}, 'ids': frozenset({2, 1})}))"
    )
    found = outputs("-c", source)
    assert found == {digest({"ids": {1, 2}, "tags": {"grey", "blue", "green", "red"}})}


@pytest.mark.parametrize("other", [["a"], "a", {"a"}, {"a", "b", "c"}])
def test_another_value_has_another_digest(other: object) -> None:
    """A set is neither a list nor a larger or smaller set."""
    assert digest(other) != digest({"a", "b"})
