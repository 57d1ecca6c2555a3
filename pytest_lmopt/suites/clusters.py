"""Clusters: rows that are not independent, because they share their inputs or their group."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from pytest_lmopt.suites.example import Example


def clusters(examples: Sequence[Example]) -> list[list[Example]]:
    """Split examples into connected sets: equal inputs, near duplicates and groups join.

    Returns every example in exactly one set, in the order of first appearance.
    """
    parents = list(range(len(examples)))

    def root(place: int) -> int:
        while parents[place] != place:
            parents[place] = parents[parents[place]]
            place = parents[place]
        return place

    first: dict[tuple[str, str], int] = {}
    for place, example in enumerate(examples):
        keys = [("inputs", example.input_digest)]
        if example.group is not None:
            keys.append(("group", example.group))
        if example.alike is not None:
            keys.append(("alike", example.alike))
        for key in keys:
            other = first.setdefault(key, place)
            parents[max(root(other), root(place))] = min(root(other), root(place))
    found: dict[int, list[Example]] = {}
    for place, example in enumerate(examples):
        found.setdefault(root(place), []).append(example)
    return list(found.values())


def groups_of(examples: Iterable[Example]) -> dict[str, str] | None:
    """Name the cluster of each example by its id; None where every example stands alone.

    An example without a group whose inputs no other row has is a cluster of its own and not named.
    """
    groups = {
        example.id: members[0].id
        for members in clusters(list(examples))
        for example in members
        if len(members) > 1 or example.group is not None
    }
    return groups or None


def group_names(examples: Sequence[Example]) -> dict[str, str]:
    """Name the cluster of each example by its group, else by the first id in it; none stand alone.

    A cluster that joins several groups has the name of the first.
    """
    clusters = groups_of(examples) or {}
    names: dict[str, str] = {}
    for example in examples:
        if example.group is not None:
            names.setdefault(clusters[example.id], example.group)
    return {identity: names.get(cluster, cluster) for identity, cluster in clusters.items()}


def clusters_of(identities: Iterable[str], examples: Iterable[Example]) -> list[str] | None:
    """Name the cluster of each of some examples; None where every example stands alone."""
    groups = groups_of(examples)
    return [groups.get(identity, identity) for identity in identities] if groups else None


def duplicates_note(examples: Sequence[Example]) -> str:
    """Say how many rows share their inputs with another row; empty where all inputs differ."""
    exact = Counter(example.input_digest for example in examples)
    near = Counter(example.alike for example in examples if example.alike is not None)
    if near:
        words, joined = "are near duplicates of another row", near.total()
    else:
        words = f"share their inputs with another row ({len(exact)} different inputs)"
        joined = sum(count for count in exact.values() if count > 1)
    if not joined:
        return ""
    return (
        f"{joined} of {len(examples)} rows {words}: such rows share a split and count as one "
        "cluster"
    )
