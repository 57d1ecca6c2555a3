"""Proposals that copy answers out of the data: they would be right where they were taken from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.example import Example

WORDS = 6
"""So many words in a row, the same as in an expected answer, are taken for a copy of it."""


def copied(candidate: Candidate, before: Candidate, examples: Iterable[Example]) -> str | None:
    """Words that an instruction of ``candidate`` copies from an expected answer; None if none.

    What ``before`` says already is no copy: a user may write answers into a prompt. Demos are
    meant to show answers, and come from train.
    """
    answers: set[tuple[str, ...]] = set()
    for example in examples:
        for text in _texts(example.expected):
            answers.update(_runs_of_words(text))
    for key, state in candidate.states.items():
        known = before.states[key].instruction if key in before.states else ""
        new = set(_runs_of_words(state.instruction)) - set(_runs_of_words(known))
        for words in sorted(new & answers):
            return " ".join(words)
    return None


def _texts(expected: object) -> Iterable[str]:
    if isinstance(expected, str):
        yield expected
    elif isinstance(expected, Mapping):
        for value in expected.values():
            yield from _texts(value)
    elif isinstance(expected, list | tuple):
        for value in expected:
            yield from _texts(value)


def _runs_of_words(text: str) -> Iterable[tuple[str, ...]]:
    words = re.findall(r"\w+", text.casefold())
    return (tuple(words[start : start + WORDS]) for start in range(len(words) - WORDS + 1))
