"""Near duplicates: rows whose inputs have most of their words in common."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from pytest_lmopt.suites.example import Example
from pytest_lmopt.suites.values import comparable_text, text_in


def joined(examples: Sequence[Example], *, least: float) -> tuple[Example, ...]:
    """The examples, those alike named by one ``alike`` key: they share a split and a cluster.

    Alike are two whose sets of words have a Jaccard similarity of ``least`` in (0, 1] or more, and
    by transitivity those alike to either. Pairs are found by the rarest words of each set (prefix
    filter; Chaudhuri, Ganti and Kaushik 2006), so rows with nothing rare in common are never
    compared.
    """
    sets = [frozenset(_words(example.inputs)) for example in examples]
    frequency = Counter(word for words in sets for word in words)
    names = list(range(len(examples)))

    def root(place: int) -> int:
        while names[place] != place:
            names[place] = names[names[place]]
            place = names[place]
        return place

    index: dict[str, list[int]] = {}
    for place, words in enumerate(sets):
        rare = sorted(words, key=lambda word: (frequency[word], word))
        seen: set[int] = set()
        for word in rare[: len(words) - math.ceil(least * len(words)) + 1]:
            for other in index.setdefault(word, []):
                if other not in seen and root(other) != root(place):
                    seen.add(other)
                    if _similarity(words, sets[other]) >= least:
                        names[root(place)] = root(other)
            index[word].append(place)
    counts = Counter(map(root, range(len(examples))))
    return tuple(
        replace(example, alike=examples[root(place)].id) if counts[root(place)] > 1 else example
        for place, example in enumerate(examples)
    )


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
