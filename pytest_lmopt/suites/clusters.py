"""Clusters: rows that are not independent, because they share inputs, most words, or a group."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from pytest_lmopt.suites.example import Example
from pytest_lmopt.suites.values import comparable_text, text_in


def clusters(examples: Sequence[Example]) -> list[list[Example]]:
    """Split examples into connected sets: equal inputs, near duplicates and groups join.

    Returns every example in exactly one set, in the order of first appearance.
    """
    if _stand_alone(examples):
        return [[example] for example in examples]
    sets = _DisjointSets(len(examples))
    first: dict[tuple[str, str], int] = {}
    for place, example in enumerate(examples):
        keys = [("inputs", example.input_digest)]
        if example.group is not None:
            keys.append(("group", example.group))
        if example.alike is not None:
            keys.append(("alike", example.alike))
        for key in keys:
            sets.join(first.setdefault(key, place), place)
    found: dict[int, list[Example]] = {}
    for place, example in enumerate(examples):
        found.setdefault(sets.first(place), []).append(example)
    return list(found.values())


def _stand_alone(examples: Sequence[Example]) -> bool:
    """Whether no example has a group, a near duplicate or another one's inputs."""
    if any(each.group is not None or each.alike is not None for each in examples):
        return False
    return len({each.input_digest for each in examples}) == len(examples)


def with_near_duplicates(examples: Sequence[Example], *, least: float) -> tuple[Example, ...]:
    """Give near duplicates one ``alike`` name: they share a split and a cluster.

    Alike are two whose sets of words have a Jaccard similarity of ``least`` in (0, 1] or more, and
    by transitivity those alike to either. Pairs are found by the rarest words of each set (prefix
    filter; Chaudhuri, Ganti and Kaushik 2006), so rows with nothing rare in common are never
    compared.
    """
    words_of = [frozenset(_words(example.inputs)) for example in examples]
    frequency = Counter(word for words in words_of for word in words)
    sets = _DisjointSets(len(examples))
    index: dict[str, list[int]] = {}
    for place, words in enumerate(words_of):
        rare = sorted(words, key=lambda word: (frequency[word], word))
        seen: set[int] = set()
        for word in rare[: len(words) - math.ceil(least * len(words)) + 1]:
            for other in index.setdefault(word, []):
                if other not in seen and sets.first(other) != sets.first(place):
                    seen.add(other)
                    if _similarity(words, words_of[other]) >= least:
                        sets.join(other, place)
            index[word].append(place)
    firsts = [sets.first(place) for place in range(len(examples))]
    counts = Counter(firsts)
    return tuple(
        replace(example, alike=examples[first].id) if counts[first] > 1 else example
        for first, example in zip(firsts, examples, strict=True)
    )


def groups_of(examples: Iterable[Example]) -> dict[str, str] | None:
    """Name the cluster of each example by its id; None where every example stands alone.

    An example without a group whose inputs no other row has is a cluster of its own and not named.
    """
    examples = list(examples)
    if _stand_alone(examples):
        return None
    groups = {
        example.id: members[0].id
        for members in clusters(examples)
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


class _DisjointSets:
    """The numbers from 0 to ``count`` - 1 in sets, at first one each; a set goes by its first."""

    def __init__(self, count: int) -> None:
        self._parents = list(range(count))

    def first(self, number: int) -> int:
        """Find the first number of a number's set."""
        parents = self._parents
        while parents[number] != number:
            parents[number] = parents[parents[number]]
            number = parents[number]
        return number

    def join(self, one: int, other: int) -> None:
        """Make one set of the sets of two numbers."""
        low, high = sorted((self.first(one), self.first(other)))
        self._parents[high] = low


def _similarity(one: frozenset[str], other: frozenset[str]) -> float:
    """Jaccard similarity in [0, 1]."""
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared)


def _words(value: object) -> Iterator[str]:
    text = text_in(value)
    if text is not None:
        yield from re.findall(r"\w+", comparable_text(text))
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _words(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _words(each)
