"""Canonical JSON: equal values have one text, in every process."""

from __future__ import annotations

import pytest

from pytest_lmopt.canonical import canonical_json, digest


def test_keys_are_sorted_and_spaces_left_out() -> None:
    """The order in which a mapping was filled is no part of it."""
    assert canonical_json({"b": [1, 2.5], "a": "é"}) == '{"a":"é","b":[1,2.5]}'


@pytest.mark.parametrize("other", [["a"], "a", {"a"}, {"a", "b", "c"}])
def test_another_value_has_another_digest(other: object) -> None:
    """A set is neither a list nor a larger or smaller set."""
    assert digest(other) != digest({"a", "b"})
